// IRQL and spin locks.
//
// Thread safety: an actor's IRQL and its list of held locks are its own; the lock words are the
// guest's memory and change by sync::acquire_word and sync::release_word only.
#include <cstdio>

#include "kernel/api.hpp"
#include "kernel/parts.hpp"
#include "kernel/verifier.hpp"

#include <wdm.h>

namespace belay::inline BELAY_BUILD::kernel {

namespace {

std::uint64_t number(const volatile void* pointer) {
  return reinterpret_cast<std::uint64_t>(const_cast<const void*>(pointer));
}
const void* plain(const volatile std::uint64_t* word) {
  return const_cast<const std::uint64_t*>(word);
}

/// Returns only if it is the verifier's to say and that is off.
void broken(const lock_terms& terms, const char* rule, std::uint32_t code, std::uint64_t first,
            std::uint64_t second, const volatile std::uint64_t* word, const void* site,
            const char* text) {
  if (!enforced(code)) return;
  violation what;
  what.clause = terms.clause;
  what.rule = rule;
  what.bug_check = code;
  what.parameter[0] = first;
  what.parameter[1] = second;
  what.parameter[2] = code == 0xC4 ? number(word) : irql();
  what.object = plain(word);
  what.site = site;
  std::snprintf(what.text, sizeof what.text, "%s %p: %s", terms.name, plain(word), text);
  report(what);
}

void check_word(const volatile std::uint64_t* word, const lock_terms& terms, const void* site) {
  {
    const sync::sealed seal;
    sync::touch(plain(word), sizeof *word, sync::access_kind::update);
  }
  if (sync::word_owner(word) == sync::self()) {
    broken(terms, "SpinLock", 0xF, number(word), 0, word, site,
           "acquired again by its holder, which now spins for ever");
  }
}

lock_kind kind_of(lock_flavour flavour) {
  return flavour == lock_flavour::cancel ? lock_kind::cancel_spin_lock : lock_kind::spin_lock;
}

void remember(volatile std::uint64_t* word, const void* handle, std::uint8_t old_irql, bool raised,
              lock_flavour flavour, const void* site) {
  thread& self = current();
  BELAY_ASSERT(self.locks < thread::most_locks);
  self.held[self.locks++] = {word, handle, site, old_irql, flavour, raised};
  lock_taken(plain(word), kind_of(flavour), site);
}

}  // namespace

std::uint8_t take_spin_lock(volatile std::uint64_t* word, std::uint8_t raise_to,
                            lock_flavour flavour, const void* handle, const lock_terms& terms,
                            const void* site) {
  check_word(word, terms, site);
  std::uint8_t& level = sync::level();
  const std::uint8_t before = level;
  const bool raises = raise_to != no_raise;
  if (raises) {
    if (before > raise_to) {
      broken(terms, "IrqlKeDispatchLte", 0xC4, 0x20011, before, word, site,
             "acquired above the IRQL that it raises to");
    }
    level = raise_to;
  } else if (before < dispatch_level) {
    broken(terms, "SpinLockDpc", 0xC4, 0x40, before, word, site,
           "the AtDpcLevel form was called below DISPATCH_LEVEL");
  }
  lock_awaited(plain(word), kind_of(flavour), site);
  sync::acquire_word(word);
  {
    const sync::sealed seal;
    sync::touch(plain(word), sizeof *word, sync::access_kind::update);
  }
  remember(word, handle, before, raises, flavour, site);
  return before;
}

bool try_take_spin_lock(volatile std::uint64_t* word, std::uint8_t raise_to, lock_flavour flavour,
                        const lock_terms& terms, const void* site) {
  {
    const sync::sealed seal;
    sync::touch(plain(word), sizeof *word, sync::access_kind::update);
  }
  std::uint8_t& level = sync::level();
  const std::uint8_t before = level;
  const bool raises = raise_to != no_raise;
  if (!raises && before < dispatch_level) {
    broken(terms, "SpinLockDpc", 0xC4, 0x40, before, word, site,
           "the AtDpcLevel form was called below DISPATCH_LEVEL");
  }
  if (raises) level = raise_to;
  if (!sync::try_acquire_word(word)) {
    level = before;
    return false;
  }
  remember(word, nullptr, before, raises, flavour, site);
  return true;
}

void give_spin_lock(volatile std::uint64_t* word, std::uint8_t new_irql, lock_flavour flavour,
                    const void* handle, const lock_terms& terms, const void* site) {
  thread& self = current();
  int at = self.locks - 1;
  while (at >= 0 && self.held[at].word != word) --at;
  if (at < 0) {
    broken(terms, "SpinlockRelease", 0x10, number(word), 0, word, site,
           sync::word_owner(word) == sync::no_actor ? "released, but nobody holds it"
                                                    : "released by one who does not hold it");
  }
  const held_lock held = self.held[at];
  std::uint8_t& level = sync::level();
  if (held.flavour != flavour || (handle != nullptr && held.handle != handle)) {
    broken(terms, "QueuedSpinLock", 0xC4, 0x40006, number(handle), word, site,
           "released in another way than it was acquired (queued or not, or another handle)");
  }
  if (level < dispatch_level) {
    broken(terms, "IrqlKeReleaseSpinLock", 0xC4, 0x20015, level, word, site,
           "released below DISPATCH_LEVEL: the IRQL was lowered while it was held");
  }
  // IRQLs come back in the reverse order in which they were saved, whichever lock goes first.
  const held_lock& top = self.held[self.locks - 1];
  const std::uint8_t saved = top.raised ? top.old_irql : level;
  if (new_irql != no_raise && new_irql != saved) {
    char text[160];
    std::snprintf(text, sizeof text, "released to %s; the acquire to undo left %s",
                  irql_name(new_irql), irql_name(saved));
    broken(terms, "IrqlKeRaiseLower", 0xC4, 0x31, new_irql, word, site, text);
  }
  for (int i = at; i + 1 < self.locks; ++i) {
    const held_lock moved = self.held[i + 1];
    const std::uint8_t old_irql = self.held[i].old_irql;
    const bool raised = self.held[i].raised;
    self.held[i] = moved;
    self.held[i].old_irql = old_irql;
    self.held[i].raised = raised;
  }
  --self.locks;
  lock_given(plain(word));
  sync::release_word(word);
  if (new_irql != no_raise) level = new_irql;
}

bool holds_spin_lock(const volatile std::uint64_t* word) {
  const thread* const self = current_if_any();
  for (int i = 0; self != nullptr && i < self->locks; ++i) {
    if (self->held[i].word == word) return true;
  }
  return false;
}

int spin_locks_held(const held_lock** last) {
  const thread* const self = current_if_any();
  if (self == nullptr || self->locks == 0) return 0;
  if (last != nullptr) *last = &self->held[self->locks - 1];
  return self->locks;
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;

namespace {
const kernel::lock_terms plain_terms{};
#define BELAY_SITE __builtin_return_address(0)
volatile std::uint64_t* word_of(PKSPIN_LOCK lock) {
  return reinterpret_cast<volatile std::uint64_t*>(lock);
}
}  // namespace

extern "C" {

// ---- IRQL
// ----------------------------------------------------------------------------------------

KIRQL KeGetCurrentIrql(VOID) { return sync::level(); }

/// Raises the IRQL. Contract: WDM-LOCK-011: not to a lower one.
KIRQL KfRaiseIrql(KIRQL NewIrql) {
  BELAY_EXPORT(KfRaiseIrql, nullptr);
  const KIRQL before = sync::level();
  BELAY_CONTRACT(NewIrql >= before && NewIrql <= HIGH_LEVEL, "WDM-LOCK-011", "IrqlKeRaiseLower",
                 0xC4, (0x30, before, NewIrql, 0), nullptr, "KeRaiseIrql from %s to the lower %s",
                 kernel::irql_name(before), kernel::irql_name(NewIrql));
  sync::level() = NewIrql;
  kernel::irql_raised(before, NewIrql);
  return before;
}

KIRQL KeRaiseIrqlToDpcLevel(VOID) {
  BELAY_EXPORT(KeRaiseIrqlToDpcLevel, nullptr);
  const KIRQL before = sync::level();
  sync::level() = DISPATCH_LEVEL;
  kernel::irql_raised(before, DISPATCH_LEVEL);
  return before;
}

KIRQL KeRaiseIrqlToSynchLevel(VOID) {
  BELAY_EXPORT(KeRaiseIrqlToSynchLevel, nullptr);
  const KIRQL before = sync::level();
  if (before < SYNCH_LEVEL) sync::level() = SYNCH_LEVEL;
  kernel::irql_raised(before, sync::level());
  return before;
}

/// Lowers the IRQL. Contract: WDM-LOCK-011: to the level of the raise that it undoes, and not below
/// DISPATCH_LEVEL while a spin lock is held.
VOID KeLowerIrql(KIRQL NewIrql) {
  BELAY_EXPORT(KeLowerIrql, nullptr);
  const KIRQL before = sync::level();
  BELAY_CONTRACT(NewIrql <= before, "WDM-LOCK-011", "IrqlKeRaiseLower", 0xC4,
                 (0x31, before, NewIrql, 0), nullptr, "KeLowerIrql from %s to the higher %s",
                 kernel::irql_name(before), kernel::irql_name(NewIrql));
  const kernel::held_lock* held = nullptr;
  BELAY_CONTRACT(NewIrql >= DISPATCH_LEVEL || kernel::spin_locks_held(&held) == 0, "WDM-LOCK-011",
                 "IrqlKeRaiseLower", 0xC4,
                 (0x31, before, NewIrql, reinterpret_cast<std::uint64_t>(held->word)),
                 const_cast<std::uint64_t*>(held->word),
                 "KeLowerIrql to %s while a spin lock is held", kernel::irql_name(NewIrql));
  kernel::irql_lowering(before, NewIrql);
  sync::level() = NewIrql;
  if (NewIrql < APC_LEVEL) kernel::run_kernel_apcs();
}

// ---- spin locks
// ----------------------------------------------------------------------------------

/// Takes a spin lock and raises to DISPATCH_LEVEL. Contract: WDM-LOCK-001.
KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock) {
  BELAY_EXPORT(KeAcquireSpinLockRaiseToDpc, SpinLock);
  return kernel::take_spin_lock(word_of(SpinLock), DISPATCH_LEVEL, kernel::lock_flavour::plain,
                                nullptr, plain_terms, BELAY_SITE);
}
KIRQL KeAcquireSpinLockRaiseToSynch(PKSPIN_LOCK SpinLock) {
  BELAY_EXPORT(KeAcquireSpinLockRaiseToSynch, SpinLock);
  return kernel::take_spin_lock(word_of(SpinLock), SYNCH_LEVEL, kernel::lock_flavour::plain,
                                nullptr, plain_terms, BELAY_SITE);
}
VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql) {
  BELAY_EXPORT(KeReleaseSpinLock, SpinLock);
  kernel::give_spin_lock(word_of(SpinLock), NewIrql, kernel::lock_flavour::plain, nullptr,
                         plain_terms, BELAY_SITE);
}
VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock) {
  BELAY_EXPORT(KeAcquireSpinLockAtDpcLevel, SpinLock);
  kernel::take_spin_lock(word_of(SpinLock), kernel::no_raise, kernel::lock_flavour::plain, nullptr,
                         plain_terms, BELAY_SITE);
}
VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock) {
  BELAY_EXPORT(KeReleaseSpinLockFromDpcLevel, SpinLock);
  kernel::give_spin_lock(word_of(SpinLock), kernel::no_raise, kernel::lock_flavour::plain, nullptr,
                         plain_terms, BELAY_SITE);
}
BOOLEAN KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock) {
  BELAY_EXPORT(KeTryToAcquireSpinLockAtDpcLevel, SpinLock);
  return kernel::try_take_spin_lock(word_of(SpinLock), kernel::no_raise,
                                    kernel::lock_flavour::plain, plain_terms, BELAY_SITE);
}
/// For code that may run in a threaded DPC: raises if need be.
KIRQL KeAcquireSpinLockForDpc(PKSPIN_LOCK SpinLock) {
  BELAY_EXPORT(KeAcquireSpinLockForDpc, SpinLock);
  return kernel::take_spin_lock(word_of(SpinLock), DISPATCH_LEVEL, kernel::lock_flavour::plain,
                                nullptr, plain_terms, BELAY_SITE);
}
VOID KeReleaseSpinLockForDpc(PKSPIN_LOCK SpinLock, KIRQL OldIrql) {
  BELAY_EXPORT(KeReleaseSpinLockForDpc, SpinLock);
  kernel::give_spin_lock(word_of(SpinLock), OldIrql, kernel::lock_flavour::plain, nullptr,
                         plain_terms, BELAY_SITE);
}
/// Returns TRUE if the lock was free at the moment of the look.
BOOLEAN KeTestSpinLock(PKSPIN_LOCK SpinLock) {
  BELAY_EXPORT(KeTestSpinLock, SpinLock);
  kernel::use(SpinLock, sizeof *SpinLock, sync::access_kind::read);
  return sync::word_owner(word_of(SpinLock)) == sync::no_actor;
}

