// The process as a handle and a number; how errors are to be shown; debuggers.
//
// Thread safety: any thread.
#include <filesystem>
#include <string>

#include "win32/process.hpp"

// clang-format off
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

extern "C" NTKERNELAPI HANDLE NTAPI PsGetCurrentProcessId(VOID);

using namespace belay;
using namespace belay::win32;

namespace {

bool is_own(HANDLE process) { return process == GetCurrentProcess(); }

}  // namespace

extern "C" {

DWORD WINAPI GetCurrentProcessId(VOID) { return HandleToULong(PsGetCurrentProcessId()); }

/// Of the program itself only: there is no other. Fails with ERROR_INVALID_HANDLE.
DWORD WINAPI GetProcessId(HANDLE Process) {
  if (is_own(Process)) return GetCurrentProcessId();
  return fail(ERROR_INVALID_HANDLE);
}
/// Fails with ERROR_INVALID_PARAMETER for every number but the program's own, as Windows does for
/// processes that are gone; for its own it gives the pseudo handle.
HANDLE WINAPI OpenProcess(DWORD, BOOL, DWORD dwProcessId) {
  if (dwProcessId == GetCurrentProcessId()) return GetCurrentProcess();
  fail(ERROR_INVALID_PARAMETER);
  return nullptr;
}
BOOL WINAPI GetExitCodeProcess(HANDLE hProcess, LPDWORD lpExitCode) {
  if (!is_own(hProcess)) return fail(ERROR_INVALID_HANDLE);
  *lpExitCode = the_process().exit_code;
  return TRUE;
}
BOOL WINAPI TerminateProcess(HANDLE hProcess, UINT uExitCode) {
  if (!is_own(hProcess)) return fail(ERROR_INVALID_HANDLE);
  ExitProcess(uExitCode);
}

/// Belay shows no boxes, so that every mode is the same.
UINT WINAPI GetErrorMode(VOID) { return SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX; }
UINT WINAPI SetErrorMode(UINT) { return GetErrorMode(); }

BOOL WINAPI IsDebuggerPresent(VOID) { return FALSE; }
/// Nobody handles the breakpoint: the program ends with its code, as on Windows.
VOID(WINAPI DebugBreak)(VOID) { ExitProcess(STATUS_BREAKPOINT); }

NTKERNELAPI int _isatty(int descriptor) {
#if defined(BELAY_EXPLORED)
  static_cast<void>(descriptor);
  return 0;
#else
  std::error_code error;
  const std::string path = "/dev/fd/" + std::to_string(descriptor);
  return std::filesystem::is_character_file(path, error) ? 1 : 0;
#endif
}

}  // extern "C"
