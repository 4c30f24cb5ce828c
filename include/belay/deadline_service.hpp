// A wheel with a thread of its own that drives it.
//
//   belay::deadline_service service;
//   if (!service.start()) …
//   limit.arm(service.wheel(), sync::now() + 5'000'000'000, reading);
//
// Where there is an event loop, timer_fd.hpp needs no thread. Callbacks run on the service's actor,
// one after the other: one that takes long makes the others late.
//
// Thread safety: wheel() and what it offers from any actor; start() and stop() one after the other.
// Invariants: the actor sleeps on changes_ until the wheel's next_due(); what becomes earlier
// changes that word before it wakes the actor, so that it is never slept through.
// Lifetime: the service outlives the arming of every deadline on its wheel. No heap.
#pragma once

#include <cstdint>

#include "belay/deadline.hpp"
#include "sync/order.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
class basic_deadline_service {
 public:
  using wheel_type = basic_timer_wheel<Traits>;

  basic_deadline_service() noexcept : wheel_(sync::now(), &on_earlier, this) {}
  /// As stop(). No deadline may be armed any more.
  ~basic_deadline_service() { stop(); }
  basic_deadline_service(const basic_deadline_service&) = delete;
  basic_deadline_service& operator=(const basic_deadline_service&) = delete;

  /// Starts the actor; what was armed before expires, too.
  ///
  /// Callers:  any actor, while the service is not running.
  /// Returns:  false when the system has no thread to give.
  bool start() noexcept;

  /// Ends the actor and waits for it. Deadlines that are armed stay armed and do not expire until
  /// start().
  ///
  /// Callers:  any actor but the service's own.
  /// Ordering: every callback that ran happens before the return.
  void stop() noexcept;

  wheel_type& wheel() noexcept { return wheel_; }

 private:
  static constexpr std::uint32_t stop_flag = 1, change = 2;

  static void on_earlier(void* service) noexcept;
  static void main(void* service);

  sync::atomic<std::uint32_t> changes_{0};  // the flag, and a count
  sync::actor_id driver_ = sync::no_actor;
  wheel_type wheel_;
};

extern template class basic_deadline_service<deadline_traits>;

using deadline_service = basic_deadline_service<deadline_traits>;

#if !defined(BELAY_EXPLORED)
/// The wheel of a service that the first call starts and that runs to the end of the process.
///
/// Callers: any actor, but not in a signal handler. Ends the process when there is no thread.
timer_wheel& default_timer_wheel() noexcept;
#endif

}  // namespace belay::inline BELAY_BUILD
