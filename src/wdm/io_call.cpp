// IofCallDriver: the next stack location, the driver's dispatch routine, and what Windows' verifier
// looks at when that returns.
//
// Thread safety: the packet's owner calls, at IRQL <= DISPATCH_LEVEL, with no spin lock held.
// Invariants: after the dispatch routine has returned nothing is read from the packet unless
// completion has not passed this location yet; all else comes from the frame.
// Contract: WDM-IRP-003 to WDM-IRP-008, WDM-IRP-028 to WDM-IRP-030, WDM-IRP-032, WDM-IRP-034 to
// WDM-IRP-036, WDM-CANCEL-011, WDM-LOCK-002, WDM-LOCK-006
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// A frame in its record's list, for as long as the call lasts, even if it ends by an exception.
class frame_scope {
 public:
  frame_scope(irp_record* record, PIRP irp) {
    frame_.record = record;
    frame_.location = irp->CurrentLocation;
    frame_.routine = IoGetCurrentIrpStackLocation(irp)->CompletionRoutine;
    frame_.actor = sync::self();
    const guard hold(io().lock);
    record->routine_registered = false;
    frame_.held_off = io().removals_held_off;
    frame_.call = ++record->calls;
    frame_.next = record->frames;
    frame_.above = above_locked();
    record->frames = &frame_;
    ++record->references;
    if (frame_.above == nullptr) return;
    frame_.above->passed_down = true;
    frame_.above->skipped = frame_.above->location == frame_.location;
    frame_.above->lower_is_back = false;
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

  /// The driver's answer, for the driver that called it.
  void answer(NTSTATUS status) {
    if (frame_.above == nullptr) return;
    frame_.above->lower_is_back = true;
    frame_.above->lower = status;
  }

  /// The frame as it is, brought up to date for a packet that is still on its way.
  dispatch_frame settle(PIRP irp, bool* sent_on) {
    order(sync::access_kind::read, frame_.record);
    const guard hold(io().lock);
    if (!frame_.walked) {
      frame_.marked = (location_of(irp, frame_.location)->Control & SL_PENDING_RETURNED) != 0;
    }
    *sent_on = frame_.record->calls != frame_.call;
    return frame_;
  }

  /// The packet stays with the driver. Returns: true unless it has gone on already.
  bool queued() {
    const guard hold(io().lock);
    irp_record* record = frame_.record;
    if (frame_.walked || record->state != irp_state::dispatched) return false;
    record->state = irp_state::queued;
    return true;
  }
  dispatch_frame& frame() { return frame_; }

 private:
  // The driver above, if it makes this call inside its own dispatch routine.
  dispatch_frame* above_locked() const {
    for (dispatch_frame* f = frame_.record->frames; f != nullptr; f = f->next) {
      if (f->actor == frame_.actor) return f;
    }
    return nullptr;
  }

  dispatch_frame frame_;
};

// What a dispatch routine did to its packet, and what it says about it.
class dispatch_answer {
 public:
  dispatch_answer(frame_scope& scope, PIRP irp, NTSTATUS status, const void* routine)
      : irp_(irp), status_(status), routine_(routine), frame_(scope.settle(irp, &sent_on_)) {}

  /// The verifier's checks.
  void check() const {
    check_is_status();
    if (status_ == STATUS_PENDING) return check_pending();
    if (frame_.marked && left_to_lower() && frame_.lower == STATUS_PENDING) {
      broken(
          "WDM-IRP-032", "LowerDriverReturn", 0x23E,
          "the dispatch routine returned 0x%08x though the driver below answered STATUS_PENDING");
    }
    if (frame_.marked) {
      broken("WDM-IRP-005", "MarkIrpPending", 0x23E,
             "the dispatch routine marked the IRP pending but returned 0x%08x");
    }
    if (!frame_.walked) return lost();
    if (!left_to_lower()) {
      if (status_ != frame_.status && (!sent_on_ || frame_.passed_down)) {
        broken("WDM-IRP-006", "CompleteRequestStatusCheck", 0x224,
               "the dispatch routine returned 0x%08x for an IRP that it completed with 0x%08x");
      }
      return;
    }
    if (status_ != frame_.lower && status_ != frame_.status) {
      broken(
          "WDM-IRP-032", "LowerDriverReturn", 0x224,
          "the dispatch routine returned 0x%08x for an IRP that it passed down; the driver below "
          "completed it with 0x%08x");
    }
  }

 private:
  // The packet went down in this call and completion came from there.
  bool left_to_lower() const {
    return frame_.passed_down && frame_.lower_is_back && !(frame_.ended_here && !frame_.skipped);
  }

