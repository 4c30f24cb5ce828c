// What can be said about a driver from the calls into it that an actor is inside of.
//
// Thread safety: the list of calls belongs to its actor; the records are guarded.
// Invariants: nothing here is a scheduling point. Only what a driver does itself is judged: a check
// that asks "who calls?" is silent when that is not known (a DPC, a thread, the outside).
// Contract: WDM-CANCEL-007, WDM-IRP-029, WDM-IRP-035
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

kernel::links& calls() { return kernel::current().pending_irps; }

// As much of a stack as a driver's frames may fill: a kernel stack, and what instrumentation adds.
constexpr std::uintptr_t frames_reach = 256 * 1024;

}  // namespace

driver_call::driver_call(call_kind what, PDEVICE_OBJECT target, PIRP packet, dispatch_frame* of)
    : kernel::links{}, kind(what), device(target), irp(packet), frame(of) {
  kernel::links& head = calls();
  next = head.next;
  previous = &head;
  head.next->previous = this;
  head.next = this;
}

driver_call::~driver_call() {
  previous->next = next;
  next->previous = previous;
}

driver_call* innermost_call() {
  kernel::links& head = calls();
  return head.next == &head ? nullptr : static_cast<driver_call*>(head.next);
}

driver_call* innermost_call(call_kind kind) {
  kernel::links& head = calls();
  for (kernel::links* at = head.next; at != &head; at = at->next) {
    if (static_cast<driver_call*>(at)->kind == kind) return static_cast<driver_call*>(at);
  }
  return nullptr;
}

void check_cancel_flag(irp_record* record, PIRP irp) {
  // A cancel may come meanwhile: what follows the flag is read before it, what leads to it after.
  const bool done = was_cancelled(record);
  const bool set = cancel_flag(irp);
  bool begun;
  {
    const guard hold(io().lock);
    begun = record->cancel_begun;
  }
  BELAY_CONTRACT(!done || set, "WDM-CANCEL-007", "IrpCancelField", 0, (word(irp), 0, 0, 0), irp,
                 "the driver has reset Irp->Cancel of the cancelled IRP %p",
                 static_cast<const void*>(irp));
  BELAY_CONTRACT(begun || !set, "WDM-CANCEL-007", "IrpCancelField", 0, (word(irp), 0, 0, 0), irp,
                 "the driver has set Irp->Cancel of the IRP %p itself; IoCancelIrp does that",
                 static_cast<const void*>(irp));
}

void check_not_passed_down(PIRP irp, const char* what, std::uint64_t code, const void* site) {
  const driver_call* call = innermost_call();
  if (call == nullptr || call->kind != call_kind::dispatch || call->irp != irp) return;
  const dispatch_frame* frame = call->frame;
  if (!frame->passed_down) return;
  const bool came_back = !frame->skipped && irp->CurrentLocation >= frame->location;
  BELAY_CONTRACT(came_back, "WDM-IRP-035", "IrpProcessingComplete", 0xC9,
                 (code, word(site), word(irp), 0), irp,
                 "%s for the IRP %p, which this driver has passed down and not got back", what,
                 static_cast<const void*>(irp));
}

void check_unawaited(const void* stack) {
  const auto high = reinterpret_cast<std::uintptr_t>(stack);
  const auto goes = [&](const void* p) {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    return at < high && at + frames_reach > high;
  };
  const sync::actor_id self = sync::self();
  PIRP found = nullptr;
  bool by_handle = false;
  {
    const guard hold(io().lock);
    by_handle = io().zw_requests != nullptr;
    for (const irp_record* r = io().first_synchronous; r != nullptr; r = r->next_synchronous) {
      if (r->thread != self || r->state == irp_state::allocated || r->left_over) continue;
      if (goes(r->irp->UserEvent) || goes(r->irp->UserIosb)) found = r->irp;
    }
  }
  BELAY_CONTRACT(found == nullptr, "WDM-IRP-029", "IoBuildSynchronousFsdRequestWait", 0,
                 (word(found), 0, 0, 0), found,
                 "the driver returns though the IRP %p that it built is still pending: completion "
                 "will write to its event and status block, which lay on this stack",
                 static_cast<const void*>(found));
  if (by_handle) check_unawaited_blocks(stack, frames_reach);
}

}  // namespace belay::inline BELAY_BUILD::wdm
