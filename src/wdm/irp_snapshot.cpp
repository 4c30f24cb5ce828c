// The packets of users' requests at one moment.
//
// Thread safety: any thread.
// Invariants: a packet that is in the list stays while the lock is held, completed or not.
#include "wdm/irp_snapshot.hpp"

#include "wdm/io_state.hpp"
#include "wdm/request_block.hpp"

namespace belay::inline BELAY_BUILD::wdm {

std::size_t snapshot_user_irps(irp_view* out, std::size_t room) {
  const sync::sealed seal;
  if (!started()) return 0;
  std::size_t found = 0;
  const guard hold(io().lock);
  for (const irp_record* r = io().first; r != nullptr; r = r->next) {
    if (r->block == nullptr || r->state == irp_state::completed || r->state == irp_state::freed) {
      continue;
    }
    if (found++ >= room) continue;
    irp_view& view = *out++;
    view = irp_view{};
    view.irp = r->irp;
    view.state = r->state;
    view.owner = r->block->owner;
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
