// What a driver may ask about a packet's requestor, its stack and its process; share access.
//
// Thread safety: any actor.
#include "kernel/dispatcher_nt.hpp"
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

PETHREAD current_thread() { return reinterpret_cast<PETHREAD>(kernel::current_object()); }

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

/// There is one process object, whoever asks. Returns: NULL if the packet belongs to no thread.
PEPROCESS NTAPI IoGetRequestorProcess(PIRP Irp) {
  BELAY_EXPORT(IoGetRequestorProcess, Irp);
  return Irp->Tail.Overlay.Thread == nullptr ? nullptr : PsGetCurrentProcess();
}

/// Returns: who asked for the packet; 0 if it belongs to no thread.
ULONG NTAPI IoGetRequestorProcessId(PIRP Irp) {
  BELAY_EXPORT(IoGetRequestorProcessId, Irp);
  const wdm::irp_record* record = wdm::find_record(Irp);
  if (record != nullptr && record->process_id != 0) return static_cast<ULONG>(record->process_id);
  if (Irp->Tail.Overlay.Thread == nullptr) return 0;
  return static_cast<ULONG>(reinterpret_cast<ULONG_PTR>(PsGetCurrentProcessId()));
}

BOOLEAN NTAPI IoIs32bitProcess(PIRP Irp) {
  BELAY_EXPORT(IoIs32bitProcess, Irp);
  return FALSE;
}

BOOLEAN NTAPI IoIsOperationSynchronous(PIRP Irp) {
  BELAY_EXPORT(IoIsOperationSynchronous, Irp);
  if ((Irp->Flags & IRP_SYNCHRONOUS_API) != 0) return TRUE;
  PFILE_OBJECT file = Irp->Tail.Overlay.OriginalFileObject;
  return file != nullptr && (file->Flags & FO_SYNCHRONOUS_IO) != 0;
}

VOID NTAPI IoQueueThreadIrp(PIRP Irp) {
  BELAY_EXPORT(IoQueueThreadIrp, Irp);
  wdm::require_irp(Irp, "IoQueueThreadIrp")->thread = sync::self();
}

PIRP NTAPI IoGetTopLevelIrp(VOID) {
  BELAY_EXPORT(IoGetTopLevelIrp, nullptr);
  return static_cast<PIRP>(kernel::current().io);
}

VOID NTAPI IoSetTopLevelIrp(PIRP Irp) {
  BELAY_EXPORT(IoSetTopLevelIrp, Irp);
  kernel::current().io = Irp;
}

NTSTATUS NTAPI IoCheckShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess,
                                  PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess,
                                  BOOLEAN Update) {
  BELAY_EXPORT(IoCheckShareAccess, FileObject);
  const bool read = (DesiredAccess & (FILE_READ_DATA | FILE_EXECUTE)) != 0;
  const bool write = (DesiredAccess & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
  const bool remove = (DesiredAccess & DELETE) != 0;
  FileObject->ReadAccess = read;
  FileObject->WriteAccess = write;
  FileObject->DeleteAccess = remove;
  if (!read && !write && !remove) return STATUS_SUCCESS;
  const bool share_read = (DesiredShareAccess & FILE_SHARE_READ) != 0;
  const bool share_write = (DesiredShareAccess & FILE_SHARE_WRITE) != 0;
  const bool share_delete = (DesiredShareAccess & FILE_SHARE_DELETE) != 0;
  FileObject->SharedRead = share_read;
  FileObject->SharedWrite = share_write;
  FileObject->SharedDelete = share_delete;
  const SHARE_ACCESS& s = *ShareAccess;
  if ((read && s.SharedRead < s.OpenCount) || (write && s.SharedWrite < s.OpenCount) ||
      (remove && s.SharedDelete < s.OpenCount) || (s.Readers != 0 && !share_read) ||
      (s.Writers != 0 && !share_write) || (s.Deleters != 0 && !share_delete)) {
    return STATUS_SHARING_VIOLATION;
  }
  if (Update) IoUpdateShareAccess(FileObject, ShareAccess);
  return STATUS_SUCCESS;
}

VOID NTAPI IoSetShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess,
                            PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess) {
  BELAY_EXPORT(IoSetShareAccess, FileObject);
  RtlZeroMemory(ShareAccess, sizeof(*ShareAccess));
  IoCheckShareAccess(DesiredAccess, DesiredShareAccess, FileObject, ShareAccess, TRUE);
}

VOID NTAPI IoUpdateShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess) {
  BELAY_EXPORT(IoUpdateShareAccess, FileObject);
  if (!FileObject->ReadAccess && !FileObject->WriteAccess && !FileObject->DeleteAccess) return;
  ++ShareAccess->OpenCount;
  ShareAccess->Readers += FileObject->ReadAccess;
  ShareAccess->Writers += FileObject->WriteAccess;
  ShareAccess->Deleters += FileObject->DeleteAccess;
  ShareAccess->SharedRead += FileObject->SharedRead;
  ShareAccess->SharedWrite += FileObject->SharedWrite;
  ShareAccess->SharedDelete += FileObject->SharedDelete;
}

VOID NTAPI IoRemoveShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess) {
  BELAY_EXPORT(IoRemoveShareAccess, FileObject);
  if (!FileObject->ReadAccess && !FileObject->WriteAccess && !FileObject->DeleteAccess) return;
  --ShareAccess->OpenCount;
  ShareAccess->Readers -= FileObject->ReadAccess;
  ShareAccess->Writers -= FileObject->WriteAccess;
  ShareAccess->Deleters -= FileObject->DeleteAccess;
  ShareAccess->SharedRead -= FileObject->SharedRead;
  ShareAccess->SharedWrite -= FileObject->SharedWrite;
  ShareAccess->SharedDelete -= FileObject->SharedDelete;
}

}  // extern "C"
