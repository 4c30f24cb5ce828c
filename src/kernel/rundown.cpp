// Rundown protection and reader-writer spin locks: words in the guest's memory.
#include "kernel/dispatcher_nt.hpp"

using namespace belay;
using namespace belay::kernel;

namespace {

// EX_RUNDOWN_REF.Count: twice the number of holders, and 1 once the rundown has begun.
constexpr ULONG_PTR running_down = 1;
constexpr ULONG_PTR one_holder = 2;

ULONG_PTR& count_of(PEX_RUNDOWN_REF reference) { return const_cast<ULONG_PTR&>(reference->Count); }

bool acquire_rundown(PEX_RUNDOWN_REF reference, ULONG count) {
  use(reference, sizeof *reference);
  const guard hold(the_executive().lock);
  if ((count_of(reference) & running_down) != 0) return false;
  count_of(reference) += count * one_holder;
  return true;
}

/// Contract: WDM-LOCK-012
void release_rundown(PEX_RUNDOWN_REF reference, ULONG count, const char* what) {
  use(reference, sizeof *reference);
  bool held = false;
  bool last = false;
  {
    const guard hold(the_executive().lock);
    held = count_of(reference) / one_holder >= count;
    if (held) count_of(reference) -= count * one_holder;
    last = count_of(reference) == running_down;
  }
  BELAY_CONTRACT(held, "WDM-LOCK-012", "REFERENCE_BY_POINTER", 0x18,
                 (0, reinterpret_cast<std::uint64_t>(reference), 0, 0), reference,
                 "%s without having acquired the protection", what);
  if (last) sync::wake_all(reference);
}

// EX_SPIN_LOCK: the number of readers, and the top bit for a writer.
constexpr ULONG writer = 0x80000000;

/// Contract: WDM-LOCK-001
void take(PEX_SPIN_LOCK lock, bool exclusive) {
  auto* const word = reinterpret_cast<ULONG*>(lock);
  for (;;) {
    use(lock, sizeof *lock);
    ULONG seen = 0;
    {
      const guard hold(the_executive().lock);
      seen = *word;
      if (exclusive ? seen == 0 : (seen & writer) == 0) {
        *word = exclusive ? writer : seen + 1;
        return;
      }
    }
    sync::wait_on(lock, seen, sync::forever);
  }
}

void give(PEX_SPIN_LOCK lock, bool exclusive, const char* what) {
  auto* const word = reinterpret_cast<ULONG*>(lock);
  use(lock, sizeof *lock);
  bool held = false;
  {
    const guard hold(the_executive().lock);
    held = exclusive ? *word == writer : (*word & writer) == 0 && *word != 0;
    if (held) *word = exclusive ? 0 : *word - 1;
  }
  BELAY_CONTRACT(held, "WDM-LOCK-001", "SpinlockRelease", 0x10,
                 (reinterpret_cast<std::uint64_t>(lock), 0, 0, 0), lock,
                 "%s: the lock is not held in that way", what);
  const sync::sealed seal;
  sync::wake_all(lock);
}

KIRQL raise() {
  const KIRQL before = irql();
  sync::level() = DISPATCH_LEVEL;
  return before;
}

void lower(KIRQL to, const void* lock, const char* what) {
  BELAY_CONTRACT(irql() >= DISPATCH_LEVEL && to <= irql(), "WDM-LOCK-001", "IrqlKeReleaseSpinLock",
                 0xC4, (0x32, irql(), to, reinterpret_cast<std::uint64_t>(lock)), lock,
                 "%s at %s, back to %s", what, irql_name(irql()), irql_name(to));
  sync::level() = to;
}

}  // namespace

extern "C" {

VOID ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef) {
  BELAY_EXPORT(ExInitializeRundownProtection, RunRef);
  format(RunRef, sizeof *RunRef);
  count_of(RunRef) = 0;
}
VOID ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef) {
  BELAY_EXPORT(ExReInitializeRundownProtection, RunRef);
  format(RunRef, sizeof *RunRef);
  count_of(RunRef) = 0;
}
/// Returns FALSE once the rundown has begun.
BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef) {
  BELAY_EXPORT(ExAcquireRundownProtection, RunRef);
  return acquire_rundown(RunRef, 1);
}
BOOLEAN ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count) {
  BELAY_EXPORT(ExAcquireRundownProtectionEx, RunRef);
  return acquire_rundown(RunRef, Count);
}
VOID ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef) {
  BELAY_EXPORT(ExReleaseRundownProtection, RunRef);
  release_rundown(RunRef, 1, "ExReleaseRundownProtection");
}
VOID ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count) {
  BELAY_EXPORT(ExReleaseRundownProtectionEx, RunRef);
  release_rundown(RunRef, Count, "ExReleaseRundownProtectionEx");
}
VOID ExRundownCompleted(PEX_RUNDOWN_REF RunRef) {
  BELAY_EXPORT(ExRundownCompleted, RunRef);
  format(RunRef, sizeof *RunRef);
  count_of(RunRef) = running_down;
}
/// Lets nobody else in and returns when the last holder has left.
VOID ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef) {
  BELAY_EXPORT(ExWaitForRundownProtectionRelease, RunRef);
  use(RunRef, sizeof *RunRef);
  ULONG_PTR seen = 0;
  {
    const guard hold(the_executive().lock);
    seen = count_of(RunRef) |= running_down;
  }
  while (seen != running_down) {
    sync::wait_on(RunRef, static_cast<std::uint32_t>(seen), sync::forever);
    const guard hold(the_executive().lock);
    seen = count_of(RunRef);
  }
}

/// Takes the lock alone and raises to DISPATCH_LEVEL. Contract: WDM-LOCK-001
KIRQL ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock) {
  BELAY_EXPORT(ExAcquireSpinLockExclusive, SpinLock);
  const KIRQL before = raise();
  take(SpinLock, true);
  return before;
}
KIRQL ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock) {
  BELAY_EXPORT(ExAcquireSpinLockShared, SpinLock);
  const KIRQL before = raise();
  take(SpinLock, false);
  return before;
}
VOID ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql) {
  BELAY_EXPORT(ExReleaseSpinLockExclusive, SpinLock);
  give(SpinLock, true, "ExReleaseSpinLockExclusive");
  lower(OldIrql, SpinLock, "ExReleaseSpinLockExclusive");
}
VOID ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql) {
  BELAY_EXPORT(ExReleaseSpinLockShared, SpinLock);
  give(SpinLock, false, "ExReleaseSpinLockShared");
  lower(OldIrql, SpinLock, "ExReleaseSpinLockShared");
}

}  // extern "C"
