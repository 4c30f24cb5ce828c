// ZwCancelIoFile, ZwCancelIoFileEx, ZwCancelSynchronousIoFile: what CancelIo and its kin are to
// programs, for the requests of drivers. None of them waits.
//
// Thread safety: any actor at PASSIVE_LEVEL.
// Contract: WDM-FILE-005
#include "wdm/zw_request.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

NTSTATUS told(PIO_STATUS_BLOCK block, NTSTATUS status) {
  sync::touch(block, sizeof(IO_STATUS_BLOCK), sync::access_kind::write);
  block->Status = status;
  block->Information = 0;
  return status;
}

// Others may come first: a completion, above all.
void step(PFILE_OBJECT file) {
  sync::point(sync::access_kind::update, &extra_of(file)->requests, sizeof(std::uint64_t));
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

/// Asks for the cancellation of what the calling thread has in flight on the file.
///
/// Returns: STATUS_SUCCESS, also when there was nothing; STATUS_INVALID_HANDLE.
/// Races:   against completion, per request: one wins.
NTSTATUS NTAPI ZwCancelIoFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock) {
  BELAY_EXPORT(ZwCancelIoFile, FileHandle);
  wdm::held_file file;
  const NTSTATUS status = file.hold(FileHandle);
  if (!NT_SUCCESS(status)) return status;
  wdm::step(file.get());
  const sync::sealed seal;
  wdm::cancel_zw_requests({.file = file.get(), .thread = kernel::current_object()},
                          reason_kind::user);
  return wdm::told(IoStatusBlock, STATUS_SUCCESS);
}

/// The same whoever asked for it, and with IoRequestToCancel for what has that status block only.
///
/// Returns: STATUS_NOT_FOUND when nothing fits. The block is only compared.
NTSTATUS NTAPI ZwCancelIoFileEx(HANDLE FileHandle, PIO_STATUS_BLOCK IoRequestToCancel,
                                PIO_STATUS_BLOCK IoStatusBlock) {
  BELAY_EXPORT(ZwCancelIoFileEx, FileHandle);
  wdm::held_file file;
  const NTSTATUS status = file.hold(FileHandle);
  if (!NT_SUCCESS(status)) return status;
  wdm::step(file.get());
  const sync::sealed seal;
  const bool any =
      wdm::cancel_zw_requests({.file = file.get(), .block = IoRequestToCancel}, reason_kind::user);
  return wdm::told(IoStatusBlock, any ? STATUS_SUCCESS : STATUS_NOT_FOUND);
}

/// Asks for the cancellation of the request for which the thread waits inside a call, an open
/// included; with IoRequestToCancel only if it has that status block.
///
/// Returns: STATUS_NOT_FOUND when it waits for none.
NTSTATUS NTAPI ZwCancelSynchronousIoFile(HANDLE ThreadHandle, PIO_STATUS_BLOCK IoRequestToCancel,
                                         PIO_STATUS_BLOCK IoStatusBlock) {
  BELAY_EXPORT(ZwCancelSynchronousIoFile, ThreadHandle);
  PVOID thread = nullptr;
  const NTSTATUS status =
      ObReferenceObjectByHandle(ThreadHandle, 0, *PsThreadType, KernelMode, &thread, nullptr);
  if (!NT_SUCCESS(status)) return status;
  sync::point(sync::access_kind::update, thread, sizeof(DISPATCHER_HEADER));
  const sync::sealed seal;
  const bool any = wdm::cancel_zw_requests(
      {.thread = thread, .block = IoRequestToCancel, .waited = true}, reason_kind::user);
  kernel::dereference_object(thread);
  return wdm::told(IoStatusBlock, any ? STATUS_SUCCESS : STATUS_NOT_FOUND);
}

}  // extern "C"
