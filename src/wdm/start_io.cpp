// StartIo: one packet at a time, the others wait in the device's queue.
//
// Thread safety: any actor at IRQL <= DISPATCH_LEVEL (IoStartNextPacket*: exactly there).
// Invariants: DeviceObject->CurrentIrp is the packet that StartIo was called with last, or NULL;
// StartIo runs at DISPATCH_LEVEL and, if the device starts deferred, is never entered again before
// it has returned.
// Contract: WDM-STARTIO-001, WDM-STARTIO-002, WDM-STARTIO-003, WDM-CANCEL-021, WDM-LOCK-002
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// How IoStartNextPacket was asked for the next packet.
struct next_request {
  bool cancelable = false;
  bool by_key = false;
  ULONG key = 0;
};

void start_next(PDEVICE_OBJECT device, const next_request& how, const void* site);

// What was asked for while StartIo ran. Returns: false if nothing was, or StartIo still runs.
bool take_deferred(device_extra* extra, next_request& next) {
  const guard hold(io().lock);
  if (!extra->next_wanted || extra->start_io_running != 0) return false;
  extra->next_wanted = false;
  next = {extra->next_cancelable, extra->next_by_key, extra->next_key};
  return true;
}

// Returns: true if StartIo runs, and will see to it.
bool defer(device_extra* extra, const next_request& how) {
  const guard hold(io().lock);
  if (!extra->deferred_start || extra->start_io_running == 0) return false;
  extra->next_wanted = true;
  extra->next_cancelable = how.cancelable;
  extra->next_by_key = how.by_key;
  extra->next_key = how.key;
  return true;
}

void call_start_io(PDEVICE_OBJECT device, PIRP irp, const void* site) {
  device_extra* extra = extra_of(device);
  PDRIVER_STARTIO routine = device->DriverObject->DriverStartIo;
  BELAY_CONTRACT(routine != nullptr, "WDM-STARTIO-001", "", 0, (word(device), 0, 0, 0), device,
                 "IoStartPacket, but the driver object has no DriverStartIo");
  {
    const guard hold(io().lock);
    ++extra->start_io_running;
  }
  const kernel::routine_state before = kernel::routine_entered();
  {
    const driver_call call(call_kind::start_io, device, irp);
    const sync::unsealed open;
    routine(device, irp);
  }
  kernel::routine_returned(before, "the StartIo routine", reinterpret_cast<const void*>(routine),
                           "WDM-IRP-024", 0xC8, 0);
  next_request next;
  {
    const guard hold(io().lock);
    --extra->start_io_running;
  }
  while (take_deferred(extra, next)) start_next(device, next, site);
}

void start_next(PDEVICE_OBJECT device, const next_request& how, const void* site) {
  KIRQL irql = DISPATCH_LEVEL;
  if (how.cancelable) acquire_cancel_lock(&irql, site);
  sync::point(sync::access_kind::write, &device->CurrentIrp, sizeof(device->CurrentIrp));
  device->CurrentIrp = nullptr;
  PKDEVICE_QUEUE_ENTRY entry = how.by_key ? KeRemoveByKeyDeviceQueue(&device->DeviceQueue, how.key)
                                          : KeRemoveDeviceQueue(&device->DeviceQueue);
  PIRP irp = nullptr;
  if (entry != nullptr) {
    irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.DeviceQueueEntry);
    device->CurrentIrp = irp;
    if (how.cancelable && extra_of(device)->non_cancelable) {
      sync::point(sync::access_kind::update, &irp->CancelRoutine, sizeof(irp->CancelRoutine));
      IoSetCancelRoutine(irp, nullptr);
    }
  }
  if (how.cancelable) release_cancel_lock(irql, site);
  if (irp != nullptr) call_start_io(device, irp, site);
}

