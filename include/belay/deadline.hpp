// A deadline: a point in time at which something is cancelled, or a function called.
//
//   belay::operation reading(routine);
//   belay::deadline limit;
//   limit.arm(wheel, sync::now() + 30'000'000'000, reading);    // cancel(reason_kind::timeout)
//   …
//   limit.disarm();                                             // from here on it does not fire
//
// Whoever disarms learns, as from an operation, who won: either the deadline never fires, or it has
// fired and that call has returned, or the caller is inside that very call. So the target may go as
// soon as disarm() is back, and a pooled object is never cancelled for its previous user.
//
// States: at rest; armed (linked in the wheel); firing; fired, until the owner asks. All changes
// are made under the wheel's lock.
//
// Thread safety: the owner's calls (arm, rearm, disarm and its kin, the destructor) are one after
// the other; the callback may make them, too, also while the owner is inside disarm(). The wheel
// may be driven by anybody meanwhile.
// Invariants:
//   1. Linked or not is decided by wheel_node::link. Whoever unlinks it under the lock, the owner
//      or an expiry, has won.
//   2. An expiry marks it as firing in the section in which it unlinks it; as fired in a later one,
//      its last access, unless the callback destroyed the deadline: then it makes none.
//   3. It fires on one actor at a time: armed again from inside, and due again before that call has
//      returned, it waits for the next tick.
// Lifetime: it stays where it is from arm() until a handshake is over (not after `running`); the
// destructor disarms. The callback may destroy it. 64 bytes, no heap.
#pragma once

#include <concepts>
#include <cstdint>

#include "belay/reason.hpp"
#include "belay/results.hpp"
#include "belay/timer_wheel.hpp"
#include "core/misused.hpp"

namespace belay::inline BELAY_BUILD {

/// What a deadline can cancel: operations, sources and everything alike.
template <class Target>
concept cancellable = requires(Target& target) {
  target.cancel(belay::reason());
};

template <class Traits>
class basic_deadline : private core::wheel_node {
 public:
  using wheel = basic_timer_wheel<Traits>;
  /// Runs on the actor that drives the wheel, with no lock held; others wait for its return.
  using function = void (*)(void* argument) noexcept;

  constexpr basic_deadline() noexcept = default;
  /// As disarm(). Inside the callback: nobody else may be waiting for it.
  ~basic_deadline() {
    if (wheel_ != nullptr) [[unlikely]]
      leave();
  }
  basic_deadline(const basic_deadline&) = delete;
  basic_deadline& operator=(const basic_deadline&) = delete;

  /// From `when` on, the next expire() of `on` cancels `target` with reason_kind::timeout.
  ///
  /// Callers:  the owner, when it is not armed; also inside the callback, then on the same wheel.
  ///           `target` must exist until a handshake is over.
  /// Ordering: what the caller did before happens before the expiry.
  template <cancellable Target>
  void arm(wheel& on, sync::nanoseconds when, Target& target) noexcept {
    arm(on, when, &cancel<Target>, &target);
  }
  /// The same, and calls `call(argument)`.
  void arm(wheel& on, sync::nanoseconds when, function call, void* argument) noexcept {
    if (wheel_ != &on) {  // inside the callback it is, and the owner may be reading it
      if (wheel_ != nullptr) core::misused();
      wheel_ = &on;
    }
    on.lock_.lock();
    if (link != nullptr || (flags_ & running_flag) != 0) [[unlikely]]
      check_arm();
    call_ = call;
    argument_ = argument;
    flags_ &= running_flag | wait_flag;
    const bool tell = on.insert(*this, when);
    on.lock_.unlock();
    if (tell) [[unlikely]]
      on.tell();
  }
  /// `span` after `now`, which the caller has read anyway.
  template <cancellable Target>
  void arm_in(wheel& on, sync::nanoseconds now, sync::nanoseconds span, Target& target) noexcept {
    arm(on, span < sync::forever - now ? now + span : sync::forever, target);
  }

  /// Gives the armed deadline another time, in one step.
  ///
  /// Returns:  won: it is armed for `when`. Otherwise what try_disarm() would have; it is not
  ///           armed.
  handshake rearm(sync::nanoseconds when) noexcept;

  /// Sees to it that it does not fire (any more).
  ///
  /// Callers:  the owner; also inside the callback.
  /// Returns:  won: it was armed, and does not fire. cancelled: it fired, and that call has
  ///           returned. cancelled_inside: the caller is inside that call. refused: it was not
  ///           armed since the last handshake. It waits only for a call on another actor.
  /// Ordering: what the call did happens before the return of `cancelled`.
  /// Races:    disarm against expire: exactly one takes it out.
  handshake disarm() noexcept { return disarm_until(sync::forever); }
  /// As disarm(), but waits for a running call only until `until`; then: running. It does not fire
  /// again after that either, but the call still has to return: disarm once more, or destroy it.
  handshake disarm_until(sync::nanoseconds until) noexcept {
    wheel* const on = wheel_;
    if (on == nullptr) return handshake::refused;
    on->lock_.lock();
    if (link == nullptr || flags_ != 0) [[unlikely]]
      return disarm_slowly(*on, until);
    on->slots_.remove(*this);
    on->lock_.unlock();
    wheel_ = nullptr;
    return handshake::won;
  }
  /// As disarm(), but never waits.
  handshake try_disarm() noexcept { return disarm_until(0); }

 private:
  friend class basic_timer_wheel<Traits>;
  static constexpr std::uint32_t running_flag = 1;  // it is being called
  static constexpr std::uint32_t fired_flag = 2;    // it was, and is not armed
  static constexpr std::uint32_t wait_flag = 4;     // somebody may sleep on flags_

  /// On the stack of the actor that calls it.
  struct call_frame {
    sync::actor_id caller;
    bool destroyed = false;
  };

  template <class Target>
  static void cancel(void* target) noexcept {
    static_cast<Target*>(target)->cancel(belay::reason(reason_kind::timeout));
  }
  bool is_inside() const noexcept { return Traits::knows_inside && frame_->caller == sync::self(); }
  void check_arm() const noexcept;
  handshake disarm_slowly(wheel& on, sync::nanoseconds until) noexcept;
  bool wait_for_change(wheel& on, int& turns, sync::nanoseconds until) noexcept;
  void leave() noexcept;

  function call_ = nullptr;
  void* argument_ = nullptr;
  wheel* wheel_ = nullptr;  // the owner's own; nullptr: at rest
  call_frame* frame_ = nullptr;
  std::uint32_t flags_ = 0;
};

extern template class basic_deadline<deadline_traits>;

using deadline = basic_deadline<deadline_traits>;
static_assert(sizeof(deadline) == 64);

}  // namespace belay::inline BELAY_BUILD
