// Events, semaphores, mutexes and waitable timers by handle.
//
// Thread safety: any thread.
// Invariants: each is an object of kernel/waitable.hpp, so that a driver may be given its handle.
// Contract: WIN32-WAIT-002, WIN32-HANDLE-001
#include "kernel/parts.hpp"
#include "win32/error_codes.hpp"
#include "win32/handles.hpp"
#include "win32/text.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

const char16_t* wide(LPCWSTR text) { return reinterpret_cast<const char16_t*>(text); }

// A handle to the object of that name, or to a new one that `make` makes.
template <class Make>
HANDLE create(const char16_t* name, const kernel::object_type& type, Make make) {
  bool clash = false;
  if (void* const there = named(name, &type, &clash)) {
    const HANDLE handle = handle_to(there);
    self().last_error = ERROR_ALREADY_EXISTS;
    return handle;
  }
  if (clash) {
    fail(ERROR_INVALID_HANDLE);
    return nullptr;
  }
  void* const object = make();
  give_name(name, object);
  const HANDLE handle = handle_to(object);
  if (handle != nullptr) self().last_error = ERROR_SUCCESS;
  return handle;
}

HANDLE open(const char16_t* name, const kernel::object_type& type) {
  bool clash = false;
  if (void* const there = named(name, &type, &clash)) return handle_to(there);
  fail(name == nullptr ? ERROR_INVALID_PARAMETER
                       : (clash ? ERROR_INVALID_HANDLE : ERROR_FILE_NOT_FOUND));
  return nullptr;
}

HANDLE create_event(const char16_t* name, bool manual, bool set) {
  return create(name, kernel::event_type, [&] { return kernel::create_event(manual, set); });
}

HANDLE create_mutex(const char16_t* name, bool owned) {
  return create(name, kernel::mutant_type, [&] { return kernel::create_mutex(owned); });
}

