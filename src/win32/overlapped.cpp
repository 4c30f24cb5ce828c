// What became of an overlapped request.
//
// Thread safety: any thread.
// Contract: WIN32-IO-008
#include "win32/error_codes.hpp"
#include "win32/transfer.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

volatile std::uint64_t* block_of(LPOVERLAPPED overlapped) {
  sync::touch(overlapped, sizeof *overlapped, sync::access_kind::read);
  return reinterpret_cast<volatile std::uint64_t*>(&overlapped->Internal);
}

// The object that is signalled when the request is over.
held signal_of(HANDLE file, LPOVERLAPPED overlapped) {
  const auto bits = reinterpret_cast<std::uintptr_t>(overlapped->hEvent) & ~std::uintptr_t{1};
  if (bits != 0) return hold(reinterpret_cast<void*>(bits), &kernel::event_type);
  const held object = hold(file, &win32::file_type);
  if (!object) return {};
  void* const event = object.as<file_object>().event;
  kernel::reference_object(event);
  return held(event);
}

BOOL answer(LPOVERLAPPED overlapped, LPDWORD bytes) {
  volatile std::uint64_t* const block = block_of(overlapped);
  const auto status = static_cast<std::int32_t>(sync::load_word(block));
  *bytes = static_cast<DWORD>(sync::load_word(block + 1));
  return succeeded(status) || fail_status(status);
}

BOOL result(HANDLE file, LPOVERLAPPED overlapped, LPDWORD bytes, sync::nanoseconds deadline,
            bool alertable) {
  const auto status = static_cast<std::int32_t>(sync::load_word(block_of(overlapped)));
  if (status != status_pending) return answer(overlapped, bytes);
  if (deadline == 0) return fail(ERROR_IO_INCOMPLETE);
  const held signal = signal_of(file, overlapped);
  if (!signal) return FALSE;
  void* object = signal.get();
  const std::int32_t waited =
      in_user_mode([&] { return kernel::wait_for_many(&object, 1, false, alertable, deadline); });
  switch (waited) {
    case kernel::wait_satisfied:
      return answer(overlapped, bytes);
    case kernel::wait_timeout:
      return fail(WAIT_TIMEOUT);
    default:
      kernel::run_user_apcs();
      return fail(WAIT_IO_COMPLETION);
  }
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Waits, with bWait, for hEvent, or for the file when there is none.
///
/// Callers:  any thread. With an event that resets itself, the one that waits for it.
/// Returns:  FALSE with ERROR_IO_INCOMPLETE when it is in flight and bWait is FALSE,
///           ERROR_OPERATION_ABORTED when it was cancelled, or what the driver's status says.
/// Ordering: what the completion did happens before the return.
/// Contract: WIN32-IO-008
BOOL WINAPI GetOverlappedResult(HANDLE hFile, LPOVERLAPPED lpOverlapped,
                                LPDWORD lpNumberOfBytesTransferred, BOOL bWait) {
  BELAY_CALL(GetOverlappedResult, lpOverlapped);
  return result(hFile, lpOverlapped, lpNumberOfBytesTransferred, bWait ? sync::forever : 0, false);
}

/// Returns:  as GetOverlappedResult; also WAIT_TIMEOUT, and WAIT_IO_COMPLETION after routines or
///           APCs ran.
/// Contract: WIN32-IO-008
BOOL WINAPI GetOverlappedResultEx(HANDLE hFile, LPOVERLAPPED lpOverlapped,
                                  LPDWORD lpNumberOfBytesTransferred, DWORD dwMilliseconds,
                                  BOOL bAlertable) {
  BELAY_CALL(GetOverlappedResultEx, lpOverlapped);
  return result(hFile, lpOverlapped, lpNumberOfBytesTransferred, deadline_in(dwMilliseconds),
                bAlertable != FALSE);
}

}  // extern "C"
