// A timer wheel: any number of deadlines (deadline.hpp) behind one point in time at which somebody
// has to look.
//
// Arming and disarming cost the same whether none or a million are pending, and make no system
// call. Somebody drives the wheel: calls expire() at the time that the last call returned, or
// earlier if the hook says so.
//
//   deadline_service   a thread of its own             (deadline_service.hpp)
//   timer_fd           one descriptor of an event loop  (timer_fd.hpp)
//
// Resolution: a tick is 2^20 ns, about a millisecond. A deadline never expires early: its time is
// rounded up to the next tick, so that it expires up to one tick late, and by what its driver is
// late. One that had passed when it was armed expires at the next tick.
//
// Thread safety: everything from any actor; any number may be inside expire() at once.
// Invariants:
//   1. One brief lock guards slots, links and the state of the deadlines; it is not held while a
//      deadline's callback or the hook runs.
//   2. No deadline is due before what the driver was last told; whoever arms one that is calls the
//      hook.
// Lifetime: the wheel outlives its deadlines' arming and every call of expire(). It traps when it
// is destroyed with a deadline armed on it.
#pragma once

#include <cstdint>

#include "belay/timer_wheel_slots.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD {

/// Each is needed: tests/core/deadline_mutants.cpp shows what taking it back lets in.
struct deadline_traits {
  static constexpr bool rounds_up = true;
  static constexpr bool marks_with_unlinking = true;
  static constexpr bool disarm_waits = true;
  static constexpr bool knows_inside = true;
  static constexpr bool heeds_destruction = true;
  static constexpr bool one_run_at_a_time = true;
  static constexpr bool wakes = true;
  static constexpr bool tells_driver = true;
  static constexpr bool keeps_what_it_told = true;
#if defined(BELAY_EXPLORED)
  static constexpr int spins = 0;  // turning round once more shows nothing new
#else
  static constexpr int spins = 16;  // about a microsecond
#endif
};

template <class Traits>
class basic_deadline;

template <class Traits>
class basic_timer_wheel {
 public:
  using deadline = basic_deadline<Traits>;
  using hook = void (*)(void* argument) noexcept;

  static constexpr int tick_bits = 20;
  static constexpr sync::nanoseconds tick = sync::nanoseconds{1} << tick_bits;

  /// `earlier(argument)` is called, on the actor that armed and with no lock of the wheel held,
  /// after next_due() has become earlier. Several may be in it at once, and it may find that
  /// next_due() has changed again.
  explicit basic_timer_wheel(sync::nanoseconds now = sync::now(), hook earlier = nullptr,
                             void* argument = nullptr) noexcept
      : slots_(started(now)), earlier_(earlier), argument_(argument) {}
  ~basic_timer_wheel();
  basic_timer_wheel(const basic_timer_wheel&) = delete;
  basic_timer_wheel& operator=(const basic_timer_wheel&) = delete;

  /// Runs the callback of every deadline that is due at `now`, one after the other, each outside
  /// the lock.
  ///
  /// Callers:  any actor, with no lock held that a callback takes; also inside a callback.
  /// Returns:  when to call again: not later than anything is due; sync::forever when nothing is
  ///           armed. It may be earlier than anything is due, by a bounded number of calls for each
  ///           deadline.
  /// Ordering: what was done before a deadline was armed happens before its callback.
  /// Races:    expire against expire: each deadline that is due runs once. Against disarm: see
  ///           there. A `now` before that of an earlier call finds nothing that call left.
  sync::nanoseconds expire(sync::nanoseconds now) noexcept;

  /// What the driver waits for: what expire() returned, or the time of what was armed since, if
  /// that is earlier.
  sync::nanoseconds next_due() noexcept;

 private:
  friend class basic_deadline<Traits>;
  using tick_count = core::wheel_slots::tick;

  static constexpr tick_count started(sync::nanoseconds at) noexcept {
    return at <= 0 ? 0 : static_cast<tick_count>(at) >> tick_bits;
  }
  static constexpr tick_count due(sync::nanoseconds at) noexcept {
    if (!Traits::rounds_up) return started(at);
    return at <= 0 ? 0 : (static_cast<tick_count>(at) + (tick - 1)) >> tick_bits;
  }
  static constexpr sync::nanoseconds time_of(tick_count at) noexcept {
    return at > started(sync::forever) ? sync::forever
                                       : static_cast<sync::nanoseconds>(at << tick_bits);
  }

  /// Puts it in, with the lock held; true: the driver must be told when it is not held any more.
  bool insert(core::wheel_node& node, sync::nanoseconds when) noexcept {
    node.due = due(when);
    slots_.insert(node);
    if (node.due >= told_) [[likely]]
      return false;
    told_ = node.due;
    return true;
  }
  void tell() noexcept;
  void run(deadline& which) noexcept;

  sync::brief_lock lock_;
  tick_count told_ = core::wheel_slots::never;
  core::wheel_slots slots_;
  const hook earlier_;
  void* const argument_;
};

extern template class basic_timer_wheel<deadline_traits>;

using timer_wheel = basic_timer_wheel<deadline_traits>;

}  // namespace belay::inline BELAY_BUILD
