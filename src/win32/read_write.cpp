// ReadFile, WriteFile, DeviceIoControl, FlushFileBuffers, and the forms with a completion routine.
//
// Thread safety: any thread.
// Contract: WIN32-IO-001 to WIN32-IO-004, WIN32-IO-007
#include "win32/crt.hpp"
#include "win32/error_codes.hpp"
#include "win32/transfer.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

constexpr std::int32_t end_of_file = static_cast<std::int32_t>(0xC0000011);

// What an OVERLAPPED says about a request; also makes it pending (WIN32-IO-003).
struct overlapped_use {
  held event;
  bool good = true;

  overlapped_use(LPOVERLAPPED from, transfer_options& to, bool with_event)
      : event(of(from, with_event)) {
    if (from == nullptr) return;
    const auto bits = reinterpret_cast<std::uintptr_t>(from->hEvent);
    if (with_event && (bits & ~std::uintptr_t{1}) != 0 && !event) {
      good = false;
      return;
    }
    to.block = reinterpret_cast<volatile std::uint64_t*>(&from->Internal);
    to.offset = static_cast<std::int64_t>(static_cast<std::uint64_t>(from->OffsetHigh) << 32 |
                                          from->Offset);
    to.event = event.get();
    to.packet = !with_event || (bits & 1) == 0 ? from : nullptr;
  }
  static held of(LPOVERLAPPED from, bool with_event) {
    if (from == nullptr || !with_event) return {};
    sync::touch(from, sizeof *from, sync::access_kind::read);
    const auto bits = reinterpret_cast<std::uintptr_t>(from->hEvent) & ~std::uintptr_t{1};
    if (bits == 0) return {};
    return hold(reinterpret_cast<void*>(bits), &kernel::event_type);
  }
};

bool make_pending(volatile std::uint64_t* block) {
  if (block == nullptr) return true;
  check_block_unused(block);
  sync::touch(const_cast<std::uint64_t*>(block), 16, sync::access_kind::update);
  sync::store_word(block, std::uint64_t{status_pending});
  return true;
}

void store(LPDWORD to, std::uint64_t value) {
  if (to == nullptr) return;
  sync::touch(to, sizeof *to, sync::access_kind::write);
  *to = static_cast<DWORD>(value);
}

// What ReadFile and WriteFile make of the native answer.
BOOL finish_transfer(const transfer_answer& answer, LPDWORD bytes, bool read, bool waited) {
  if (answer.status == status_pending) return fail(ERROR_IO_PENDING);
  if (succeeded(answer.status)) {
    store(bytes, answer.information);
    return TRUE;
  }
  if (read && waited && answer.status == end_of_file) {
    store(bytes, 0);
    return TRUE;
  }
  if (is_warning(answer.status)) store(bytes, answer.information);
  return fail_status(answer.status);
}

BOOL transfer_bytes(HANDLE handle, transfer_options& what, LPDWORD bytes, LPOVERLAPPED overlapped) {
  const bool read = what.kind == io_kind::read;
  const held object = hold(handle, &win32::file_type);
  if (!object) return FALSE;
  auto& file = object.as<file_object>();
  const std::uint32_t right = read ? FILE_READ_DATA : FILE_WRITE_DATA | FILE_APPEND_DATA;
  if ((file.access & right) == 0) return fail(ERROR_ACCESS_DENIED);
  if (bytes != nullptr) store(bytes, 0);
  if (overlapped == nullptr && (file.overlapped() || bytes == nullptr)) {
    return fail(ERROR_INVALID_PARAMETER);
  }
  const overlapped_use use(overlapped, what, true);
  if (!use.good) return FALSE;
  make_pending(what.block);
  return finish_transfer(send(file, what), bytes, read, !file.overlapped());
}

BOOL transfer_with_routine(HANDLE handle, transfer_options& what, LPOVERLAPPED overlapped,
                           LPOVERLAPPED_COMPLETION_ROUTINE routine) {
  const bool read = what.kind == io_kind::read;
  const held object = hold(handle, &win32::file_type);
  if (!object) return FALSE;
  auto& file = object.as<file_object>();
  const std::uint32_t right = read ? FILE_READ_DATA : FILE_WRITE_DATA | FILE_APPEND_DATA;
  if ((file.access & right) == 0) return fail(ERROR_ACCESS_DENIED);
  if (overlapped == nullptr || !file.overlapped() || file.port != nullptr) {
    return fail(ERROR_INVALID_PARAMETER);
  }
  const overlapped_use use(overlapped, what, false);
  what.routine = reinterpret_cast<completion_routine>(routine);
  make_pending(what.block);
  const transfer_answer answer = send(file, what);
  if (is_error(answer.status)) return fail_status(answer.status);
  self().last_error = is_warning(answer.status) ? error_of(answer.status) : ERROR_SUCCESS;
  return TRUE;
}

// The rights that a control code asks for (WIN32-IO-007).
bool may_control(const file_object& file, DWORD code) {
  const DWORD wanted = code >> 14 & 3;
  return ((wanted & FILE_READ_ACCESS) == 0 || (file.access & FILE_READ_DATA) != 0) &&
         ((wanted & FILE_WRITE_ACCESS) == 0 || (file.access & FILE_WRITE_DATA) != 0);
}

