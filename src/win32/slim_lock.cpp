// Slim locks, condition variables, one-time initialisation, waiting for an address.
//
// Thread safety: any thread.
// Invariants: each is a word in the program's memory that changes under the process's lock; who has
// to wait sleeps on its low half. A slim lock's half is 0 (free), all ones (exclusive) or how many
// share it; a condition variable's counts the wakes; an INIT_ONCE is 0 (not begun), 1 (running), or
// its context and 2 (done). Sleepers may wake for no reason.
// Contract: WIN32-LOCK-002, WIN32-LOCK-003
#include <cstring>

#include "kernel/api.hpp"
#include "kernel/contract.hpp"
#include "win32/process.hpp"
#include "win32/section.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

constexpr std::uint32_t exclusive = 0xffffffff;
constexpr std::uintptr_t running = 1, done = 2;

volatile std::uint32_t* half_of(void* word) { return static_cast<std::uint32_t*>(word); }

// Changes the half of `word` by `change(value)`, which says false to leave it. Returns: the value
// before; `*changed`.
template <class Change>
std::uint32_t change(void* word, bool* changed, Change how) {
  sync::touch(word, sizeof(void*), sync::access_kind::update);
  kernel::order(sync::access_kind::update, word, sizeof(std::uint32_t));
  const kernel::guard hold_lock(the_process().lock);
  const std::uint32_t before = *half_of(word);
  std::uint32_t after = before;
  *changed = how(after);
  if (*changed) *half_of(word) = after;
  return before;
}

bool try_take(void* lock, bool alone, std::uint32_t* seen) {
  bool got = false;
  *seen = change(lock, &got, [alone](std::uint32_t& value) {
    if (alone ? value != 0 : value == exclusive) return false;
    value = alone ? exclusive : value + 1;
    return true;
  });
  return got;
}

void take(void* lock, bool alone) {
  std::uint32_t seen = 0;
  while (!try_take(lock, alone, &seen)) {
    in_user_mode([&] { return sync::wait_on(half_of(lock), seen, sync::forever); });
  }
}

void give(void* lock, bool alone) {
  bool had = false;
  change(lock, &had, [alone](std::uint32_t& value) {
    if (alone ? value != exclusive : value == 0 || value == exclusive) return false;
    value = alone ? 0 : value - 1;
    return true;
  });
  BELAY_CONTRACT(had, "WIN32-LOCK-002", "", 0, (0, 0, 0, 0), lock,
                 "the slim lock %p is released in a way in which nobody holds it", lock);
  sync::wake_all(half_of(lock));
}

void wake(void* variable) {
  bool always = false;
  change(variable, &always, [](std::uint32_t& value) { return ++value, true; });
  sync::wake_all(half_of(variable));
}

// Sleeps on a condition variable between `leave` and `come_back`.
template <class Leave, class Return>
BOOL sleep_on(void* variable, DWORD milliseconds, Leave leave, Return come_back) {
  bool never = false;
  const std::uint32_t seen = change(variable, &never, [](std::uint32_t&) { return false; });
  const sync::nanoseconds deadline = deadline_in(milliseconds);
  leave();
  const bool woken = in_user_mode([&] { return sync::wait_on(half_of(variable), seen, deadline); });
  come_back();
  return woken || fail(ERROR_TIMEOUT);
}

// The value of an INIT_ONCE; when it was not begun, begins it.
std::uintptr_t look(PINIT_ONCE once, bool begin) {
  sync::touch(once, sizeof *once, sync::access_kind::update);
  kernel::order(sync::access_kind::update, once, sizeof(void*));
  const kernel::guard hold_lock(the_process().lock);
  const auto value = reinterpret_cast<std::uintptr_t>(once->Ptr);
  if (value == 0 && begin) once->Ptr = reinterpret_cast<void*>(running);
  return value;
}

// Ends the initialisation. Returns: false if it was not running.
bool finish(PINIT_ONCE once, std::uintptr_t value) {
  bool was_running = false;
  {
    sync::touch(once, sizeof *once, sync::access_kind::update);
    kernel::order(sync::access_kind::update, once, sizeof(void*));
    const kernel::guard hold_lock(the_process().lock);
    was_running = reinterpret_cast<std::uintptr_t>(once->Ptr) == running;
    if (was_running) once->Ptr = reinterpret_cast<void*>(value);
  }
  sync::wake_all(half_of(once));
  return was_running;
}

