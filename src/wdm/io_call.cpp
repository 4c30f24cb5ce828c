// IofCallDriver: the next stack location, the driver's dispatch routine, and what Windows' verifier
// looks at when that returns.
//
// Thread safety: the packet's owner calls, at IRQL <= DISPATCH_LEVEL, with no spin lock held.
// Invariants: after the dispatch routine has returned nothing is read from the packet unless
// completion has not passed this location yet; all else comes from the frame.
// Contract: WDM-IRP-003 to WDM-IRP-008, WDM-IRP-034, WDM-CANCEL-011, WDM-LOCK-002, WDM-LOCK-006
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// A frame in its record's list, for as long as the call lasts, even if it ends by an exception.
class frame_scope {
 public:
  frame_scope(irp_record* record, CHAR location) {
    frame_.record = record;
    frame_.location = location;
    const guard hold(io().lock);
    frame_.call = ++record->calls;
    frame_.next = record->frames;
    record->frames = &frame_;
    ++record->references;
  }
  ~frame_scope() {
    irp_record* record = frame_.record;
    {
      const guard hold(io().lock);
      dispatch_frame** link = &record->frames;
      while (*link != nullptr && *link != &frame_) link = &(*link)->next;
      if (*link != nullptr) *link = frame_.next;
    }
    release_record(record);
  }
  frame_scope(const frame_scope&) = delete;
  frame_scope& operator=(const frame_scope&) = delete;

  /// Brings the frame up to date for a packet that is still on its way.
  /// Returns: true if somebody has sent it further down meanwhile.
  bool settle(PIRP irp) {
    order(sync::access_kind::read, frame_.record);
    const guard hold(io().lock);
    if (!frame_.walked) {
      frame_.marked = (location_of(irp, frame_.location)->Control & SL_PENDING_RETURNED) != 0;
    }
    return frame_.record->calls != frame_.call;
  }
  const dispatch_frame& frame() const { return frame_; }

 private:
  dispatch_frame frame_;
};

// The verifier's checks on what a dispatch routine returned.
void check_return(frame_scope& scope, PIRP irp, NTSTATUS status, const void* routine) {
  const bool passed_down = scope.settle(irp);
  const dispatch_frame& frame = scope.frame();
  const std::uint64_t parameters[4] = {0, word(routine), word(irp),
                                       static_cast<std::uint32_t>(status)};
  const auto broken = [&](const char* clause, const char* rule, std::uint64_t code,
                          const char* text) {
    kernel::fail(clause, rule, 0xC9, {code, parameters[1], parameters[2], parameters[3]}, irp, text,
                 static_cast<std::uint32_t>(status), static_cast<std::uint32_t>(frame.status));
  };
  if (status == STATUS_PENDING) {
    if (!frame.marked && !passed_down) {
      broken(
          "WDM-IRP-004", "MarkIrpPending", 0x23D,
          "the dispatch routine returned STATUS_PENDING (0x%08x) for an IRP that it did not mark "
          "pending");
    }
    return;
  }
  if (frame.marked) {
    broken("WDM-IRP-005", "MarkIrpPending", 0x23E,
           "the dispatch routine marked the IRP pending but returned 0x%08x");
  }
  if (!frame.walked) {
    broken("WDM-IRP-003", "CompleteRequest", 0x226,
           "the dispatch routine returned 0x%08x for an IRP that it neither completed nor pended");
  }
  if (!passed_down && status != frame.status) {
    broken("WDM-IRP-006", "CompleteRequestStatusCheck", 0x224,
           "the dispatch routine returned 0x%08x for an IRP that it completed with 0x%08x");
  }
}

