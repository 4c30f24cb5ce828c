// Critical and guarded regions, fast and guarded mutexes.
//
// Invariants: a fast mutex keeps its memory as on Windows: Count is 1 when free; Owner is the
// thread. Contention counts those who wait; its event, a synchronization event, wakes one of them.
#include "kernel/dispatcher_nt.hpp"
#include "kernel/verifier.hpp"

namespace belay::inline BELAY_BUILD::kernel {

namespace {

bool owned_by(PFAST_MUTEX mutex, PVOID thread) {
  const guard hold(the_executive().lock);
  return mutex->Owner == thread;
}

/// Contract: WDM-LOCK-010
void acquire(PFAST_MUTEX mutex, const char* what) {
  use(mutex, sizeof *mutex);
  PVOID const self = current_object();
  BELAY_CONTRACT(!owned_by(mutex, self), "WDM-LOCK-010", "Deadlock Detection", 0xC4,
                 (0x1001, reinterpret_cast<std::uint64_t>(mutex), 0, 0), mutex,
                 "%s by the thread that holds it already; it waits for itself", what);
  BELAY_CONTRACT(mutex->Event.Header.WaitListHead.Flink == &mutex->Event.Header.WaitListHead,
                 "WDM-IRP-026", "IRQL_NOT_LESS_OR_EQUAL", 0xA, (0, irql(), 1, 0), mutex,
                 "%s on a mutex that is not initialised", what);
  const void* const site = __builtin_return_address(0);
  lock_awaited(mutex, lock_kind::fast_mutex, site);
  executive& root = the_executive();
  for (bool waited = false;; waited = true) {
    {
      const guard hold(root.lock);
      if (mutex->Count > 0) {
        mutex->Count = 0;
        mutex->Owner = self;
        mutex->Contention -= waited;
        lock_taken(mutex, lock_kind::fast_mutex, site);
        return;
      }
      mutex->Contention += !waited;
    }
    void* event = &mutex->Event;
    wait_objects(1, &event, false, false, sync::forever);
  }
}

bool try_acquire(PFAST_MUTEX mutex) {
  use(mutex, sizeof *mutex);
  PVOID const self = current_object();
  const guard hold(the_executive().lock);
  if (mutex->Count <= 0) return false;
  mutex->Count = 0;
  mutex->Owner = self;
  lock_taken(mutex, lock_kind::fast_mutex, __builtin_return_address(0));
  return true;
}

/// Contract: WDM-LOCK-010
void release(PFAST_MUTEX mutex, const char* what, std::uint64_t code) {
  use(mutex, sizeof *mutex);
  BELAY_CONTRACT(
      owned_by(mutex, current_object()), "WDM-LOCK-010", "DRIVER_VERIFIER_DETECTED_VIOLATION", 0xC4,
      (code, reinterpret_cast<std::uint64_t>(mutex), reinterpret_cast<std::uint64_t>(mutex->Owner),
       reinterpret_cast<std::uint64_t>(current_object())),
      mutex, "%s by a thread that does not hold it", what);
  lock_given(mutex);
  const guard hold(the_executive().lock);
  mutex->Owner = nullptr;
  mutex->Count = 1;
  if (mutex->Contention == 0) return;
  // One of those who wait, or are about to, takes the signal and looks again.
  mutex->Event.Header.SignalState = 1;
  satisfy_waiters_locked(mutex->Event.Header);
}

/// The unsafe forms need APCs off already. Contract: WDM-LOCK-010
void check_unsafe(const char* what, const void* mutex, std::uint64_t code) {
  const thread& self = current();
  BELAY_CONTRACT(irql() == apc_level ||
                     (irql() < apc_level && self.critical_regions + self.guarded_regions != 0),
                 "WDM-LOCK-010", "WithinCriticalRegion", 0xC4,
                 (code, irql(), self.critical_regions, reinterpret_cast<std::uint64_t>(mutex)),
                 mutex, "%s at %s outside a critical region", what, irql_name(irql()));
}

void check_apc_level(const char* what, const void* mutex, std::uint64_t code) {
  BELAY_CONTRACT(irql() == apc_level, "WDM-LOCK-010", "DRIVER_VERIFIER_DETECTED_VIOLATION", 0xC4,
                 (code, irql(), reinterpret_cast<std::uint64_t>(mutex), 0), mutex,
                 "%s at %s; it needs APC_LEVEL, where the acquire left the thread", what,
                 irql_name(irql()));
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

// ---- regions
// -------------------------------------------------------------------------------------

VOID KeEnterCriticalRegion(VOID) {
  BELAY_EXPORT(KeEnterCriticalRegion, nullptr);
  ++current().critical_regions;
}
/// Contract: WDM-LOCK-008: entered before.
VOID KeLeaveCriticalRegion(VOID) {
  BELAY_EXPORT(KeLeaveCriticalRegion, nullptr);
  thread& self = current();
  BELAY_CONTRACT(self.critical_regions != 0, "WDM-LOCK-008", "CriticalRegions", 0xC4,
                 (0x3E, reinterpret_cast<std::uint64_t>(self.object), 0, 0), nullptr,
                 "KeLeaveCriticalRegion without a KeEnterCriticalRegion in this thread");
  if (self.critical_regions != 0) --self.critical_regions;
  run_kernel_apcs();
}
VOID KeEnterGuardedRegion(VOID) {
  BELAY_EXPORT(KeEnterGuardedRegion, nullptr);
  ++current().guarded_regions;
}
/// Contract: WDM-LOCK-009: entered before.
VOID KeLeaveGuardedRegion(VOID) {
  BELAY_EXPORT(KeLeaveGuardedRegion, nullptr);
  thread& self = current();
  BELAY_CONTRACT(self.guarded_regions != 0, "WDM-LOCK-009", "GuardedRegions", 0xC4,
                 (0x4000E, reinterpret_cast<std::uint64_t>(self.object), 0, 0), nullptr,
                 "KeLeaveGuardedRegion without a KeEnterGuardedRegion in this thread");
  if (self.guarded_regions != 0) --self.guarded_regions;
  run_kernel_apcs();
}
BOOLEAN KeAreApcsDisabled(VOID) {
  BELAY_EXPORT(KeAreApcsDisabled, nullptr);
  const thread& self = current();
  return irql() >= apc_level || self.critical_regions != 0 || self.guarded_regions != 0;
}
BOOLEAN KeAreAllApcsDisabled(VOID) {
  BELAY_EXPORT(KeAreAllApcsDisabled, nullptr);
  return irql() >= apc_level || current().guarded_regions != 0;
}

// ---- fast mutexes
// --------------------------------------------------------------------------------

/// Takes the mutex and raises to APC_LEVEL.
///
/// Callers:  IRQL <= APC_LEVEL; must not hold it already.
/// Contract: WDM-LOCK-010
VOID ExAcquireFastMutex(PFAST_MUTEX FastMutex) {
  BELAY_EXPORT(ExAcquireFastMutex, FastMutex);
  const KIRQL before = irql();
  sync::level() = APC_LEVEL;
  acquire(FastMutex, "ExAcquireFastMutex");
  FastMutex->OldIrql = before;
}
BOOLEAN ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex) {
  BELAY_EXPORT(ExTryToAcquireFastMutex, FastMutex);
  const KIRQL before = irql();
  if (!try_acquire(FastMutex)) return FALSE;
  sync::level() = APC_LEVEL;
  FastMutex->OldIrql = before;
  return TRUE;
}
/// Gives it back and restores the IRQL. Callers: its holder, at APC_LEVEL. Contract: WDM-LOCK-010
VOID ExReleaseFastMutex(PFAST_MUTEX FastMutex) {
  BELAY_EXPORT(ExReleaseFastMutex, FastMutex);
  check_apc_level("ExReleaseFastMutex", FastMutex, 0x34);
  const auto old_irql = static_cast<KIRQL>(FastMutex->OldIrql);
  release(FastMutex, "ExReleaseFastMutex", 0x1004);
  sync::level() = old_irql;
  run_kernel_apcs();
}
VOID ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex) {
  BELAY_EXPORT(ExAcquireFastMutexUnsafe, FastMutex);
  check_unsafe("ExAcquireFastMutexUnsafe", FastMutex, 0x39);
  acquire(FastMutex, "ExAcquireFastMutexUnsafe");
}
VOID ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex) {
  BELAY_EXPORT(ExReleaseFastMutexUnsafe, FastMutex);
  check_unsafe("ExReleaseFastMutexUnsafe", FastMutex, 0x3A);
  release(FastMutex, "ExReleaseFastMutexUnsafe", 0x1004);
}