  [[noreturn]] void broken(const char* clause, const char* rule, std::uint64_t code,
                           const char* text) const {
    kernel::fail(
        clause, rule, 0xC9, {code, word(routine_), word(irp_), static_cast<std::uint32_t>(status_)},
        irp_, text, static_cast<std::uint32_t>(status_), static_cast<std::uint32_t>(frame_.status));
  }

  void check_is_status() const {
    if (status_ == static_cast<NTSTATUS>(-1)) {
      broken("WDM-IRP-036", "", 0x225, "the dispatch routine returned 0x%08x, which is no status");
    }
    if ((status_ & 0x10000000) != 0) {
      broken("WDM-IRP-036", "", 0x21B,
             "the dispatch routine returned 0x%08x, which is no status: bit 28 is always 0");
    }
  }

  void check_pending() const {
    if (frame_.marked) return;
    if (!sent_on_) {
      broken(
          "WDM-IRP-004", "MarkIrpPending2", 0x23D,
          "the dispatch routine returned STATUS_PENDING (0x%08x) for an IRP that it did not mark "
          "pending");
    }
    if (frame_.passed_down && frame_.lower_is_back && frame_.lower != STATUS_PENDING) {
      broken("WDM-IRP-004", "MarkIrpPending2", 0x23D,
             "the dispatch routine returned STATUS_PENDING (0x%08x) for an IRP that neither it nor "
             "the driver below has marked pending");
    }
  }

  // Another status than STATUS_PENDING, and completion has not come by.
  void lost() const {
    if (frame_.passed_down && frame_.lower_is_back && frame_.lower == STATUS_PENDING) {
      broken("WDM-IRP-032", "LowerDriverReturn", 0x226,
             "the dispatch routine returned 0x%08x though the driver below answered STATUS_PENDING "
             "and has not completed the IRP");
    }
    broken("WDM-IRP-003", "CompleteRequest", 0x226,
           "the dispatch routine returned 0x%08x for an IRP that it neither completed nor pended");
  }

  PIRP irp_;
  NTSTATUS status_;
  const void* routine_;
  bool sent_on_ = false;  ///< by whomever
  dispatch_frame frame_;
};

constexpr UCHAR invoked = SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL;

// The frame of the driver that passes `irp` on from its dispatch routine, or nullptr.
const dispatch_frame* frame_of_caller(PIRP irp) {
  const driver_call* call = innermost_call();
  return call != nullptr && call->kind == call_kind::dispatch && call->irp == irp ? call->frame
                                                                                  : nullptr;
}

// A packet of the driver's own comes back to it only by its completion routine.
void check_own_packet(const irp_record* record, PIRP irp) {
  const bool async = record->kind == irp_kind::asynchronous;
  if (record->kind != irp_kind::allocated && record->kind != irp_kind::in_place && !async) return;
  if (state_of(record) != irp_state::allocated) return;
  const PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
  BELAY_CONTRACT(
      next->CompletionRoutine != nullptr && (next->Control & invoked) != 0, "WDM-IRP-028",
      async ? "IoBuildFsdForward" : "IoAllocateForward", 0, (word(irp), 0, 0, 0), irp,
      "the driver sends its own IRP %p without a completion routine: nobody gives it back",
      static_cast<const void*>(irp));
}

// Completion routines that will never run, or that are somebody else's.
void check_completion_routine(irp_record* record, PDEVICE_OBJECT device, PIRP irp) {
  check_own_packet(record, irp);
  const dispatch_frame* frame = frame_of_caller(irp);
  if (frame == nullptr || frame->passed_down) return;
  const PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
  if (irp->CurrentLocation == frame->location + 1) {  // skipped: the next driver gets our location
    const bool beneath =
        frame->location > 1 &&
        (location_of(irp, static_cast<CHAR>(frame->location - 1))->Control & invoked) != 0;
    BELAY_CONTRACT(next->CompletionRoutine == frame->routine && !beneath, "WDM-IRP-030",
                   "CompletionRoutineRegistered", 0, (word(irp), word(device), 0, 0), irp,
                   "a completion routine was set on the IRP %p, and its location then skipped: it "
                   "is not called, or instead of the one of the driver above",
                   static_cast<const void*>(irp));
    return;
  }
  if (irp->CurrentLocation != frame->location || frame->routine == nullptr) return;
  const PIO_STACK_LOCATION own = IoGetCurrentIrpStackLocation(irp);
  const PDEVICE_OBJECT above = own->DeviceObject->AttachedDevice;
  const bool copied = next->CompletionRoutine == own->CompletionRoutine &&
                      next->Context == own->Context && (next->Control & invoked) != 0 &&
                      above != nullptr && above->DriverObject != own->DeviceObject->DriverObject;
  BELAY_CONTRACT(
      !copied, "WDM-IRP-030", "C28114", 0xC9, (0x207, 0, word(irp), 0), irp,
      "the whole stack location of the IRP %p was copied, with the completion routine of "
      "the driver above, which will run twice",
      static_cast<const void*>(irp));
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
  BELAY_CONTRACT(!holds_cancel_lock(), "WDM-LOCK-002", "SpinLockSafe", 0, (word(irp), 0, 0, 0), irp,
                 "IoCallDriver while holding the cancel spin lock");
  BELAY_CONTRACT(kernel::spin_locks_held() == 0, "WDM-LOCK-002", "SpinLockSafe", 0,
                 (word(irp), 0, 0, 0), irp, "IoCallDriver while holding a spin lock");
  BELAY_CONTRACT(irp->CurrentLocation > 1, "WDM-IRP-008", "", 0x35, (word(irp), 0, 0, 0), irp,
                 "IoCallDriver: the IRP %p has no stack location left for the next driver",
                 static_cast<const void*>(irp));
  check_completion_routine(record, device, irp);
}

// What the next driver's answer means to the caller, where that is a request of its own thread.
struct own_request {
  bool on_thread = false;
  bool event_was_set = false;