HANDLE create_semaphore(const char16_t* name, LONG count, LONG limit) {
  if (count < 0 || limit < 1 || count > limit) {
    fail(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  return create(name, kernel::semaphore_type,
                [&] { return kernel::create_semaphore(count, limit); });
}

HANDLE create_timer(const char16_t* name, bool manual) {
  return create(name, kernel::timer_type, [&] { return kernel::create_timer(manual); });
}

BOOL change(HANDLE handle, kernel::event_change how) {
  const held event = hold(handle, &kernel::event_type);
  if (!event) return FALSE;
  const std::int32_t status = kernel::change_event(event.get(), how);
  return succeeded(status) || fail_status(status);
}

// ---- a timer's routine

struct timer_call {
  PTIMERAPCROUTINE routine;
  LPVOID argument;
};

void call_timer_routine(void* context) {
  const timer_call what = *static_cast<timer_call*>(context);
  FILETIME now{};
  GetSystemTimeAsFileTime(&now);
  const sync::unsealed open;
  what.routine(what.argument, now.dwLowDateTime, now.dwHighDateTime);
}

// A due time as SetWaitableTimer takes it, on the clock.
sync::nanoseconds due_at(const LARGE_INTEGER& due) {
  if (due.QuadPart < 0) return sync::now() - due.QuadPart * 100;
  FILETIME now{};
  GetSystemTimeAsFileTime(&now);
  const auto time = static_cast<std::int64_t>(static_cast<std::uint64_t>(now.dwHighDateTime) << 32 |
                                              now.dwLowDateTime);
  return sync::now() + (due.QuadPart > time ? (due.QuadPart - time) * 100 : 0);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

// ---- events. A name is known within the process; ERROR_ALREADY_EXISTS says that it was there.

HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES, BOOL bManualReset, BOOL bInitialState,
                           LPCWSTR lpName) {
  BELAY_CALL(CreateEventW, nullptr);
  return win32::create_event(wide(lpName), bManualReset, bInitialState);
}
HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES, BOOL bManualReset, BOOL bInitialState,
                           LPCSTR lpName) {
  BELAY_CALL(CreateEventA, nullptr);
  return win32::create_event(wide_text(lpName).get(), bManualReset, bInitialState);
}
HANDLE WINAPI CreateEventExW(LPSECURITY_ATTRIBUTES, LPCWSTR lpName, DWORD dwFlags, DWORD) {
  BELAY_CALL(CreateEventExW, nullptr);
  return win32::create_event(wide(lpName), dwFlags & CREATE_EVENT_MANUAL_RESET,
                             dwFlags & CREATE_EVENT_INITIAL_SET);
}
HANDLE WINAPI CreateEventExA(LPSECURITY_ATTRIBUTES, LPCSTR lpName, DWORD dwFlags, DWORD) {
  BELAY_CALL(CreateEventExA, nullptr);
  return win32::create_event(wide_text(lpName).get(), dwFlags & CREATE_EVENT_MANUAL_RESET,
                             dwFlags & CREATE_EVENT_INITIAL_SET);
}
HANDLE WINAPI OpenEventW(DWORD, BOOL, LPCWSTR lpName) {
  BELAY_CALL(OpenEventW, nullptr);
  return win32::open(wide(lpName), kernel::event_type);
}
HANDLE WINAPI OpenEventA(DWORD, BOOL, LPCSTR lpName) {
  BELAY_CALL(OpenEventA, nullptr);
  return win32::open(wide_text(lpName).get(), kernel::event_type);
}

BOOL WINAPI SetEvent(HANDLE hEvent) {
  BELAY_CALL(SetEvent, hEvent);
  return change(hEvent, kernel::event_change::set);
}
BOOL WINAPI ResetEvent(HANDLE hEvent) {
  BELAY_CALL(ResetEvent, hEvent);
  return change(hEvent, kernel::event_change::reset);
}
BOOL WINAPI PulseEvent(HANDLE hEvent) {
  BELAY_CALL(PulseEvent, hEvent);
  return change(hEvent, kernel::event_change::pulse);
}

// ---- mutexes. Returns of ReleaseMutex: ERROR_NOT_OWNER. Their owner's end abandons them.

HANDLE WINAPI CreateMutexW(LPSECURITY_ATTRIBUTES, BOOL bInitialOwner, LPCWSTR lpName) {
  BELAY_CALL(CreateMutexW, nullptr);
  return win32::create_mutex(wide(lpName), bInitialOwner);
}
HANDLE WINAPI CreateMutexA(LPSECURITY_ATTRIBUTES, BOOL bInitialOwner, LPCSTR lpName) {
  BELAY_CALL(CreateMutexA, nullptr);
  return win32::create_mutex(wide_text(lpName).get(), bInitialOwner);
}
HANDLE WINAPI CreateMutexExW(LPSECURITY_ATTRIBUTES, LPCWSTR lpName, DWORD dwFlags, DWORD) {
  BELAY_CALL(CreateMutexExW, nullptr);
  return win32::create_mutex(wide(lpName), dwFlags & CREATE_MUTEX_INITIAL_OWNER);
}
HANDLE WINAPI CreateMutexExA(LPSECURITY_ATTRIBUTES, LPCSTR lpName, DWORD dwFlags, DWORD) {
  BELAY_CALL(CreateMutexExA, nullptr);
  return win32::create_mutex(wide_text(lpName).get(), dwFlags & CREATE_MUTEX_INITIAL_OWNER);
}
HANDLE WINAPI OpenMutexW(DWORD, BOOL, LPCWSTR lpName) {
  BELAY_CALL(OpenMutexW, nullptr);
  return win32::open(wide(lpName), kernel::mutant_type);
}
HANDLE WINAPI OpenMutexA(DWORD, BOOL, LPCSTR lpName) {
  BELAY_CALL(OpenMutexA, nullptr);
  return win32::open(wide_text(lpName).get(), kernel::mutant_type);
}
BOOL WINAPI ReleaseMutex(HANDLE hMutex) {
  BELAY_CALL(ReleaseMutex, hMutex);
  const held mutex = hold(hMutex, &kernel::mutant_type);
  if (!mutex) return FALSE;
  const std::int32_t status = kernel::release_mutex(mutex.get());
  return succeeded(status) || fail_status(status);
}

// ---- semaphores. Returns of ReleaseSemaphore: ERROR_TOO_MANY_POSTS, ERROR_INVALID_PARAMETER.

HANDLE WINAPI CreateSemaphoreW(LPSECURITY_ATTRIBUTES, LONG lInitialCount, LONG lMaximumCount,
                               LPCWSTR lpName) {
  BELAY_CALL(CreateSemaphoreW, nullptr);
  return win32::create_semaphore(wide(lpName), lInitialCount, lMaximumCount);
}
HANDLE WINAPI CreateSemaphoreA(LPSECURITY_ATTRIBUTES, LONG lInitialCount, LONG lMaximumCount,
                               LPCSTR lpName) {
  BELAY_CALL(CreateSemaphoreA, nullptr);
  return win32::create_semaphore(wide_text(lpName).get(), lInitialCount, lMaximumCount);
}
HANDLE WINAPI CreateSemaphoreExW(LPSECURITY_ATTRIBUTES, LONG lInitialCount, LONG lMaximumCount,
                                 LPCWSTR lpName, DWORD, DWORD) {
  BELAY_CALL(CreateSemaphoreExW, nullptr);
  return win32::create_semaphore(wide(lpName), lInitialCount, lMaximumCount);
}
HANDLE WINAPI CreateSemaphoreExA(LPSECURITY_ATTRIBUTES, LONG lInitialCount, LONG lMaximumCount,
                                 LPCSTR lpName, DWORD, DWORD) {
  BELAY_CALL(CreateSemaphoreExA, nullptr);
  return win32::create_semaphore(wide_text(lpName).get(), lInitialCount, lMaximumCount);
}
HANDLE WINAPI OpenSemaphoreW(DWORD, BOOL, LPCWSTR lpName) {
  BELAY_CALL(OpenSemaphoreW, nullptr);
  return win32::open(wide(lpName), kernel::semaphore_type);
}
HANDLE WINAPI OpenSemaphoreA(DWORD, BOOL, LPCSTR lpName) {
  BELAY_CALL(OpenSemaphoreA, nullptr);
  return win32::open(wide_text(lpName).get(), kernel::semaphore_type);
}
BOOL WINAPI ReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, LPLONG lpPreviousCount) {
  BELAY_CALL(ReleaseSemaphore, hSemaphore);
  const held semaphore = hold(hSemaphore, &kernel::semaphore_type);
  if (!semaphore) return FALSE;
  if (lReleaseCount <= 0) return fail(ERROR_INVALID_PARAMETER);
  std::int32_t previous = 0;
  const std::int32_t status = kernel::release_semaphore(semaphore.get(), lReleaseCount, &previous);
  if (!succeeded(status)) return fail_status(status);
  if (lpPreviousCount != nullptr) *lpPreviousCount = previous;
  return TRUE;
}