// ---- guarded mutexes: a fast mutex with a guarded region in place of APC_LEVEL
// -------------------

VOID KeInitializeGuardedMutex(PKGUARDED_MUTEX GuardedMutex) {
  BELAY_EXPORT(KeInitializeGuardedMutex, GuardedMutex);
  format(GuardedMutex, sizeof *GuardedMutex);
  fill_bytes(GuardedMutex, 0, sizeof *GuardedMutex);
  GuardedMutex->Count = 1;
  make_header(GuardedMutex->Event.Header, synchronization_event, 0, sizeof(KEVENT));
}
VOID KeAcquireGuardedMutex(PKGUARDED_MUTEX GuardedMutex) {
  BELAY_EXPORT(KeAcquireGuardedMutex, GuardedMutex);
  ++current().guarded_regions;
  acquire(GuardedMutex, "KeAcquireGuardedMutex");
}
BOOLEAN KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX GuardedMutex) {
  BELAY_EXPORT(KeTryToAcquireGuardedMutex, GuardedMutex);
  if (!try_acquire(GuardedMutex)) return FALSE;
  ++current().guarded_regions;
  return TRUE;
}
VOID KeReleaseGuardedMutex(PKGUARDED_MUTEX GuardedMutex) {
  BELAY_EXPORT(KeReleaseGuardedMutex, GuardedMutex);
  release(GuardedMutex, "KeReleaseGuardedMutex", 0x1004);
  --current().guarded_regions;
  run_kernel_apcs();
}

}  // extern "C"
