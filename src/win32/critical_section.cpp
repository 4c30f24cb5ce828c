// Critical sections: a lock in the program's memory, which its owner may take again.
//
// Thread safety: any thread.
// Invariants: LockCount is -1 when free, 0 when held, 1 when held and somebody may sleep on it;
// OwningThread and RecursionCount are the owner's. Nothing lies outside the program's memory.
// Contract: WIN32-LOCK-001
#include "kernel/contract.hpp"
#include "win32/process.hpp"
#include "win32/section.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

constexpr LONG unlocked = -1, locked = 0, contended = 1;

void* caller() {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(kernel::current().number));
}

bool owned(LPCRITICAL_SECTION lock) {
  sync::touch(lock, sizeof *lock, sync::access_kind::update);
  return sync::load_word(const_cast<void* volatile*>(&lock->OwningThread)) == caller();
}

void own(LPCRITICAL_SECTION lock) {
  sync::store_word(const_cast<void* volatile*>(&lock->OwningThread), caller());
  lock->RecursionCount = 1;
}

volatile LONG* word_of(LPCRITICAL_SECTION lock) { return &lock->LockCount; }

bool take_if_free(LPCRITICAL_SECTION lock) {
  const LONG was = sync::exchange_word(word_of(lock), locked);
  if (was == unlocked) return true;
  // The mark of those who sleep was overwritten: put it back.
  return was == contended && sync::exchange_word(word_of(lock), contended) == unlocked;
}

void take(LPCRITICAL_SECTION lock) {
  if (sync::exchange_word(word_of(lock), locked) == unlocked) return;
  while (sync::exchange_word(word_of(lock), contended) != unlocked) {
    in_user_mode([&] {
      return sync::wait_on(word_of(lock), static_cast<std::uint32_t>(contended), sync::forever);
    });
  }
}

void give(LPCRITICAL_SECTION lock) {
  BELAY_CONTRACT(owned(lock), "WIN32-LOCK-001", "", 0, (0, 0, 0, 0), lock,
                 "LeaveCriticalSection on %p, which the calling thread does not own",
                 static_cast<void*>(lock));
  if (--lock->RecursionCount != 0) return;
  sync::store_word(const_cast<void* volatile*>(&lock->OwningThread), static_cast<void*>(nullptr));
  if (sync::exchange_word(word_of(lock), unlocked) == contended) sync::wake_all(word_of(lock));
}

void format(LPCRITICAL_SECTION lock) {
  sync::touch(lock, sizeof *lock, sync::access_kind::write);
  lock->DebugInfo = nullptr;
  lock->LockCount = unlocked;
  lock->RecursionCount = 0;
  lock->OwningThread = nullptr;
  lock->LockSemaphore = nullptr;
  lock->SpinCount = 0;
}

}  // namespace

void enter_section(void* section) {
  auto* const lock = static_cast<LPCRITICAL_SECTION>(section);
  if (owned(lock)) {
    ++lock->RecursionCount;
    return;
  }
  take(lock);
  own(lock);
}

void leave_section(void* section) { give(static_cast<LPCRITICAL_SECTION>(section)); }

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

VOID WINAPI InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
  BELAY_CALL(InitializeCriticalSection, nullptr);
  win32::format(lpCriticalSection);
}
/// Spin counts are taken and have no effect.
BOOL WINAPI InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION lpCriticalSection, DWORD) {
  InitializeCriticalSection(lpCriticalSection);
  return TRUE;
}
BOOL WINAPI InitializeCriticalSectionEx(LPCRITICAL_SECTION lpCriticalSection, DWORD, DWORD) {
  InitializeCriticalSection(lpCriticalSection);
  return TRUE;
}
DWORD WINAPI SetCriticalSectionSpinCount(LPCRITICAL_SECTION, DWORD) { return 0; }

/// Contract: WIN32-LOCK-001
VOID WINAPI EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
  BELAY_CALL(EnterCriticalSection, lpCriticalSection);
  enter_section(lpCriticalSection);
}
BOOL WINAPI TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
  BELAY_CALL(TryEnterCriticalSection, lpCriticalSection);
  if (owned(lpCriticalSection)) {
    ++lpCriticalSection->RecursionCount;
    return TRUE;
  }
  if (!take_if_free(lpCriticalSection)) return FALSE;
  own(lpCriticalSection);
  return TRUE;
}
/// Contract: WIN32-LOCK-001: by its owner.
VOID WINAPI LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
  BELAY_CALL(LeaveCriticalSection, lpCriticalSection);
  leave_section(lpCriticalSection);
}
/// Contract: WIN32-LOCK-001: nobody owns it.
VOID WINAPI DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
  BELAY_CALL(DeleteCriticalSection, lpCriticalSection);
  sync::touch(lpCriticalSection, sizeof *lpCriticalSection, sync::access_kind::update);
  BELAY_CONTRACT(lpCriticalSection->OwningThread == nullptr, "WIN32-LOCK-001", "", 0, (0, 0, 0, 0),
                 lpCriticalSection, "DeleteCriticalSection on %p, which a thread owns",
                 static_cast<void*>(lpCriticalSection));
}

}  // extern "C"