void check_call(irp_record* record, PDEVICE_OBJECT device, PIRP irp) {
  BELAY_CONTRACT(is_device(device), "WDM-IRP-034", "", 0xC9, (0x2, word(irp), word(device), 0), irp,
                 "IoCallDriver: %p is no device object that exists",
                 static_cast<const void*>(device));
  BELAY_CONTRACT(sync::level() <= DISPATCH_LEVEL, "WDM-LOCK-006", "ForwardedAtBadIrql", 0xC9,
                 (0x10, word(device), sync::level(), word(irp)), irp,
                 "IoCallDriver at IRQL %u, above DISPATCH_LEVEL", sync::level());
  BELAY_CONTRACT(cancel_routine(irp) == nullptr, "WDM-CANCEL-011", "", 0xC9,
                 (0x203, word(irp), 0, 0), irp,
                 "IoCallDriver passes the IRP %p on with its cancel routine still set",
                 static_cast<const void*>(irp));
  BELAY_CONTRACT(!was_cancelled(record) || cancel_flag(irp), "WDM-CANCEL-007", "IrpCancelField", 0,
                 (0, 0, 0, 0), irp, "the driver has reset Irp->Cancel of the cancelled IRP %p",
                 static_cast<const void*>(irp));
  BELAY_CONTRACT(!holds_cancel_lock(), "WDM-LOCK-002", "SpinLockSafe", 0, (word(irp), 0, 0, 0), irp,
                 "IoCallDriver while holding the cancel spin lock");
  BELAY_CONTRACT(kernel::spin_locks_held() == 0, "WDM-LOCK-002", "SpinLockSafe", 0,
                 (word(irp), 0, 0, 0), irp, "IoCallDriver while holding a spin lock");
  BELAY_CONTRACT(irp->CurrentLocation > 1, "WDM-IRP-008", "", 0x35, (word(irp), 0, 0, 0), irp,
                 "IoCallDriver: the IRP %p has no stack location left for the next driver",
                 static_cast<const void*>(irp));
}

}  // namespace

NTSTATUS call_driver(PDEVICE_OBJECT device, PIRP irp) {
  irp_record* record = find_record(irp);
  BELAY_ASSERT(record != nullptr);
  --irp->CurrentLocation;
  PIO_STACK_LOCATION stack = --irp->Tail.Overlay.CurrentStackLocation;
  stack->DeviceObject = device;
  if (state_of(record) == irp_state::allocated) record->top = irp->CurrentLocation;
  record->device = device;
  record->major = stack->MajorFunction;
  PDRIVER_DISPATCH routine = stack->MajorFunction <= IRP_MJ_MAXIMUM_FUNCTION
                                 ? device->DriverObject->MajorFunction[stack->MajorFunction]
                                 : &invalid_device_request;
  const void* address = reinterpret_cast<const void*>(routine);
  if (record->kind == irp_kind::user) record->site = site_of(address);
  set_state(record, irp_state::dispatched, site_of(address));

  frame_scope scope(record, irp->CurrentLocation);
  const kernel::routine_state before = kernel::routine_entered();
  NTSTATUS status;
  {
    const sync::unsealed open;
    status = routine(device, irp);
  }
  kernel::routine_returned(before, "the dispatch routine", address, "WDM-IRP-007", 0xC9, 0x5);
  check_return(scope, irp, status, address);
  if (status == STATUS_PENDING && !scope.frame().walked &&
      state_of(record) == irp_state::dispatched) {
    set_state(record, irp_state::queued, site_of(address));
  }
  return status;
}

NTSTATUS NTAPI invalid_device_request(PDEVICE_OBJECT device, PIRP irp) {
  (void)device;
  irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
  irp->IoStatus.Information = 0;
  complete_irp(find_record(irp), irp);
  return STATUS_INVALID_DEVICE_REQUEST;
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

NTSTATUS FASTCALL IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
  BELAY_EXPORT(IofCallDriver, Irp);
  wdm::irp_record* record = wdm::require_irp(Irp, "IoCallDriver");
  wdm::check_call(record, DeviceObject, Irp);
  return wdm::call_driver(DeviceObject, Irp);
}

NTSTATUS NTAPI PoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
  return IofCallDriver(DeviceObject, Irp);
}

VOID NTAPI PoStartNextPowerIrp(PIRP Irp) { (void)Irp; }

}  // extern "C"
