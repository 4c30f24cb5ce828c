// The slow paths of basic_deadline and basic_timer_wheel: expiry, and whoever meets one.
#pragma once

#include "belay/deadline.hpp"

namespace belay::inline BELAY_BUILD {

// ---- the wheel

template <class Traits>
basic_timer_wheel<Traits>::~basic_timer_wheel() {
  if (!slots_.empty()) core::misused();
}

template <class Traits>
void basic_timer_wheel<Traits>::tell() noexcept {
  if (Traits::tells_driver && earlier_ != nullptr) earlier_(argument_);
}

template <class Traits>
sync::nanoseconds basic_timer_wheel<Traits>::next_due() noexcept {
  lock_.lock();
  const tick_count told = told_;
  lock_.unlock();
  return time_of(told);
}

template <class Traits>
sync::nanoseconds basic_timer_wheel<Traits>::expire(sync::nanoseconds now) noexcept {
  const tick_count target = started(now);
  core::wheel_node* node = nullptr;
  lock_.lock();
  for (;;) {
    const core::wheel_slots::step next = slots_.advance(target, node);
    if (next == core::wheel_slots::step::rest) break;
    if (next == core::wheel_slots::step::due) {
      run(static_cast<deadline&>(*node));
    } else {
      lock_.unlock();  // let others in between
      lock_.lock();
    }
  }
  // What the driver sleeps for holds as long as it is to come: the start of a slot may be before
  // it, but no deadline is, and whoever arms one compares with what the driver knows.
  const tick_count at = slots_.next();
  if (!Traits::keeps_what_it_told || told_ <= target || told_ < at) told_ = at;
  const tick_count told = told_;
  lock_.unlock();
  return time_of(told);
}

/// Calls it, with the lock held before and after.
template <class Traits>
void basic_timer_wheel<Traits>::run(deadline& which) noexcept {
  if (Traits::one_run_at_a_time && (which.flags_ & deadline::running_flag) != 0) {
    slots_.insert(which);  // armed again inside a call that has not returned
    return;
  }
  typename deadline::call_frame here{.caller = sync::self()};
  const typename deadline::function call = which.call_;
  void* const argument = which.argument_;
  if (!Traits::marks_with_unlinking) {
    lock_.unlock();
    lock_.lock();
  }
  which.frame_ = &here;
  which.flags_ = deadline::running_flag;
  lock_.unlock();
  call(argument);
  lock_.lock();
  if (Traits::heeds_destruction && here.destroyed) return;
  const bool wake = Traits::wakes && (which.flags_ & deadline::wait_flag) != 0;
  which.flags_ = which.link == nullptr ? deadline::fired_flag : 0;
  if (!wake) return;
  lock_.unlock();
  sync::wake_all(&which.flags_);  // whose memory may be gone
  lock_.lock();
}

// ---- the deadline

/// With the lock held.
template <class Traits>
void basic_deadline<Traits>::check_arm() const noexcept {
  if (link != nullptr || !is_inside()) core::misused();
}

template <class Traits>
handshake basic_deadline<Traits>::rearm(sync::nanoseconds when) noexcept {
  wheel* const on = wheel_;
  if (on == nullptr) return handshake::refused;
  on->lock_.lock();
  if (link == nullptr) return disarm_slowly(*on, 0);
  on->slots_.remove(*this);
  const bool tell = on->insert(*this, when);
  on->lock_.unlock();
  if (tell) on->tell();
  return handshake::won;
}

/// With the lock held; gives it back.
template <class Traits>
handshake basic_deadline<Traits>::disarm_slowly(wheel& on, sync::nanoseconds until) noexcept {
  bool won = false;
  for (int turns = 0;;) {
    if (link != nullptr) {  // also if the call armed it again while this waited for its return
      on.slots_.remove(*this);
      won = true;
    }
    if ((flags_ & running_flag) == 0) {
      flags_ = 0;
      on.lock_.unlock();
      wheel_ = nullptr;
      return won ? handshake::won : handshake::cancelled;
    }
    const bool inside = is_inside();
    if (inside || !Traits::disarm_waits || !wait_for_change(on, turns, until)) {
      on.lock_.unlock();
      if (!inside) return Traits::disarm_waits ? handshake::running : handshake::cancelled;
      return won ? handshake::won : handshake::cancelled_inside;
    }
  }
}

/// With the lock held before and after. False: `until` has passed, and it is still being called.
template <class Traits>
bool basic_deadline<Traits>::wait_for_change(wheel& on, int& turns,
                                             sync::nanoseconds until) noexcept {
  if (until <= 0) return false;
  if (turns < Traits::spins) {
    ++turns;
    on.lock_.unlock();
    for (int i = 0; i < 4; ++i) sync::relax();
    on.lock_.lock();
    return true;
  }
  flags_ |= wait_flag;
  const std::uint32_t seen = flags_;
  on.lock_.unlock();
  const bool in_time = sync::wait_on(&flags_, seen, until);
  on.lock_.lock();
  return in_time || (flags_ & running_flag) == 0;
}

template <class Traits>
void basic_deadline<Traits>::leave() noexcept {
  disarm();
  wheel* const on = wheel_;
  if (on == nullptr) return;
  on->lock_.lock();  // inside the call
  if ((flags_ & wait_flag) != 0) core::misused();
  frame_->destroyed = true;
  on->lock_.unlock();
}

}  // namespace belay::inline BELAY_BUILD
