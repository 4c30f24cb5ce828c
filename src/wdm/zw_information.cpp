// What a file is asked and told by its handle.
//
// Thread safety: any actor at PASSIVE_LEVEL.
// Invariants: position, mode, access and alignment are the I/O manager's own, the position only of
// a synchronous file; all else is the driver's.
// Contract: WDM-FILE-009
#include "wdm/zw_request.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// What a class needs: the smallest buffer, 0 where it cannot be had.
struct information_need {
  FILE_INFORMATION_CLASS which;
  ULONG query;
  ULONG set;
};

const information_need* need_of(FILE_INFORMATION_CLASS which) {
  static constexpr information_need needs[] = {
      {FileBasicInformation, sizeof(FILE_BASIC_INFORMATION), sizeof(FILE_BASIC_INFORMATION)},
      {FileStandardInformation, sizeof(FILE_STANDARD_INFORMATION), 0},
      {FileInternalInformation, sizeof(LARGE_INTEGER), 0},
      {FileEaInformation, sizeof(ULONG), 0},
      {FileAccessInformation, sizeof(FILE_ACCESS_INFORMATION), 0},
      {FileNameInformation, sizeof(FILE_NAME_INFORMATION), 0},
      {FileDispositionInformation, 0, sizeof(FILE_DISPOSITION_INFORMATION)},
      {FilePositionInformation, sizeof(FILE_POSITION_INFORMATION),
       sizeof(FILE_POSITION_INFORMATION)},
      {FileModeInformation, sizeof(FILE_MODE_INFORMATION), sizeof(FILE_MODE_INFORMATION)},
      {FileAlignmentInformation, sizeof(FILE_ALIGNMENT_INFORMATION), 0},
      {FileAllocationInformation, 0, sizeof(LARGE_INTEGER)},
      {FileEndOfFileInformation, 0, sizeof(FILE_END_OF_FILE_INFORMATION)},
      {FileNetworkOpenInformation, sizeof(FILE_NETWORK_OPEN_INFORMATION), 0}};
  for (const information_need& each : needs) {
    if (each.which == which) return &each;
  }
  return nullptr;
}

constexpr ULONG mode_pairs[][2] = {{FO_WRITE_THROUGH, FILE_WRITE_THROUGH},
                                   {FO_SEQUENTIAL_ONLY, FILE_SEQUENTIAL_ONLY},
                                   {FO_NO_INTERMEDIATE_BUFFERING, FILE_NO_INTERMEDIATE_BUFFERING},
                                   {FO_DELETE_ON_CLOSE, FILE_DELETE_ON_CLOSE}};

ULONG mode_of(ULONG flags) {
  ULONG mode = 0;
  for (const auto& each : mode_pairs) {
    if ((flags & each[0]) != 0) mode |= each[1];
  }
  if ((flags & FO_SYNCHRONOUS_IO) == 0) return mode;
  return mode | ((flags & FO_ALERTABLE_IO) != 0 ? FILE_SYNCHRONOUS_IO_ALERT
                                                : FILE_SYNCHRONOUS_IO_NONALERT);
}

// A file stays as synchronous as it was opened; only whether its waits are alertable may change.
NTSTATUS set_mode(PFILE_OBJECT file, ULONG mode) {
  constexpr ULONG waits = FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT;
  const bool synchronous = (file->Flags & FO_SYNCHRONOUS_IO) != 0;
  if ((mode & ~ULONG{FILE_VALID_SET_FLAGS}) != 0 || (mode & waits) == waits ||
      synchronous != ((mode & waits) != 0)) {
    return STATUS_INVALID_PARAMETER;
  }
  ULONG flags = file->Flags & ~ULONG{FO_WRITE_THROUGH | FO_SEQUENTIAL_ONLY | FO_ALERTABLE_IO};
  if ((mode & FILE_WRITE_THROUGH) != 0) flags |= FO_WRITE_THROUGH;
  if ((mode & FILE_SEQUENTIAL_ONLY) != 0) flags |= FO_SEQUENTIAL_ONLY;
  if ((mode & FILE_SYNCHRONOUS_IO_ALERT) != 0) flags |= FO_ALERTABLE_IO;
  file->Flags = flags;
  return STATUS_SUCCESS;
}

bool is_own(const held_file& file, FILE_INFORMATION_CLASS which) {
  return which == FileModeInformation || which == FileAccessInformation ||
         which == FileAlignmentInformation ||
         (which == FilePositionInformation && file.synchronous());
}

template <class T>
NTSTATUS give(const T& what, PVOID to, PIO_STATUS_BLOCK block) {
  sync::touch(to, sizeof(T), sync::access_kind::write);
  *static_cast<T*>(to) = what;
  sync::touch(block, sizeof(IO_STATUS_BLOCK), sync::access_kind::write);
  block->Status = STATUS_SUCCESS;
  block->Information = sizeof(T);
  return STATUS_SUCCESS;
}

