// IoCancelIrp and the cancel spin lock.
//
// The handshake is made on the packet's own fields, Cancel and CancelRoutine: drivers read and
// exchange them, so each access of ours is a scheduling point like theirs.
//
// Thread safety: any actor that keeps the packet alive, IRQL <= DISPATCH_LEVEL.
// Invariants: whoever takes CancelRoutine out has the right, and the duty, to finish the packet;
// after the cancel routine was called nothing of the packet is touched.
// Contract: WDM-CANCEL-001 to WDM-CANCEL-005, WDM-CANCEL-009, WDM-CANCEL-010
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

constexpr kernel::lock_terms terms{"WDM-CANCEL-009", "cancel spin lock"};

// Calls the cancel routine as it expects to be called: at DISPATCH_LEVEL, the cancel lock held.
void call_cancel_routine(irp_record* record, PIRP irp, PDRIVER_CANCEL routine, KIRQL irql) {
  const void* address = reinterpret_cast<const void*>(routine);
  irp->CancelIrql = irql;
  set_state(record, irp_state::cancelling, site_of(address));
  PDEVICE_OBJECT device = irp->CurrentLocation <= irp->StackCount
                              ? IoGetCurrentIrpStackLocation(irp)->DeviceObject
                              : nullptr;
  kernel::routine_state before = kernel::routine_entered();
  {
    const driver_call call(call_kind::cancel, device, irp);
    const sync::unsealed open;
    routine(device, irp);
  }
  BELAY_CONTRACT(!holds_cancel_lock(), "WDM-CANCEL-010", "CancelSpinlockRelease", 0xC9,
                 (0x5, word(address), irql, kernel::irql()), irp,
                 "the cancel routine returned without releasing the cancel spin lock");
  --before.locks;
  before.irql = irql;
  kernel::routine_returned(before, "the cancel routine", address, "WDM-CANCEL-010", 0xC9, 0x5);
}

}  // namespace

bool cancel_irp(irp_record* record, PIRP irp, const void* site) {
  KIRQL irql;
  acquire_cancel_lock(&irql, site);
  BELAY_CONTRACT(
      find_record(irp) == record, "WDM-CANCEL-005", "", 0x48, (word(irp), 0, 0, 0), irp,
      "the IRP %p was freed while IoCancelIrp waited for the cancel spin lock: the caller "
      "must keep it alive",
      static_cast<const void*>(irp));
  cancel_begins(record);
  sync::point(sync::access_kind::write, &irp->Cancel, sizeof(irp->Cancel));
  InterlockedExchange8(reinterpret_cast<volatile CHAR*>(&irp->Cancel), TRUE);
  sync::point(sync::access_kind::update, &irp->CancelRoutine, sizeof(irp->CancelRoutine));
  PDRIVER_CANCEL routine = IoSetCancelRoutine(irp, nullptr);
  set_cancelled(record, true);  // a routine that is found set from here on was armed too late
  if (routine == nullptr) {
    release_cancel_lock(irql, site);
    return false;
  }
  BELAY_CONTRACT(
      irp->CurrentLocation <= irp->StackCount + 1, "WDM-CANCEL-004", "", 0x48,
      (word(irp), word(reinterpret_cast<void*>(routine)), 0, 0), irp,
      "IoCancelIrp found the cancel routine of the IRP %p still set after its completion",
      static_cast<const void*>(irp));
  call_cancel_routine(record, irp, routine, irql);
  return true;
}

bool holds_cancel_lock() { return kernel::holds_spin_lock(&io().cancel_lock); }

void acquire_cancel_lock(KIRQL* irql, const void* site) {
  *irql = kernel::take_spin_lock(&io().cancel_lock, kernel::dispatch_level,
                                 kernel::lock_flavour::cancel, nullptr, terms, site);
}

void release_cancel_lock(KIRQL irql, const void* site) {
  kernel::give_spin_lock(&io().cancel_lock, irql, kernel::lock_flavour::cancel, nullptr, terms,
                         site);
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

BOOLEAN NTAPI IoCancelIrp(PIRP Irp) {
  BELAY_EXPORT(IoCancelIrp, Irp);
  wdm::irp_record* record = wdm::find_record(Irp);
  BELAY_CONTRACT(record == nullptr || wdm::state_of(record) != wdm::irp_state::completed,
                 "WDM-CANCEL-004", "CancelIrpNotOwned", 0x48,
                 (reinterpret_cast<std::uint64_t>(Irp), 0, 0, 0), Irp,
                 "IoCancelIrp on the IRP %p, which has been completed: only who keeps an IRP from "
                 "completing may cancel it",
                 static_cast<const void*>(Irp));
  BELAY_CONTRACT(record != nullptr || !wdm::was_freed(Irp), "WDM-CANCEL-005", "CancelIrpNotOwned",
                 0x48, (reinterpret_cast<std::uint64_t>(Irp), 0, 0, 0), Irp,
                 "IoCancelIrp on the IRP %p, which has been freed: the caller must keep it alive",
                 static_cast<const void*>(Irp));
  record = wdm::require_irp(Irp, "IoCancelIrp");
  const bool received =
      record->kind == wdm::irp_kind::user || record->kind == wdm::irp_kind::internal;
  BELAY_CONTRACT(!received || wdm::innermost_call() == nullptr, "WDM-CANCEL-005",
                 "CancelIrpNotOwned", 0, (wdm::word(Irp), 0, 0, 0), Irp,
                 "the driver calls IoCancelIrp on the IRP %p, which it received: only who created "
                 "an IRP may cancel it",
                 static_cast<const void*>(Irp));
  return wdm::cancel_irp(record, Irp, BELAY_SITE);
}

VOID NTAPI IoAcquireCancelSpinLock(PKIRQL Irql) {
  BELAY_EXPORT(IoAcquireCancelSpinLock, nullptr);
  wdm::acquire_cancel_lock(Irql, BELAY_SITE);
}

VOID NTAPI IoReleaseCancelSpinLock(KIRQL Irql) {
  BELAY_EXPORT(IoReleaseCancelSpinLock, nullptr);
  wdm::release_cancel_lock(Irql, BELAY_SITE);
}

}  // extern "C"
