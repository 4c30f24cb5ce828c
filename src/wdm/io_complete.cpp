// IofCompleteRequest: the walk up the stack locations and what comes after the last one.
//
// Thread safety: the packet's owner calls, at IRQL <= DISPATCH_LEVEL, with no spin lock held.
// Contract: WDM-CANCEL-009, WDM-CANCEL-011, WDM-CANCEL-018, WDM-CANCEL-020,
// WDM-CANCEL-021, WDM-CSQ-007, WDM-IRP-028, WDM-IRP-030, WDM-IRP-035, WDM-LOCK-002
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// Leaves with the frames in progress what completion saw at `location`, and gives the packet back
// to its creator when that was where it was sent.
void walk_past(irp_record* record, PIRP irp, CHAR location, bool marked, bool ends) {
  const guard hold(io().lock);
  for (dispatch_frame* f = record->frames; f != nullptr; f = f->next) {
    if (f->location != location || f->walked) continue;
    f->walked = true;
    f->marked = marked;
    f->ended_here = ends;
    f->status = irp->IoStatus.Status;
  }
}

void clear(PIO_STACK_LOCATION stack) {
  stack->MinorFunction = 0;
  stack->Flags = 0;
  stack->Control &= SL_ERROR_RETURNED;
  stack->Parameters.Others.Argument1 = nullptr;
  stack->Parameters.Others.Argument2 = nullptr;
  stack->Parameters.Others.Argument3 = nullptr;
  stack->Parameters.Others.Argument4 = nullptr;
  stack->FileObject = nullptr;
}

bool wants_call(PIRP irp, UCHAR control) {
  if (NT_SUCCESS(irp->IoStatus.Status) ? (control & SL_INVOKE_ON_SUCCESS)
                                       : (control & SL_INVOKE_ON_ERROR)) {
    return true;
  }
  return cancel_flag(irp) && (control & SL_INVOKE_ON_CANCEL);
}

// Returns: true if the routine keeps the packet.
bool call_completion_routine(PIRP irp, PIO_COMPLETION_ROUTINE routine, PVOID context) {
  PDEVICE_OBJECT device = irp->CurrentLocation > irp->StackCount
                              ? nullptr
                              : IoGetCurrentIrpStackLocation(irp)->DeviceObject;
  const bool below_creator = irp->CurrentLocation <= irp->StackCount;
  const bool pending = irp->PendingReturned;
  const kernel::routine_state before = kernel::routine_entered();
  NTSTATUS status;
  {
    const driver_call call(call_kind::completion, device, irp);
    const sync::unsealed open;
    status = routine(device, irp, context);
  }
  kernel::routine_returned(before, "the completion routine", reinterpret_cast<const void*>(routine),
                           "WDM-IRP-024", 0xC4, 0xFA);
  if (status == STATUS_MORE_PROCESSING_REQUIRED) return true;
  sync::touch(irp, sizeof(IRP), sync::access_kind::update);
  const bool propagated = !pending || !below_creator ||
                          (IoGetCurrentIrpStackLocation(irp)->Control & SL_PENDING_RETURNED);
  BELAY_CONTRACT(propagated, "WDM-CANCEL-021", "MarkIrpPending", 0xC9,
                 (0x228, word(reinterpret_cast<void*>(routine)), word(irp), 0), irp,
                 "the completion routine let the IRP %p go on without passing PendingReturned on "
                 "(if (Irp->PendingReturned) IoMarkIrpPending(Irp))",
                 static_cast<const void*>(irp));
  return false;
}

void finish(irp_record* record, PIRP irp) {
  irp->CurrentLocation = static_cast<CHAR>(irp->StackCount + 2);
  switch (record->kind) {
    case irp_kind::user:
      return finish_user_irp(record, irp);
    case irp_kind::synchronous:
      return finish_synchronous_irp(record, irp);
    case irp_kind::associated:
      return finish_associated_irp(record, irp);
    case irp_kind::internal: {
      packet_waiter* waiter = record->waiter;
      waiter->result = irp->IoStatus;
      set_state(record, irp_state::completed);
      sync::poison(irp, size_of_irp(irp->StackCount), sync::memory_state::completed);
      waiter->parking.unpark();
      return;
    }
    case irp_kind::asynchronous:
      set_state(record, irp_state::completed);
      return free_irp(record);
    case irp_kind::allocated:
    case irp_kind::in_place:
      kernel::fail(
          "WDM-IRP-028", "IoAllocateComplete", 0, {word(irp), 0, 0, 0}, irp,
          "the driver's own IRP %p was completed to the top: its completion routine has to "
          "return STATUS_MORE_PROCESSING_REQUIRED",
          static_cast<const void*>(irp));
  }
}