// ---- waitable timers

HANDLE WINAPI CreateWaitableTimerW(LPSECURITY_ATTRIBUTES, BOOL bManualReset, LPCWSTR lpTimerName) {
  BELAY_CALL(CreateWaitableTimerW, nullptr);
  return win32::create_timer(wide(lpTimerName), bManualReset);
}
HANDLE WINAPI CreateWaitableTimerA(LPSECURITY_ATTRIBUTES, BOOL bManualReset, LPCSTR lpTimerName) {
  BELAY_CALL(CreateWaitableTimerA, nullptr);
  return win32::create_timer(wide_text(lpTimerName).get(), bManualReset);
}
HANDLE WINAPI CreateWaitableTimerExW(LPSECURITY_ATTRIBUTES, LPCWSTR lpTimerName, DWORD dwFlags,
                                     DWORD) {
  BELAY_CALL(CreateWaitableTimerExW, nullptr);
  return win32::create_timer(wide(lpTimerName), dwFlags & CREATE_WAITABLE_TIMER_MANUAL_RESET);
}
HANDLE WINAPI CreateWaitableTimerExA(LPSECURITY_ATTRIBUTES, LPCSTR lpTimerName, DWORD dwFlags,
                                     DWORD) {
  BELAY_CALL(CreateWaitableTimerExA, nullptr);
  return win32::create_timer(wide_text(lpTimerName).get(),
                             dwFlags & CREATE_WAITABLE_TIMER_MANUAL_RESET);
}
HANDLE WINAPI OpenWaitableTimerW(DWORD, BOOL, LPCWSTR lpTimerName) {
  BELAY_CALL(OpenWaitableTimerW, nullptr);
  return win32::open(wide(lpTimerName), kernel::timer_type);
}
HANDLE WINAPI OpenWaitableTimerA(DWORD, BOOL, LPCSTR lpTimerName) {
  BELAY_CALL(OpenWaitableTimerA, nullptr);
  return win32::open(wide_text(lpTimerName).get(), kernel::timer_type);
}

/// fResume is ignored: nothing sleeps.
BOOL WINAPI SetWaitableTimer(HANDLE hTimer, const LARGE_INTEGER* lpDueTime, LONG lPeriod,
                             PTIMERAPCROUTINE pfnCompletionRoutine, LPVOID lpArgToCompletionRoutine,
                             BOOL) {
  BELAY_CALL(SetWaitableTimer, hTimer);
  const held timer = hold(hTimer, &kernel::timer_type);
  if (!timer) return FALSE;
  if (lPeriod < 0) return fail(ERROR_INVALID_PARAMETER);
  timer_call* call = nullptr;
  if (pfnCompletionRoutine != nullptr) {
    call = kernel::make<timer_call>();  // kept until the process ends: it may run again
    *call = {pfnCompletionRoutine, lpArgToCompletionRoutine};
  }
  const std::int32_t status =
      kernel::set_timer(timer.get(), due_at(*lpDueTime), lPeriod * 1'000'000LL,
                        call == nullptr ? nullptr : &call_timer_routine, call);
  return succeeded(status) || fail_status(status);
}
BOOL WINAPI CancelWaitableTimer(HANDLE hTimer) {
  BELAY_CALL(CancelWaitableTimer, hTimer);
  const held timer = hold(hTimer, &kernel::timer_type);
  if (!timer) return FALSE;
  const std::int32_t status = kernel::cancel_timer(timer.get());
  return succeeded(status) || fail_status(status);
}

}  // extern "C"