// With cancel functions the device queue changes under the cancel spin lock only.
void check_cancelable(PDEVICE_OBJECT device, const device_extra* extra, const next_request& how) {
  BELAY_CONTRACT(how.cancelable || !extra->cancel_given, "WDM-STARTIO-002", "", 0,
                 (word(device), 0, 0, 0), device,
                 "IoStartNextPacket with Cancelable FALSE, but IoStartPacket was given a cancel "
                 "routine: the next packet is taken without the cancel spin lock");
  BELAY_CONTRACT(
      !how.cancelable || extra->cancel_given || !extra->cancel_not_given, "WDM-STARTIO-002", "", 0,
      (word(device), 1, 0, 0), device,
      "IoStartNextPacket with Cancelable TRUE, but IoStartPacket is never given a cancel "
      "routine");
}

void check_recursion(PDEVICE_OBJECT device, const device_extra* extra) {
  const driver_call* call = innermost_call(call_kind::start_io);
  const bool inside = call != nullptr && call->device == device;
  BELAY_CONTRACT(!inside || extra->deferred_start, "WDM-STARTIO-003", "StartIoRecursion", 0x7F,
                 (0x8, word(device), 0, 0), device,
                 "IoStartNextPacket inside StartIo, which is called again before it returns: "
                 "IoSetStartIoAttributes with DeferredStartIo TRUE has to come before");
}

void ask_for_next(PDEVICE_OBJECT device, const next_request& how, const void* site) {
  BELAY_CONTRACT(kernel::irql() == DISPATCH_LEVEL, "WDM-STARTIO-002", "IrqlIoDispatch", 0xC4,
                 (0x20022, kernel::irql(), word(device), 0), device,
                 "IoStartNextPacket at IRQL %u; it must be called at DISPATCH_LEVEL",
                 kernel::irql());
  BELAY_CONTRACT(kernel::spin_locks_held() == 0, "WDM-LOCK-002", "SpinLockSafe", 0,
                 (word(device), 0, 0, 0), device, "IoStartNextPacket while holding a spin lock");
  device_extra* extra = extra_of(device);
  check_cancelable(device, extra, how);
  check_recursion(device, extra);
  if (!defer(extra, how)) start_next(device, how, site);
}

// REQUIRES: DISPATCH_LEVEL; the cancel lock is held if `cancel` is not NULL.
// Returns: true if the packet is to be started now.
bool enqueue(PDEVICE_OBJECT device, PIRP irp, PULONG key, PDRIVER_CANCEL cancel) {
  if (cancel != nullptr) {
    sync::point(sync::access_kind::update, &irp->CancelRoutine, sizeof(irp->CancelRoutine));
    IoSetCancelRoutine(irp, cancel);
  }
  PKDEVICE_QUEUE_ENTRY entry = &irp->Tail.Overlay.DeviceQueueEntry;
  const bool queued = key != nullptr ? KeInsertByKeyDeviceQueue(&device->DeviceQueue, entry, *key)
                                     : KeInsertDeviceQueue(&device->DeviceQueue, entry);
  if (queued) return false;
  sync::point(sync::access_kind::write, &device->CurrentIrp, sizeof(device->CurrentIrp));
  device->CurrentIrp = irp;
  if (cancel != nullptr && extra_of(device)->non_cancelable) {
    IoSetCancelRoutine(irp, nullptr);
  }
  return true;
}

// A packet that was cancelled before it was queued. REQUIRES: the cancel lock is held.
// Returns: true if the cancel routine was called, which released the lock.
bool cancel_at_once(PDEVICE_OBJECT device, PIRP irp, PDRIVER_CANCEL cancel, KIRQL irql) {
  sync::point(sync::access_kind::read, &irp->Cancel, sizeof(irp->Cancel));
  if (!cancel_flag(irp)) return false;
  irp->CancelIrql = irql;
  IoSetCancelRoutine(irp, nullptr);
  const driver_call call(call_kind::cancel, device, irp);
  const sync::unsealed open;
  cancel(device, irp);
  return true;
}

