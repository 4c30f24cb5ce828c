// Power packets: drivers ask for them, and pass them on.
//
// Thread safety: any actor at IRQL <= DISPATCH_LEVEL.
// Invariants: a power packet that a driver asked for is ours: freed when its completion callback
// has returned.
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// What is to be called when a requested packet has come back.
struct power_request {
  PDEVICE_OBJECT device = nullptr;
  UCHAR minor = 0;
  POWER_STATE state{};
  PREQUEST_POWER_COMPLETE complete = nullptr;
  PVOID context = nullptr;
};

NTSTATUS NTAPI power_came_back(PDEVICE_OBJECT, PIRP irp, PVOID context) {
  const power_request what = *static_cast<power_request*>(context);
  sync::deallocate(context);
  IO_STATUS_BLOCK result = irp->IoStatus;
  if (what.complete != nullptr) {
    const sync::unsealed open;
    what.complete(what.device, what.minor, what.state, what.context, &result);
  }
  free_irp(find_record(irp));
  return STATUS_MORE_PROCESSING_REQUIRED;
}

bool is_power_minor(UCHAR minor) {
  return minor == IRP_MN_SET_POWER || minor == IRP_MN_QUERY_POWER || minor == IRP_MN_WAIT_WAKE;
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

NTSTATUS NTAPI PoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
  return IofCallDriver(DeviceObject, Irp);
}

VOID NTAPI PoStartNextPowerIrp(PIRP Irp) { (void)Irp; }  // since Vista it does nothing

/// Sends a power packet to the top of the device's stack.
///
/// Callers:  IRQL <= DISPATCH_LEVEL.
/// Returns:  STATUS_PENDING; STATUS_INVALID_PARAMETER_2 for a minor function that is none of power,
///           STATUS_INSUFFICIENT_RESOURCES.
/// Ordering: the callback runs when all drivers have completed the packet, perhaps in this call.
NTSTATUS NTAPI PoRequestPowerIrp(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction,
                                 POWER_STATE PowerState, PREQUEST_POWER_COMPLETE CompletionFunction,
                                 PVOID Context, PIRP* Irp) {
  BELAY_EXPORT(PoRequestPowerIrp, DeviceObject);
  const sync::sealed seal;
  if (!wdm::is_power_minor(MinorFunction)) return STATUS_INVALID_PARAMETER_2;
  PDEVICE_OBJECT top = wdm::top_of(DeviceObject);
  wdm::irp_record* record = wdm::make_irp(top->StackSize, wdm::irp_kind::asynchronous, BELAY_SITE);
  auto* what =
      record == nullptr ? nullptr : wdm::make<wdm::power_request>(sync::memory_use::internal);
  if (what == nullptr) {
    if (record != nullptr) wdm::free_irp(record);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  *what = {DeviceObject, MinorFunction, PowerState, CompletionFunction, Context};
  PIRP irp = record->irp;
  irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
  PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
  next->MajorFunction = IRP_MJ_POWER;
  next->MinorFunction = MinorFunction;
  if (MinorFunction == IRP_MN_WAIT_WAKE) {
    next->Parameters.WaitWake.PowerState = PowerState.SystemState;
  } else {
    next->Parameters.Power.Type = DevicePowerState;
    next->Parameters.Power.State = PowerState;
  }
  IoSetCompletionRoutine(irp, &wdm::power_came_back, what, TRUE, TRUE, TRUE);
  if (Irp != nullptr) *Irp = irp;
  wdm::call_driver(top, irp);
  return STATUS_PENDING;
}

/// Returns: the state that the device was in.
POWER_STATE NTAPI PoSetPowerState(PDEVICE_OBJECT DeviceObject, POWER_STATE_TYPE Type,
                                  POWER_STATE State) {
  BELAY_EXPORT(PoSetPowerState, DeviceObject);
  POWER_STATE before = State;
  if (Type != DevicePowerState) return before;
  const wdm::guard hold(wdm::io().lock);
  before.DeviceState = wdm::extra_of(DeviceObject)->power;
  wdm::extra_of(DeviceObject)->power = State.DeviceState;
  return before;
}

}  // extern "C"
