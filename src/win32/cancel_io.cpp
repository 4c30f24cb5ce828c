// CancelIo, CancelIoEx, CancelSynchronousIo, and their native names. None of them waits: who asked
// learns what became of a request as if nobody had.
//
// Thread safety: any thread.
// Contract: WIN32-CANCEL-001, WIN32-CANCEL-002, WIN32-CANCEL-003
#include "win32/transfer.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

using namespace belay;
using namespace belay::win32;

namespace {

constexpr std::int32_t status_invalid_handle = static_cast<std::int32_t>(0xC0000008);
constexpr std::int32_t status_not_found = static_cast<std::int32_t>(0xC0000225);

/// IO_STATUS_BLOCK, for those who call ntdll.
struct native_block {
  std::uint64_t status;
  std::uint64_t information;
};

std::int32_t told(native_block* block, std::int32_t status) {
  if (block != nullptr) *block = {static_cast<std::uint32_t>(status), 0};
  return status;
}

}  // namespace

extern "C" {

/// Asks for the cancellation of what the calling thread has in flight on the handle.
///
/// Returns:  TRUE, also when there was nothing; FALSE with ERROR_INVALID_HANDLE.
/// Races:    against completion, per request: one wins.
/// Contract: WIN32-CANCEL-001
BOOL WINAPI CancelIo(HANDLE hFile) {
  BELAY_CALL(CancelIo, hFile);
  const held file = hold(hFile, &win32::file_type);
  if (!file) return FALSE;
  cancel_transfers({&file.as<file_object>(), &self(), nullptr});
  return TRUE;
}

/// The same for the whole process, and with lpOverlapped for that request only.
///
/// Returns:  FALSE with ERROR_NOT_FOUND when nothing fits. The OVERLAPPED is only compared.
/// Contract: WIN32-CANCEL-002
BOOL WINAPI CancelIoEx(HANDLE hFile, LPOVERLAPPED lpOverlapped) {
  BELAY_CALL(CancelIoEx, hFile);
  const held file = hold(hFile, &win32::file_type);
  if (!file) return FALSE;
  return cancel_transfers({&file.as<file_object>(), nullptr, lpOverlapped}) ||
         fail(ERROR_NOT_FOUND);
}

/// Asks for the cancellation of the request for which the thread waits inside a call, CreateFile
/// included.
///
/// Returns:  FALSE with ERROR_NOT_FOUND when it waits for none.
/// Contract: WIN32-CANCEL-003
BOOL WINAPI CancelSynchronousIo(HANDLE hThread) {
  BELAY_CALL(CancelSynchronousIo, hThread);
  const held thread = hold(hThread, &kernel::thread_type);
  if (!thread) return FALSE;
  return cancel_synchronous(thread.get()) || fail(ERROR_NOT_FOUND);
}

std::int32_t NtCancelIoFile(HANDLE FileHandle, native_block* IoStatusBlock) {
  BELAY_CALL(NtCancelIoFile, FileHandle);
  const held file = hold(FileHandle, &win32::file_type);
  if (!file) return status_invalid_handle;
  cancel_transfers({&file.as<file_object>(), &self(), nullptr});
  return told(IoStatusBlock, 0);
}

std::int32_t NtCancelIoFileEx(HANDLE FileHandle, native_block* IoRequestToCancel,
                              native_block* IoStatusBlock) {
  BELAY_CALL(NtCancelIoFileEx, FileHandle);
  const held file = hold(FileHandle, &win32::file_type);
  if (!file) return status_invalid_handle;
  const bool any = cancel_transfers({&file.as<file_object>(), nullptr, IoRequestToCancel});
  return told(IoStatusBlock, any ? 0 : status_not_found);
}

/// `IoRequestToCancel` has to be NULL: what a thread waits for has no block of the caller's.
std::int32_t NtCancelSynchronousIoFile(HANDLE ThreadHandle, native_block* IoRequestToCancel,
                                       native_block* IoStatusBlock) {
  BELAY_CALL(NtCancelSynchronousIoFile, ThreadHandle);
  const held thread = hold(ThreadHandle, &kernel::thread_type);
  if (!thread) return status_invalid_handle;
  const bool any = IoRequestToCancel == nullptr && cancel_synchronous(thread.get());
  return told(IoStatusBlock, any ? 0 : status_not_found);
}

}  // extern "C"