  own_request(const irp_record* record, PIRP irp) {
    on_thread = record->kind == irp_kind::synchronous;
    if (!on_thread || irp->UserEvent == nullptr) return;
    sync::touch(irp->UserEvent, sizeof(KEVENT), sync::access_kind::read);
    event_was_set = ReadLongAcquire(&irp->UserEvent->Header.SignalState) != 0;
  }
  void check(PIRP irp, NTSTATUS status, const void* routine) const {
    BELAY_CONTRACT(!event_was_set || status != STATUS_PENDING, "WDM-IRP-029", "", 0xC9,
                   (0x307, word(routine), word(irp), 0), irp,
                   "the IRP %p was sent with an event that was signalled before, and is pending: "
                   "the wait for it will not wait",
                   static_cast<const void*>(irp));
  }
};

}  // namespace

NTSTATUS call_driver(PDEVICE_OBJECT device, PIRP irp) {
  irp_record* record = find_record(irp);
  BELAY_ASSERT(record != nullptr);
  --irp->CurrentLocation;
  PIO_STACK_LOCATION stack = --irp->Tail.Overlay.CurrentStackLocation;
  stack->DeviceObject = device;
  if (state_of(record) == irp_state::allocated) record->top = irp->CurrentLocation;
  record->device = device;
  const UCHAR major = record->major = stack->MajorFunction;
  PDRIVER_DISPATCH routine = stack->MajorFunction <= IRP_MJ_MAXIMUM_FUNCTION
                                 ? device->DriverObject->MajorFunction[stack->MajorFunction]
                                 : &invalid_device_request;
  if (const PDRIVER_DISPATCH model = model_for(record)) routine = model;
  const void* address = reinterpret_cast<const void*>(routine);
  if (record->kind == irp_kind::user) record->site = site_of(address);
  set_state(record, irp_state::dispatched, site_of(address));

  const own_request own(record, irp);
  frame_scope scope(record, irp);
  const kernel::routine_state before = kernel::routine_entered();
  NTSTATUS status;
  {
    driver_call call(call_kind::dispatch, device, irp, &scope.frame());
    call.major = stack->MajorFunction;
    call.minor = stack->MinorFunction;
    const sync::unsealed open;
    status = routine(device, irp);
  }
  kernel::routine_returned(before, "the dispatch routine", address, "WDM-IRP-007", 0xC9, 0x5);
  dispatch_answer(scope, irp, status, address).check();
  if (status != STATUS_PENDING) check_remove_lock_of(irp, major, scope.frame().held_off);
  check_unawaited(&before);
  own.check(irp, status, address);
  scope.answer(status);
  if (status == STATUS_PENDING && scope.queued()) sync::note("irp:queued", irp, site_of(address));
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
  wdm::check_not_passed_down(Irp, "IoCallDriver", 0x205, BELAY_SITE);
  wdm::check_call(record, DeviceObject, Irp);
  return wdm::call_driver(DeviceObject, Irp);
}

}  // extern "C"
