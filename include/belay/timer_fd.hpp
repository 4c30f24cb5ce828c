// All deadlines of an event loop behind one file descriptor.
//
//   belay::timer_fd timers;
//   pollfd both[] = {{socket, POLLIN, 0}, {timers.descriptor(), POLLIN, 0}};
//   limit.arm(timers.wheel(), sync::now() + 5'000'000'000, reading);
//   …
//   poll(both, 2, -1);
//   if ((both[1].revents & POLLIN) != 0) timers.expire();      // runs what is due
//
// The descriptor is a timerfd(2) on CLOCK_MONOTONIC, close-on-exec and non-blocking, and becomes
// readable when something is due. Arming makes a system call only if nothing that was due earlier
// is armed; disarming never does, so that the descriptor may become readable for nothing.
//
// Thread safety: wheel() and what it offers, and expire(), from any actor; any number may poll. The
// destructor when all that is over.
// Invariants: the system's timer is set under a lock, to what the wheel then says is next. So it is
// never later than that, whichever of several that arm, or an expiry, comes last.
// Lifetime: it outlives the arming of every deadline on its wheel. No heap.
#pragma once

#include "belay/deadline.hpp"

namespace belay::inline BELAY_BUILD {

class timer_fd {
 public:
  /// See valid().
  timer_fd() noexcept;
  /// Callers: the owner. No deadline is armed on the wheel any more.
  ~timer_fd();
  timer_fd(const timer_fd&) = delete;
  timer_fd& operator=(const timer_fd&) = delete;

  /// Whether the descriptor could be opened. If not, the wheel works, but nothing says when.
  bool valid() const noexcept { return descriptor_ >= 0; }
  /// Why not: EMFILE, ENFILE, ENOMEM or ENODEV, as timerfd_create(2) has it; 0 when it is valid.
  int error() const noexcept { return error_; }
  /// The descriptor; it belongs to this. -1 when it is not valid.
  int descriptor() const noexcept { return descriptor_; }

  /// Where deadlines are armed.
  timer_wheel& wheel() noexcept { return wheel_; }

  /// Makes the descriptor unreadable, runs what is due, and sets it for what is next.
  ///
  /// Callers:  whoever found it readable, with no lock held that a callback takes.
  /// Returns:  as timer_wheel::expire().
  sync::nanoseconds expire() noexcept;

 private:
  static void on_earlier(void* self) noexcept;
  void set() noexcept;

  int descriptor_ = -1;
  int error_ = 0;
  sync::spin_lock lock_;
  sync::nanoseconds set_to_ = sync::forever;
  timer_wheel wheel_;
};

}  // namespace belay::inline BELAY_BUILD
