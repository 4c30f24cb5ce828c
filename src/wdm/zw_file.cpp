// Reading, writing, controlling and flushing devices by handle, as drivers do.
//
// Thread safety: any actor at PASSIVE_LEVEL.
// Contract: WDM-FILE-004, WDM-FILE-009
#include "wdm/zw_request.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

bool means(const LARGE_INTEGER* offset, ULONG place) {
  return offset != nullptr && offset->HighPart == -1 && offset->LowPart == place;
}

// Where a transfer begins; on a synchronous file the position goes there.
NTSTATUS place(const held_file& file, PLARGE_INTEGER given, bool write, std::int64_t* offset) {
  PFILE_OBJECT const object = file.get();
  const bool at_end =
      write && (means(given, FILE_WRITE_TO_END_OF_FILE) || (file.access() & FILE_WRITE_DATA) == 0);
  if (at_end) {
    *offset = -1;
    return STATUS_SUCCESS;
  }
  const bool at_position = given == nullptr || means(given, FILE_USE_FILE_POINTER_POSITION);
  if (at_position && !file.synchronous()) return STATUS_INVALID_PARAMETER;
  *offset = at_position ? object->CurrentByteOffset.QuadPart : given->QuadPart;
  if (*offset < 0) return STATUS_INVALID_PARAMETER;
  if (file.synchronous()) object->CurrentByteOffset.QuadPart = *offset;
  return STATUS_SUCCESS;
}

void use_buffers(const request_options& options) {
  if (options.input_size != 0) {
    sync::touch(options.input, options.input_size, sync::access_kind::read);
  }
  if (options.output_size != 0) {
    sync::touch(options.output, options.output_size, sync::access_kind::update);
  }
}

NTSTATUS transfer(HANDLE handle, PLARGE_INTEGER given, PULONG key, request_options& options,
                  zw_call call) {
  held_file file;
  NTSTATUS status = file.hold(handle);
  if (!NT_SUCCESS(status)) return status;
  file_turn turn(file.get());
  status = turn.take();
  if (status != STATUS_SUCCESS) return status;
  const bool write = options.major == IRP_MJ_WRITE;
  status = place(file, given, write, &options.offset);
  if (!NT_SUCCESS(status)) return status;
  if (key != nullptr) options.key = *key;
  use_buffers(options);
  call.keeps_position = file.synchronous() && options.offset >= 0;
  return send(file.get(), options, call);
}

NTSTATUS ask(HANDLE handle, const request_options& options, const zw_call& call) {
  held_file file;
  NTSTATUS status = file.hold(handle);
  if (!NT_SUCCESS(status)) return status;
  file_turn turn(file.get());
  status = turn.take();
  if (status != STATUS_SUCCESS) return status;
  use_buffers(options);
  return send(file.get(), options, call);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

/// Reads from a device.
///
/// Callers:  PASSIVE_LEVEL. The buffer and the status block stay until the request is over.
/// Returns:  the driver's status, after a wait on a synchronous handle; STATUS_PENDING: in flight
///           (then the status block is written, the event or else the file signalled, and
///           ApcRoutine called on this thread); STATUS_INVALID_PARAMETER without an offset on a
///           handle that is not synchronous.
/// Races:    completion against ZwCancelIoFile and its kin: one wins.
/// Contract: WDM-FILE-004, WDM-FILE-009
NTSTATUS NTAPI ZwReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                          PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                          ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key) {
  BELAY_EXPORT(ZwReadFile, FileHandle);
  const sync::sealed seal;
  wdm::request_options options;
  options.major = IRP_MJ_READ;
  options.output = Buffer;
  options.output_size = Length;
  options.name = "ZwReadFile";
  return wdm::transfer(FileHandle, ByteOffset, Key, options,
                       {Event, ApcRoutine, ApcContext, IoStatusBlock});
}

/// Writes to a device, at the end for a handle with FILE_APPEND_DATA alone. As ZwReadFile.
NTSTATUS NTAPI ZwWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                           PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
                           ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key) {
  BELAY_EXPORT(ZwWriteFile, FileHandle);
  const sync::sealed seal;
  wdm::request_options options;
  options.major = IRP_MJ_WRITE;
  options.input = Buffer;
  options.input_size = Length;
  options.name = "ZwWriteFile";
  return wdm::transfer(FileHandle, ByteOffset, Key, options,
                       {Event, ApcRoutine, ApcContext, IoStatusBlock});
}

/// Sends a control code. As ZwReadFile; the rights that the code names are not asked for.
NTSTATUS NTAPI ZwDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
                                     PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                                     ULONG IoControlCode, PVOID InputBuffer,
                                     ULONG InputBufferLength, PVOID OutputBuffer,
                                     ULONG OutputBufferLength) {
  BELAY_EXPORT(ZwDeviceIoControlFile, FileHandle);
  const sync::sealed seal;
  wdm::request_options options;
  options.major = IRP_MJ_DEVICE_CONTROL;
  options.control_code = IoControlCode;
  options.input = InputBuffer;
  options.input_size = InputBuffer != nullptr ? InputBufferLength : 0;
  options.output = OutputBuffer;
  options.output_size = OutputBuffer != nullptr ? OutputBufferLength : 0;
  options.name = "ZwDeviceIoControlFile";
  return wdm::ask(FileHandle, options, {Event, ApcRoutine, ApcContext, IoStatusBlock});
}

/// Sends IRP_MJ_FLUSH_BUFFERS and waits for it.
NTSTATUS NTAPI ZwFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock) {
  BELAY_EXPORT(ZwFlushBuffersFile, FileHandle);
  const sync::sealed seal;
  wdm::request_options options;
  options.major = IRP_MJ_FLUSH_BUFFERS;
  options.name = "ZwFlushBuffersFile";
  return wdm::ask(FileHandle, options, {.block = IoStatusBlock, .wait = true});
}

}  // extern "C"