void give_context(std::uintptr_t value, LPVOID* context) {
  if (context != nullptr) *context = reinterpret_cast<void*>(value & ~std::uintptr_t{3});
}

BOOL begin_once(PINIT_ONCE once, DWORD flags, PBOOL pending, LPVOID* context) {
  if ((flags & INIT_ONCE_ASYNC) != 0) return fail(ERROR_CALL_NOT_IMPLEMENTED);
  const bool check = (flags & INIT_ONCE_CHECK_ONLY) != 0;
  for (;;) {
    const std::uintptr_t value = look(once, !check);
    if ((value & done) != 0) {
      *pending = FALSE;
      give_context(value, context);
      return TRUE;
    }
    if (check) return fail(ERROR_GEN_FAILURE);
    if (value == 0) {
      *pending = TRUE;
      return TRUE;
    }
    in_user_mode([&] { return sync::wait_on(half_of(once), running, sync::forever); });
  }
}

bool same(const volatile void* a, const void* b, SIZE_T size) {
  sync::touch(const_cast<const void*>(a), size, sync::access_kind::read);
  return std::memcmp(const_cast<const void*>(a), b, size) == 0;
}

void wake_address() {
  process& root = the_process();
  kernel::order(sync::access_kind::update, &root.address_epoch, sizeof(std::uint32_t));
  {
    const kernel::guard hold_lock(root.lock);
    ++root.address_epoch;
  }
  sync::wake_all(&root.address_epoch);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

VOID WINAPI InitializeSRWLock(PSRWLOCK SRWLock) { SRWLock->Ptr = nullptr; }
VOID WINAPI AcquireSRWLockExclusive(PSRWLOCK SRWLock) {
  BELAY_CALL(AcquireSRWLockExclusive, SRWLock);
  take(SRWLock, true);
}
VOID WINAPI AcquireSRWLockShared(PSRWLOCK SRWLock) {
  BELAY_CALL(AcquireSRWLockShared, SRWLock);
  take(SRWLock, false);
}
/// Contract: WIN32-LOCK-002: held so.
VOID WINAPI ReleaseSRWLockExclusive(PSRWLOCK SRWLock) {
  BELAY_CALL(ReleaseSRWLockExclusive, SRWLock);
  give(SRWLock, true);
}
VOID WINAPI ReleaseSRWLockShared(PSRWLOCK SRWLock) {
  BELAY_CALL(ReleaseSRWLockShared, SRWLock);
  give(SRWLock, false);
}
BOOLEAN WINAPI TryAcquireSRWLockExclusive(PSRWLOCK SRWLock) {
  BELAY_CALL(TryAcquireSRWLockExclusive, SRWLock);
  std::uint32_t seen = 0;
  return try_take(SRWLock, true, &seen);
}
BOOLEAN WINAPI TryAcquireSRWLockShared(PSRWLOCK SRWLock) {
  BELAY_CALL(TryAcquireSRWLockShared, SRWLock);
  std::uint32_t seen = 0;
  return try_take(SRWLock, false, &seen);
}

VOID WINAPI InitializeConditionVariable(PCONDITION_VARIABLE ConditionVariable) {
  ConditionVariable->Ptr = nullptr;
}
/// Returns: FALSE with ERROR_TIMEOUT. May wake for no reason.
BOOL WINAPI SleepConditionVariableCS(PCONDITION_VARIABLE ConditionVariable,
                                     PCRITICAL_SECTION CriticalSection, DWORD dwMilliseconds) {
  BELAY_CALL(SleepConditionVariableCS, ConditionVariable);
  return sleep_on(
      ConditionVariable, dwMilliseconds, [&] { leave_section(CriticalSection); },
      [&] { enter_section(CriticalSection); });
}
BOOL WINAPI SleepConditionVariableSRW(PCONDITION_VARIABLE ConditionVariable, PSRWLOCK SRWLock,
                                      DWORD dwMilliseconds, ULONG Flags) {
  BELAY_CALL(SleepConditionVariableSRW, ConditionVariable);
  const bool alone = (Flags & CONDITION_VARIABLE_LOCKMODE_SHARED) == 0;
  return sleep_on(
      ConditionVariable, dwMilliseconds, [&] { give(SRWLock, alone); },
      [&] { take(SRWLock, alone); });
}
VOID WINAPI WakeConditionVariable(PCONDITION_VARIABLE ConditionVariable) {
  BELAY_CALL(WakeConditionVariable, ConditionVariable);
  wake(ConditionVariable);
}
VOID WINAPI WakeAllConditionVariable(PCONDITION_VARIABLE ConditionVariable) {
  BELAY_CALL(WakeAllConditionVariable, ConditionVariable);
  wake(ConditionVariable);
}

VOID WINAPI InitOnceInitialize(PINIT_ONCE InitOnce) { InitOnce->Ptr = nullptr; }
/// Returns: FALSE with ERROR_CALL_NOT_IMPLEMENTED for INIT_ONCE_ASYNC.
/// Contract: WIN32-LOCK-003
BOOL WINAPI InitOnceBeginInitialize(LPINIT_ONCE lpInitOnce, DWORD dwFlags, PBOOL fPending,
                                    LPVOID* lpContext) {
  BELAY_CALL(InitOnceBeginInitialize, lpInitOnce);
  return begin_once(lpInitOnce, dwFlags, fPending, lpContext);
}
BOOL WINAPI InitOnceComplete(LPINIT_ONCE lpInitOnce, DWORD dwFlags, LPVOID lpContext) {
  BELAY_CALL(InitOnceComplete, lpInitOnce);
  const auto context = reinterpret_cast<std::uintptr_t>(lpContext);
  if ((dwFlags & INIT_ONCE_ASYNC) != 0) return fail(ERROR_CALL_NOT_IMPLEMENTED);
  if ((context & 3) != 0) return fail(ERROR_INVALID_PARAMETER);
  const bool failed = (dwFlags & INIT_ONCE_INIT_FAILED) != 0;
  return finish(lpInitOnce, failed ? 0 : context | done) || fail(ERROR_GEN_FAILURE);
}
/// Contract: WIN32-LOCK-003
BOOL WINAPI InitOnceExecuteOnce(PINIT_ONCE InitOnce, PINIT_ONCE_FN InitFn, PVOID Parameter,
                                LPVOID* Context) {
  BELAY_CALL(InitOnceExecuteOnce, InitOnce);
  BOOL pending = FALSE;
  if (!begin_once(InitOnce, 0, &pending, Context)) return FALSE;
  if (!pending) return TRUE;
  void* context = nullptr;
  BOOL well = FALSE;
  {
    const sync::unsealed open;
    well = InitFn(InitOnce, Parameter, &context);
  }
  const auto value = reinterpret_cast<std::uintptr_t>(context) | done;
  finish(InitOnce, well ? value : 0);
  if (well) give_context(value, Context);
  return well;
}

/// Returns: FALSE with ERROR_TIMEOUT, or ERROR_INVALID_PARAMETER for another size than 1, 2, 4, 8.
BOOL WINAPI WaitOnAddress(volatile VOID* Address, PVOID CompareAddress, SIZE_T AddressSize,
                          DWORD dwMilliseconds) {
  BELAY_CALL(WaitOnAddress, Address);
  if (AddressSize == 0 || AddressSize > 8 || (AddressSize & (AddressSize - 1)) != 0) {
    return fail(ERROR_INVALID_PARAMETER);
  }
  process& root = the_process();
  const sync::nanoseconds deadline = deadline_in(dwMilliseconds);
  const std::uint32_t epoch =
      sync::load_word(const_cast<volatile std::uint32_t*>(&root.address_epoch));
  if (!same(Address, CompareAddress, AddressSize)) return TRUE;
  const bool woken =
      in_user_mode([&] { return sync::wait_on(&root.address_epoch, epoch, deadline); });
  return woken || fail(ERROR_TIMEOUT);
}
VOID WINAPI WakeByAddressSingle(PVOID Address) {
  BELAY_CALL(WakeByAddressSingle, Address);
  wake_address();
}
VOID WINAPI WakeByAddressAll(PVOID Address) {
  BELAY_CALL(WakeByAddressAll, Address);
  wake_address();
}

}  // extern "C"