// From here on another actor may complete the packet. A packet that its driver sent itself needs no
// mark, nor one whose dispatch routine is over.
void check_marked(const irp_record* record, PIRP irp) {
  const driver_call* call = innermost_call();
  if (call == nullptr || call->kind != call_kind::dispatch || call->irp != irp) return;
  const bool marked = (IoGetCurrentIrpStackLocation(irp)->Control & SL_PENDING_RETURNED) != 0;
  BELAY_CONTRACT(
      marked, "WDM-CANCEL-021", "MarkingQueuedIrps", 0, (word(record->irp), 0, 0, 0), irp,
      "IoStartPacket for the IRP %p before IoMarkIrpPending: it may be completed and gone "
      "when it is marked",
      static_cast<const void*>(irp));
}

void start_packet(PDEVICE_OBJECT device, PIRP irp, PULONG key, PDRIVER_CANCEL cancel,
                  const void* site) {
  {
    const guard hold(io().lock);
    (cancel != nullptr ? extra_of(device)->cancel_given : extra_of(device)->cancel_not_given) =
        true;
  }
  const KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
  KIRQL irql = DISPATCH_LEVEL;
  if (cancel != nullptr) acquire_cancel_lock(&irql, site);
  if (enqueue(device, irp, key, cancel)) {
    if (cancel != nullptr) release_cancel_lock(irql, site);
    call_start_io(device, irp, site);
  } else if (cancel != nullptr && !cancel_at_once(device, irp, cancel, irql)) {
    release_cancel_lock(irql, site);
  }
  KeLowerIrql(old);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

VOID NTAPI IoStartPacket(PDEVICE_OBJECT DeviceObject, PIRP Irp, PULONG Key,
                         PDRIVER_CANCEL CancelFunction) {
  BELAY_EXPORT(IoStartPacket, Irp);
  wdm::irp_record* record = wdm::require_irp(Irp, "IoStartPacket");
  wdm::check_not_passed_down(Irp, "IoStartPacket", 0x205, BELAY_SITE);
  wdm::check_marked(record, Irp);
  wdm::start_packet(DeviceObject, Irp, Key, CancelFunction, BELAY_SITE);
}

VOID NTAPI IoStartNextPacket(PDEVICE_OBJECT DeviceObject, BOOLEAN Cancelable) {
  BELAY_EXPORT(IoStartNextPacket, DeviceObject);
  wdm::ask_for_next(DeviceObject, {Cancelable != FALSE, false, 0}, BELAY_SITE);
}

VOID NTAPI IoStartNextPacketByKey(PDEVICE_OBJECT DeviceObject, BOOLEAN Cancelable, ULONG Key) {
  BELAY_EXPORT(IoStartNextPacketByKey, DeviceObject);
  wdm::ask_for_next(DeviceObject, {Cancelable != FALSE, true, Key}, BELAY_SITE);
}

VOID NTAPI IoSetStartIoAttributes(PDEVICE_OBJECT DeviceObject, BOOLEAN DeferredStartIo,
                                  BOOLEAN NonCancelable) {
  BELAY_EXPORT(IoSetStartIoAttributes, DeviceObject);
  const wdm::driver_call* call = wdm::innermost_call();
  const bool starting = call != nullptr && call->kind == wdm::call_kind::start_io &&
                        call->device == DeviceObject && call->irp == DeviceObject->CurrentIrp;
  BELAY_CONTRACT(!starting || NonCancelable || !wdm::extra_of(DeviceObject)->non_cancelable ||
                     wdm::cancel_routine(call->irp) != nullptr,
                 "WDM-STARTIO-003", "StartIoCancel", 0, (wdm::word(DeviceObject), 0, 0, 0),
                 DeviceObject,
                 "IoSetStartIoAttributes with NonCancelable FALSE before the current IRP has a "
                 "cancel routine");
  wdm::extra_of(DeviceObject)->deferred_start = DeferredStartIo != FALSE;
  wdm::extra_of(DeviceObject)->non_cancelable = NonCancelable != FALSE;
}

}  // extern "C"