void check_caller(irp_record* record, PIRP irp) {
  const NTSTATUS status = irp->IoStatus.Status;
  const auto routine = reinterpret_cast<std::uint64_t>(cancel_routine(irp));
  BELAY_CONTRACT(sync::level() <= DISPATCH_LEVEL, "WDM-LOCK-006", "", 0xC9,
                 (0xE, sync::level(), word(irp), 0), irp,
                 "IoCompleteRequest at IRQL %u, above DISPATCH_LEVEL", sync::level());
  BELAY_CONTRACT(status != STATUS_PENDING && status != static_cast<NTSTATUS>(-1), "WDM-CANCEL-020",
                 "CompleteRequest", 0xC9, (0x6, static_cast<std::uint32_t>(status), word(irp), 0),
                 irp, "IoCompleteRequest with IoStatus.Status 0x%08x, which is no final status",
                 static_cast<std::uint32_t>(status));
  BELAY_CONTRACT(routine == 0, "WDM-CANCEL-011", "", 0xC9, (0x7, routine, word(irp), 0), irp,
                 "IoCompleteRequest while the cancel routine of the IRP %p is still set: a cancel "
                 "may call it for a packet that is gone",
                 static_cast<const void*>(irp));
  const driver_call* call = innermost_call();
  BELAY_CONTRACT(call == nullptr || call->kind != call_kind::csq, "WDM-CSQ-007",
                 "CsqCallbackCompletesUnderLock", 0, (word(irp), 0, 0, 0), irp,
                 "IoCompleteRequest in a callback of a cancel-safe queue, under the queue's lock");
  BELAY_CONTRACT(!record->routine_registered || call == nullptr || call->irp != irp, "WDM-IRP-030",
                 "CompletionRoutineRegistered", 0xC4, (0x4100F, word(irp), 0, 0), irp,
                 "the IRP %p is completed by the dispatch routine that registered a completion "
                 "routine with IoSetCompletionRoutineEx: IoCallDriver has to follow",
                 static_cast<const void*>(irp));
  BELAY_CONTRACT(!holds_cancel_lock(), "WDM-CANCEL-009", "CancelSpinLock", 0, (word(irp), 0, 0, 0),
                 irp, "IoCompleteRequest while holding the cancel spin lock");
  BELAY_CONTRACT(kernel::spin_locks_held() == 0, "WDM-LOCK-002", "SpinLockSafe", 0,
                 (word(irp), 0, 0, 0), irp, "IoCompleteRequest while holding a spin lock");
}

// REQUIRES: `irp` came from a driver. Reports double completion and packets that are none.
irp_record* require_completable(PIRP irp) {
  irp_record* record = find_record(irp);
  const bool twice = record == nullptr ? was_freed(irp) : state_of(record) == irp_state::completed;
  BELAY_CONTRACT(!twice, "WDM-CANCEL-020", "DoubleCompletion", 0x44, (word(irp), 0, 0, 0), irp,
                 "IoCompleteRequest for the IRP %p, which has been completed before",
                 static_cast<const void*>(irp));
  record = require_irp(irp, "IoCompleteRequest");
  BELAY_CONTRACT(irp->Type == IO_TYPE_IRP, "WDM-IRP-034", "", 0xC9, (0x1, word(irp), 0, 0), irp,
                 "IoCompleteRequest: %p is no IRP any more: its Type field was overwritten",
                 static_cast<const void*>(irp));
  BELAY_CONTRACT(record->calls != 0, "WDM-IRP-028", "IoAllocateComplete", 0xC9,
                 (0x239, word(BELAY_SITE), word(irp), 0), irp,
                 "IoCompleteRequest for the IRP %p, which was never sent to a driver",
                 static_cast<const void*>(irp));
  BELAY_CONTRACT(irp->CurrentLocation <= irp->StackCount, "WDM-CANCEL-020", "DoubleCompletion",
                 0x44, (word(irp), 0, 0, 0), irp,
                 "IoCompleteRequest for the IRP %p, which is at no driver: it was completed before",
                 static_cast<const void*>(irp));
  return record;
}

}  // namespace

void complete_irp(irp_record* record, PIRP irp) {
  order(sync::access_kind::update, record);
  bool first = true;
  for (;;) {
    PIO_STACK_LOCATION stack = irp->Tail.Overlay.CurrentStackLocation;
    const CHAR location = irp->CurrentLocation;
    const UCHAR control = stack->Control;
    const PIO_COMPLETION_ROUTINE routine = stack->CompletionRoutine;
    const PVOID context = stack->Context;
    irp->PendingReturned = (control & SL_PENDING_RETURNED) != 0;
    walk_past(record, irp, location, irp->PendingReturned, first);
    first = false;
    const bool call = routine != nullptr && wants_call(irp, control);
    // The routine at the top is the creator's: the packet is back with it.
    if (call && location == record->top) set_state(record, irp_state::allocated);
    clear(stack);
    ++irp->CurrentLocation;
    ++irp->Tail.Overlay.CurrentStackLocation;
    if (call) {
      if (call_completion_routine(irp, routine, context)) return;
    } else if (irp->PendingReturned && irp->CurrentLocation <= irp->StackCount) {
      IoMarkIrpPending(irp);
    }
    if (irp->CurrentLocation > irp->StackCount) break;
  }
  finish(record, irp);
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" VOID FASTCALL IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost) {
  BELAY_EXPORT(IofCompleteRequest, Irp);
  sync::point(sync::access_kind::update, Irp, sizeof(Irp->Type));
  (void)PriorityBoost;
  wdm::irp_record* record = wdm::require_completable(Irp);
  wdm::check_not_passed_down(Irp, "IoCompleteRequest", 0x209, BELAY_SITE);
  wdm::check_caller(record, Irp);
  wdm::complete_irp(record, Irp);
}
