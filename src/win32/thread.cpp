// Threads of the program.
//
// Thread safety: any thread.
// Invariants: before a thread's object is signalled its requests are over, or disowned
// (WDM-FILE-003). Contract: WIN32-THREAD-001, WDM-FILE-003
#include "kernel/parts.hpp"
#include "win32/error_codes.hpp"
#include "win32/process.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

struct thread_beginning {
  LPTHREAD_START_ROUTINE start;
  LPVOID argument;
};

std::int32_t begin(void* argument) {
  auto* const from = static_cast<thread_beginning*>(argument);
  const thread_beginning told = *from;
  kernel::discard(from);
  self();
  // A thread of a process that has ended by now does not begin.
  const DWORD code = the_process().exiting ? the_process().exit_code : told.start(told.argument);
  end_of_thread();
  thread_goes();
  return static_cast<std::int32_t>(code);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Starts a thread; dwStackSize is ignored.
///
/// Returns:  NULL with ERROR_NOT_ENOUGH_MEMORY, or ERROR_CALL_NOT_IMPLEMENTED for CREATE_SUSPENDED.
/// Ordering: what the caller did before happens before lpStartAddress runs.
/// Contract: WIN32-THREAD-001
HANDLE WINAPI CreateThread(LPSECURITY_ATTRIBUTES, SIZE_T, LPTHREAD_START_ROUTINE lpStartAddress,
                           LPVOID lpParameter, DWORD dwCreationFlags, LPDWORD lpThreadId) {
  BELAY_CALL(CreateThread, nullptr);
  if ((dwCreationFlags & CREATE_SUSPENDED) != 0) {
    fail(ERROR_CALL_NOT_IMPLEMENTED);
    return nullptr;
  }
  auto* const told = kernel::make<thread_beginning>();
  *told = {lpStartAddress, lpParameter};
  thread_comes();
  void* const thread = kernel::create_thread("thread", &begin, told);
  if (thread == nullptr) {
    thread_goes();
    kernel::discard(told);
    fail(ERROR_NOT_ENOUGH_MEMORY);
    return nullptr;
  }
  if (lpThreadId != nullptr) {
    *lpThreadId = static_cast<DWORD>(kernel::facts_of_thread(thread).number);
  }
  return handle_to(thread);
}

/// Ends the calling thread: its requests are cancelled and awaited, its mutexes abandoned.
///
/// Contract: WIN32-THREAD-001, WDM-FILE-003
VOID WINAPI ExitThread(DWORD dwExitCode) {
  enter("ExitThread", nullptr, __builtin_return_address(0));
  end_of_thread();
  thread_goes();
  kernel::exit_thread(static_cast<std::int32_t>(dwExitCode));
}

/// Returns: FALSE with ERROR_CALL_NOT_IMPLEMENTED: a thread cannot be stopped anywhere safely.
BOOL WINAPI TerminateThread(HANDLE hThread, DWORD dwExitCode) {
  BELAY_CALL(TerminateThread, hThread);
  const held thread = hold(hThread, &kernel::thread_type);
  if (!thread) return FALSE;
  if (thread.get() == kernel::thread_object_of_caller()) ExitThread(dwExitCode);
  return fail(ERROR_CALL_NOT_IMPLEMENTED);
}
/// The same. Returns: (DWORD)-1.
DWORD WINAPI SuspendThread(HANDLE hThread) {
  BELAY_CALL(SuspendThread, hThread);
  if (hold(hThread, &kernel::thread_type)) fail(ERROR_CALL_NOT_IMPLEMENTED);
  return static_cast<DWORD>(-1);
}
/// No thread is ever suspended. Returns: 0, how often it was.
DWORD WINAPI ResumeThread(HANDLE hThread) {
  BELAY_CALL(ResumeThread, hThread);
  return hold(hThread, &kernel::thread_type) ? 0 : static_cast<DWORD>(-1);
}

/// STILL_ACTIVE while it runs. Contract: WIN32-THREAD-001
BOOL WINAPI GetExitCodeThread(HANDLE hThread, LPDWORD lpExitCode) {
  BELAY_CALL(GetExitCodeThread, hThread);
  const held thread = hold(hThread, &kernel::thread_type);
  if (!thread) return FALSE;
  *lpExitCode = static_cast<DWORD>(kernel::facts_of_thread(thread.get()).exit_status);
  return TRUE;
}

HANDLE WINAPI OpenThread(DWORD, BOOL, DWORD dwThreadId) {
  BELAY_CALL(OpenThread, nullptr);
  void* found = nullptr;
  {
    const kernel::guard hold_lock(the_process().lock);
    for (const thread_state* who = the_process().threads; who != nullptr; who = who->next) {
      if (kernel::facts_of_thread(who->object).number == dwThreadId) found = who->object;
    }
  }
  if (found == nullptr) {
    fail(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  kernel::reference_object(found);
  return handle_to(found);
}

DWORD WINAPI GetThreadId(HANDLE Thread) {
  BELAY_CALL(GetThreadId, Thread);
  const held thread = hold(Thread, &kernel::thread_type);
  return thread ? static_cast<DWORD>(kernel::facts_of_thread(thread.get()).number) : 0;
}

/// Priorities are taken and have no effect: whoever can run, may.
BOOL WINAPI SetThreadPriority(HANDLE hThread, int) {
  BELAY_CALL(SetThreadPriority, hThread);
  return static_cast<bool>(hold(hThread, &kernel::thread_type));
}
int WINAPI GetThreadPriority(HANDLE hThread) {
  BELAY_CALL(GetThreadPriority, hThread);
  return hold(hThread, &kernel::thread_type) ? THREAD_PRIORITY_NORMAL
                                             : THREAD_PRIORITY_ERROR_RETURN;
}
/// Returns: 0 with ERROR_CALL_NOT_IMPLEMENTED.
DWORD_PTR WINAPI SetThreadAffinityMask(HANDLE hThread, DWORD_PTR) {
  BELAY_CALL(SetThreadAffinityMask, hThread);
  if (hold(hThread, &kernel::thread_type)) fail(ERROR_CALL_NOT_IMPLEMENTED);
  return 0;
}
HRESULT WINAPI SetThreadDescription(HANDLE hThread, PCWSTR) {
  BELAY_CALL(SetThreadDescription, hThread);
  return hold(hThread, &kernel::thread_type) ? S_OK : E_HANDLE;
}

}  // extern "C"