NTSTATUS query_own(const held_file& file, FILE_INFORMATION_CLASS which, PVOID to,
                   PIO_STATUS_BLOCK block) {
  PFILE_OBJECT const object = file.get();
  switch (which) {
    case FileModeInformation:
      return give(FILE_MODE_INFORMATION{mode_of(object->Flags)}, to, block);
    case FileAccessInformation:
      return give(FILE_ACCESS_INFORMATION{file.access()}, to, block);
    case FileAlignmentInformation:
      return give(FILE_ALIGNMENT_INFORMATION{top_of(object->DeviceObject)->AlignmentRequirement},
                  to, block);
    default:
      return give(FILE_POSITION_INFORMATION{object->CurrentByteOffset}, to, block);
  }
}

NTSTATUS set_own(const held_file& file, FILE_INFORMATION_CLASS which, const void* from,
                 PIO_STATUS_BLOCK block) {
  PFILE_OBJECT const object = file.get();
  NTSTATUS status = STATUS_SUCCESS;
  if (which == FileModeInformation) {
    sync::touch(from, sizeof(FILE_MODE_INFORMATION), sync::access_kind::read);
    status = set_mode(object, static_cast<const FILE_MODE_INFORMATION*>(from)->Mode);
  } else {
    sync::touch(from, sizeof(FILE_POSITION_INFORMATION), sync::access_kind::read);
    const auto& wanted = static_cast<const FILE_POSITION_INFORMATION*>(from)->CurrentByteOffset;
    if (wanted.QuadPart < 0) return STATUS_INVALID_PARAMETER;
    object->CurrentByteOffset = wanted;
  }
  if (!NT_SUCCESS(status)) return status;
  sync::touch(block, sizeof(IO_STATUS_BLOCK), sync::access_kind::write);
  block->Status = STATUS_SUCCESS;
  block->Information = 0;
  return STATUS_SUCCESS;
}

NTSTATUS inform(HANDLE handle, PIO_STATUS_BLOCK block, PVOID memory, ULONG length,
                FILE_INFORMATION_CLASS which, bool set) {
  const sync::sealed seal;
  const information_need* const need = need_of(which);
  const ULONG least = need == nullptr ? 0 : set ? need->set : need->query;
  if (least == 0) return STATUS_INVALID_INFO_CLASS;
  if (length < least) return STATUS_INFO_LENGTH_MISMATCH;
  held_file file;
  NTSTATUS status = file.hold(handle);
  if (!NT_SUCCESS(status)) return status;
  file_turn turn(file.get());
  status = turn.take();
  if (status != STATUS_SUCCESS) return status;
  if (is_own(file, which)) {
    return set ? set_own(file, which, memory, block) : query_own(file, which, memory, block);
  }
  request_options options;
  options.major = set ? IRP_MJ_SET_INFORMATION : IRP_MJ_QUERY_INFORMATION;
  options.information_class = which;
  options.name = set ? "ZwSetInformationFile" : "ZwQueryInformationFile";
  if (set) {
    options.input = memory;
    options.input_size = length;
    sync::touch(memory, length, sync::access_kind::read);
  } else {
    options.output = memory;
    options.output_size = length;
    sync::touch(memory, length, sync::access_kind::update);
  }
  return send(file.get(), options, {.block = block, .wait = true});
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

/// Sends IRP_MJ_QUERY_INFORMATION and waits for it, except for what the I/O manager knows itself.
///
/// Callers: PASSIVE_LEVEL.
/// Returns: the driver's status; STATUS_INVALID_INFO_CLASS; STATUS_INFO_LENGTH_MISMATCH.
/// Contract: WDM-FILE-009
NTSTATUS NTAPI ZwQueryInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                      PVOID FileInformation, ULONG Length,
                                      FILE_INFORMATION_CLASS FileInformationClass) {
  BELAY_EXPORT(ZwQueryInformationFile, FileHandle);
  return wdm::inform(FileHandle, IoStatusBlock, FileInformation, Length, FileInformationClass,
                     false);
}

/// The same with IRP_MJ_SET_INFORMATION. A mode that would make the file synchronous, or stop it
/// from being so, is STATUS_INVALID_PARAMETER, as is a position below 0.
NTSTATUS NTAPI ZwSetInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock,
                                    PVOID FileInformation, ULONG Length,
                                    FILE_INFORMATION_CLASS FileInformationClass) {
  BELAY_EXPORT(ZwSetInformationFile, FileHandle);
  return wdm::inform(FileHandle, IoStatusBlock, FileInformation, Length, FileInformationClass,
                     true);
}

}  // extern "C"
