// The packets there are at one moment.
//
// Thread safety: any thread.
// Invariants: a packet that is in the list stays while the lock is held, completed or not.
#include "wdm/irp_snapshot.hpp"

#include "wdm/io_state.hpp"
#include "wdm/request_block.hpp"

namespace belay::inline BELAY_BUILD::wdm {

std::size_t snapshot_irps(irp_view* out, std::size_t room) {
  const sync::sealed seal;
  if (!started()) return 0;
  std::size_t found = 0;
  const guard hold(io().lock);
  for (const irp_record* r = io().first; r != nullptr; r = r->next) {
    if (r->state == irp_state::completed || r->state == irp_state::freed) continue;
    if (r->kind == irp_kind::in_place && r->state != irp_state::queued) continue;
    if (found++ >= room) continue;
    irp_view& view = *out++;
    view = irp_view{};
    view.irp = r->irp;
    view.state = r->state;
    view.owner = r->block != nullptr ? r->block->owner : nullptr;
    view.creator = r->creator;
    view.device = r->device;
    view.major = r->major;
    view.cancel_requested = cancel_flag(r->irp);
    view.routine_armed = cancel_routine(r->irp) != nullptr;
    if (view.state == irp_state::queued && view.routine_armed) view.state = irp_state::armed;
  }
  return found;
}

}  // namespace belay::inline BELAY_BUILD::wdm