// ---- in-stack queued spin locks
// ------------------------------------------------------------------

namespace {
void acquire_queued(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle, std::uint8_t raise_to,
                    const void* site) {
  const KIRQL before = kernel::take_spin_lock(word_of(lock), raise_to, kernel::lock_flavour::queued,
                                              handle, plain_terms, site);
  handle->LockQueue.Lock = lock;
  handle->LockQueue.Next = nullptr;
  handle->OldIrql = before;
}
void release_queued(PKLOCK_QUEUE_HANDLE handle, bool lowers, const void* site) {
  kernel::give_spin_lock(word_of(handle->LockQueue.Lock),
                         lowers ? handle->OldIrql : kernel::no_raise, kernel::lock_flavour::queued,
                         handle, plain_terms, site);
}
}  // namespace

/// As KeAcquireSpinLock; `LockHandle` serves this acquire and its release only. Contract:
/// WDM-LOCK-001.
VOID KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle) {
  BELAY_EXPORT(KeAcquireInStackQueuedSpinLock, SpinLock);
  acquire_queued(SpinLock, LockHandle, DISPATCH_LEVEL, BELAY_SITE);
}
VOID KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle) {
  BELAY_EXPORT(KeReleaseInStackQueuedSpinLock, LockHandle->LockQueue.Lock);
  release_queued(LockHandle, true, BELAY_SITE);
}
VOID KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock,
                                              PKLOCK_QUEUE_HANDLE LockHandle) {
  BELAY_EXPORT(KeAcquireInStackQueuedSpinLockAtDpcLevel, SpinLock);
  acquire_queued(SpinLock, LockHandle, kernel::no_raise, BELAY_SITE);
}
VOID KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle) {
  BELAY_EXPORT(KeReleaseInStackQueuedSpinLockFromDpcLevel, LockHandle->LockQueue.Lock);
  release_queued(LockHandle, false, BELAY_SITE);
}
VOID KeAcquireInStackQueuedSpinLockForDpc(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle) {
  BELAY_EXPORT(KeAcquireInStackQueuedSpinLockForDpc, SpinLock);
  acquire_queued(SpinLock, LockHandle, DISPATCH_LEVEL, BELAY_SITE);
}
VOID KeReleaseInStackQueuedSpinLockForDpc(PKLOCK_QUEUE_HANDLE LockHandle) {
  BELAY_EXPORT(KeReleaseInStackQueuedSpinLockForDpc, LockHandle->LockQueue.Lock);
  release_queued(LockHandle, true, BELAY_SITE);
}

}  // extern "C"
