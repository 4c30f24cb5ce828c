// The root of the I/O manager's state, and the end of a thread.
//
// Thread safety: start and stop belong to one actor.
// Contract: WDM-FILE-003, WDM-CANCEL-013
#include "wdm/io_manager.hpp"

#include <cstdio>

#include "wdm/request_block.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

io_state* the_state = nullptr;

void thread_ends(kernel::thread&) { cancel_thread_requests(); }

// A request that `thread` waits for. Those with `over` are freed by anybody, and run down by
// whoever made them.
bool waited_by(const irp_record* record, sync::actor_id thread) {
  return record->thread == thread && record->block != nullptr && record->block->over == nullptr;
}

// The first packet of `thread` that its drivers still have.
irp_record* first_pending(sync::actor_id thread) {
  const guard hold(io().lock);
  for (irp_record* r = io().first; r != nullptr; r = r->next) {
    if (waited_by(r, thread)) return r;
  }
  return nullptr;
}

// REQUIRES: io().lock is held.
bool lost_locked(const irp_record* record) {
  return record->cancelled && record->state != irp_state::completed &&
         cancel_routine(record->irp) != nullptr;
}

// The first of `thread`'s packets whose cancel routine nobody will call.
irp_record* first_lost(sync::actor_id thread) {
  const guard hold(io().lock);
  for (irp_record* r = io().first; r != nullptr; r = r->next) {
    if (waited_by(r, thread) && lost_locked(r)) return r;
  }
  return nullptr;
}

}  // namespace

void report_stuck(const irp_record* record, const void* site) {
  kernel::violation what;
  what.object = record->irp;
  what.parameter[0] = word(record->irp);
  what.site = site;
  if (armed_too_late(record)) {
    what.clause = "WDM-CANCEL-013";
    what.rule = "MissedCancel";
    std::snprintf(
        what.text, sizeof(what.text),
        "the cancel of the IRP %p is lost: its cancel routine was set after IoCancelIrp had "
        "come, the IRP is pending, and nobody has looked at Irp->Cancel again",
        static_cast<const void*>(record->irp));
  } else {
    what.clause = "WDM-FILE-003";
    std::snprintf(what.text, sizeof(what.text),
                  "five minutes after its thread ended and cancelled it, the IRP %p is still not "
                  "completed",
                  static_cast<const void*>(record->irp));
  }
  kernel::report(what);
}

namespace {

// The first of `thread`'s packets that was not asked to cancel yet. A user's record is freed by its
// own thread only, so the list may be searched afresh after each cancel.
irp_record* first_unasked(sync::actor_id thread) {
  const guard hold(io().lock);
  for (irp_record* r = io().first; r != nullptr; r = r->next) {
    if (waited_by(r, thread) && !r->block->rundown) return r;
  }
  return nullptr;
}

}  // namespace

bool armed_too_late(const irp_record* record) {
  const guard hold(io().lock);
  return lost_locked(record);
}

io_state& io() { return *the_state; }
bool started() { return the_state != nullptr; }

void start() {
  kernel::callbacks call;
  call.thread_ends = &thread_ends;
  call.fill_registry = &fill_registry;
  kernel::start(call);
  the_state = make<io_state>(sync::memory_use::guest);
}

void stop() {
  io_state* state = the_state;
  while (irp_record* left = state->first) {
    free_block(left->block);
    free_irp(left);
  }
  forget_zw_requests();
  for (irp_record*& grave : state->graves) sync::deallocate(grave);
  forget_drivers();
  while (state->names != nullptr) remove_name(state->names);
  while (state->devices != nullptr) {
    device_extra* next = state->devices->next;
    sync::deallocate(state->devices->security);
    sync::deallocate(state->devices);
    state->devices = next;
  }
  forget_remove_locks();
  forget_pnp();
  the_state = nullptr;
  sync::deallocate(state);
  kernel::stop();
}

void check_lost_cancel(irp_record* record, sync::nanoseconds patience, const void* site) {
  // The driver may hand the packet to another thread, which arms and looks: let that go on first.
  if (!armed_too_late(record)) return;
  if (record->block->operation.wait(sync::now() + patience)) return;
  if (armed_too_late(record)) report_stuck(record, site);
}

bool name_address(const void* address, char* text, std::size_t room) {
  if (the_state == nullptr) return false;
  if (address == &the_state->cancel_lock) {
    std::snprintf(text, room, "cancel spin lock");
    return true;
  }
  for (const device_extra* each = the_state->devices; each != nullptr; each = each->next) {
    const auto start = reinterpret_cast<std::uintptr_t>(each->device);
    const auto offset = reinterpret_cast<std::uintptr_t>(address) - start;
    if (each->device == nullptr || offset >= each->device->Size) continue;
    if (offset < sizeof(DEVICE_OBJECT)) {
      std::snprintf(text, room, offset == 0 ? "device object" : "device object+%#zx", offset);
    } else {
      const auto within = reinterpret_cast<std::uintptr_t>(address) -
                          reinterpret_cast<std::uintptr_t>(each->device->DeviceExtension);
      std::snprintf(text, room, within == 0 ? "device extension" : "device extension+%#zx", within);
    }
    return true;
  }
  return false;
}

void check_lost_cancels(sync::nanoseconds patience) {
  const sync::sealed seal;
  while (irp_record* record = first_lost(sync::self())) {
    check_lost_cancel(record, patience, record->site);
  }
}

void cancel_thread_requests() {
  const sync::sealed seal;
  const sync::actor_id self = sync::self();
  const sync::nanoseconds deadline = sync::now() + rundown_limit;
  while (irp_record* record = first_unasked(self)) {
    record->block->rundown = true;
    const_cast<request*>(record->block->owner)->cancel(reason_kind::client_gone);
  }
  cancel_own_zw_requests();
#if defined(BELAY_EXPLORED)
  check_lost_cancels();  // found without letting five minutes of timers go by
#endif
  while (irp_record* record = first_pending(self)) {
    auto* owner = const_cast<request*>(record->block->owner);
    if (!owner->wait(deadline)) report_stuck(record, record->site);
  }
  await_zw_requests(deadline);
  run_down_irps(deadline);
}

}  // namespace belay::inline BELAY_BUILD::wdm
