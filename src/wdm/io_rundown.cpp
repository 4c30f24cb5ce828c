// What must not be left over: packets of a file that is cleaned up, and packets that a driver built
// on a thread that ends.
//
// Thread safety: the actor that closes the handle, or that ends, at PASSIVE_LEVEL.
// Invariants: a packet that its ending thread is cancelling is pinned: completion leaves it to that
// thread, as Windows leaves it to an APC that cannot run meanwhile.
// Contract: WDM-FILE-002, WDM-FILE-003, WDM-FILE-008
#include <cstdio>

#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// REQUIRES: io().lock is held.
bool waits_locked(const irp_record* r, PFILE_OBJECT file) {
  return r->kind == irp_kind::user && r->state != irp_state::completed &&
         r->irp->Tail.Overlay.OriginalFileObject == file && cancel_routine(r->irp) != nullptr;
}

[[maybe_unused]] irp_record* left_at_cleanup(PFILE_OBJECT file) {
  const guard hold(io().lock);
  for (irp_record* r = io().first; r != nullptr; r = r->next) {
    if (r->at_cleanup && waits_locked(r, file)) return r;
  }
  return nullptr;
}

// Pins the first packet of `thread` that was sent and not asked to cancel.
irp_record* pin_next(sync::actor_id thread) {
  const guard hold(io().lock);
  for (irp_record* r = io().first_synchronous; r != nullptr; r = r->next_synchronous) {
    if (r->thread != thread || r->calls == 0 || r->cancel_begun || r->left_over) continue;
    r->pinned = true;
    return r;
  }
  return nullptr;
}

// Returns: true if it was completed meanwhile.
bool unpin(irp_record* record) {
  const guard hold(io().lock);
  record->pinned = false;
  return record->left_over;
}

// The first packet of `thread` that its drivers still have; it will wake `back`.
irp_record* await_next(sync::actor_id thread, sync::parking* back) {
  const guard hold(io().lock);
  for (irp_record* r = io().first_synchronous; r != nullptr; r = r->next_synchronous) {
    if (r->thread != thread || r->calls == 0) continue;
    r->rundown = back;
    return r;
  }
  return nullptr;
}

[[noreturn]] void report_kept(const irp_record* record) {
  kernel::violation what;
  what.clause = "WDM-FILE-003";
  what.object = record->irp;
  what.parameter[0] = word(record->irp);
  what.site = record->site;
  std::snprintf(what.text, sizeof(what.text),
                "five minutes after the thread that built it ended and cancelled it, the IRP %p is "
                "still not completed",
                static_cast<const void*>(record->irp));
  kernel::report(what);
}

}  // namespace

void cleanup_begins(PFILE_OBJECT file) {
  const guard hold(io().lock);
  for (irp_record* r = io().first; r != nullptr; r = r->next) {
    if (waits_locked(r, file)) r->at_cleanup = true;
  }
}

#if defined(BELAY_EXPLORED)

// A device that works on a request may be done with it later; then time goes by until it is.
void cleanup_ended(PFILE_OBJECT file) {
  sync::nanoseconds pause = 1;
  for (const sync::nanoseconds began = sync::now(); sync::now() < began + rundown_limit;) {
    if (left_at_cleanup(file) == nullptr) return;
    sync::parking nobody;
    nobody.park(sync::now() + pause);
    pause = pause == 1 ? 2'000'000 : 2 * pause;
  }
  const irp_record* left = left_at_cleanup(file);
  if (left == nullptr) return;
  kernel::violation what;
  what.clause = "WDM-FILE-002";
  what.rule = "CleanupLeavesIrps";
  what.object = left->irp;
  what.parameter[0] = word(left->irp);
  what.parameter[1] = word(file);
  what.site = left->site;
  std::snprintf(what.text, sizeof(what.text),
                "IRP_MJ_CLEANUP was completed, but the IRP %p of its file is still queued with a "
                "cancel routine, and nothing else is left to do",
                static_cast<const void*>(left->irp));
  kernel::report(what);
}

#else

// How long a device may work on a request is known to nobody, and closing does not wait for it.
void cleanup_ended(PFILE_OBJECT) {}

#endif

void run_down_irps(sync::nanoseconds deadline) {
  const sync::actor_id self = sync::self();
  while (irp_record* record = pin_next(self)) {
    {
      const sync::unsealed open;
      cancel_irp(record, record->irp, record->site);
    }
    if (unpin(record)) finish_synchronous_irp(record, record->irp);
  }
  sync::parking back;
  while (irp_record* record = await_next(self, &back)) {
    if (!back.park(deadline)) report_kept(record);
    back.reset();
  }
}

}  // namespace belay::inline BELAY_BUILD::wdm