BOOL control(HANDLE handle, transfer_options& what, LPDWORD bytes, LPOVERLAPPED overlapped) {
  const held object = hold(handle, &win32::file_type);
  if (!object) return FALSE;
  auto& file = object.as<file_object>();
  if (!may_control(file, what.control_code)) return fail(ERROR_ACCESS_DENIED);
  const overlapped_use use(overlapped, what, true);
  if (!use.good) return FALSE;
  what.offset = 0;
  what.wait = overlapped == nullptr;
  make_pending(what.block);
  const transfer_answer answer = send(file, what);
  if (answer.status == status_pending) return fail(ERROR_IO_PENDING);
  if (!is_error(answer.status)) store(bytes, answer.information);
  return succeeded(answer.status) || fail_status(answer.status);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Callers:  any thread. The buffer and the OVERLAPPED stay until the outcome is seen.
/// Returns:  TRUE when it is over; FALSE with ERROR_IO_PENDING while it is in flight;
///           ERROR_INVALID_PARAMETER without an OVERLAPPED on a file opened overlapped;
///           ERROR_ACCESS_DENIED without the right to read; ERROR_OPERATION_ABORTED when cancelled;
///           or what the driver's status says. STATUS_END_OF_FILE is success with no bytes on a
///           file that is not overlapped.
/// Contract: WIN32-IO-001, WIN32-IO-002, WIN32-IO-003
BOOL WINAPI ReadFile(HANDLE hFile, LPVOID lpBuffer, DWORD nNumberOfBytesToRead,
                     LPDWORD lpNumberOfBytesRead, LPOVERLAPPED lpOverlapped) {
  BELAY_CALL(ReadFile, hFile);
  transfer_options what;
  what.kind = io_kind::read;
  what.output = lpBuffer;
  what.output_size = nNumberOfBytesToRead;
  return transfer_bytes(hFile, what, lpNumberOfBytesRead, lpOverlapped);
}

/// As ReadFile; the standard output and error handles go to the console.
BOOL WINAPI WriteFile(HANDLE hFile, LPCVOID lpBuffer, DWORD nNumberOfBytesToWrite,
                      LPDWORD lpNumberOfBytesWritten, LPOVERLAPPED lpOverlapped) {
  BELAY_CALL(WriteFile, hFile);
  if (is_console(hFile)) {
    const bool error = hFile == GetStdHandle(STD_ERROR_HANDLE);
    write_console(error ? console_stream::error : console_stream::output,
                  static_cast<const char*>(lpBuffer), nNumberOfBytesToWrite);
    store(lpNumberOfBytesWritten, nNumberOfBytesToWrite);
    return TRUE;
  }
  transfer_options what;
  what.kind = io_kind::write;
  what.input = lpBuffer;
  what.input_size = nNumberOfBytesToWrite;
  return transfer_bytes(hFile, what, lpNumberOfBytesWritten, lpOverlapped);
}

/// Calls `lpCompletionRoutine` on this thread in an alertable wait after the outcome is there.
///
/// Returns:  FALSE with ERROR_INVALID_PARAMETER for a file that is not overlapped or belongs to a
///           completion port, or an error that the driver answered at once: then no routine runs.
/// Contract: WIN32-IO-004
BOOL WINAPI ReadFileEx(HANDLE hFile, LPVOID lpBuffer, DWORD nNumberOfBytesToRead,
                       LPOVERLAPPED lpOverlapped,
                       LPOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine) {
  BELAY_CALL(ReadFileEx, hFile);
  transfer_options what;
  what.kind = io_kind::read;
  what.output = lpBuffer;
  what.output_size = nNumberOfBytesToRead;
  return transfer_with_routine(hFile, what, lpOverlapped, lpCompletionRoutine);
}

BOOL WINAPI WriteFileEx(HANDLE hFile, LPCVOID lpBuffer, DWORD nNumberOfBytesToWrite,
                        LPOVERLAPPED lpOverlapped,
                        LPOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine) {
  BELAY_CALL(WriteFileEx, hFile);
  transfer_options what;
  what.kind = io_kind::write;
  what.input = lpBuffer;
  what.input_size = nNumberOfBytesToWrite;
  return transfer_with_routine(hFile, what, lpOverlapped, lpCompletionRoutine);
}

/// Without an OVERLAPPED it waits, also on a file that was opened overlapped.
///
/// Returns:  as ReadFile; ERROR_ACCESS_DENIED when the code asks for a right that the handle lacks.
/// Contract: WIN32-IO-001, WIN32-IO-003, WIN32-IO-007
BOOL WINAPI DeviceIoControl(HANDLE hDevice, DWORD dwIoControlCode, LPVOID lpInBuffer,
                            DWORD nInBufferSize, LPVOID lpOutBuffer, DWORD nOutBufferSize,
                            LPDWORD lpBytesReturned, LPOVERLAPPED lpOverlapped) {
  BELAY_CALL(DeviceIoControl, hDevice);
  transfer_options what;
  what.kind = io_kind::control;
  what.control_code = dwIoControlCode;
  what.input = lpInBuffer;
  what.input_size = nInBufferSize;
  what.output = lpOutBuffer;
  what.output_size = nOutBufferSize;
  return control(hDevice, what, lpBytesReturned, lpOverlapped);
}

BOOL WINAPI FlushFileBuffers(HANDLE hFile) {
  BELAY_CALL(FlushFileBuffers, hFile);
  const held object = hold(hFile, &win32::file_type);
  if (!object) return FALSE;
  if ((object.as<file_object>().access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) == 0) {
    return fail(ERROR_ACCESS_DENIED);
  }
  transfer_options what;
  what.kind = io_kind::flush;
  what.wait = true;
  const transfer_answer answer = send(object.as<file_object>(), what);
  return succeeded(answer.status) || fail_status(answer.status);
}

}  // extern "C"
