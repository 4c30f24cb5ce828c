// Alarms: a call at a point in time, made by one timer thread.
#pragma once

#include <cstdint>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// Thread safety: set, cancel and is_set from any actor, also from within `fire`.
/// Invariants: alarms that are set form a heap by due time, then by the order in which they were
/// set; `fire` is called with no lock held. Setting and cancelling cost O(log n) amortised and
/// allocate nothing.
class alarm {
 public:
  alarm() = default;
  /// Takes the alarm out. When it is just firing on the timer thread, waits for the return of
  /// `fire`; the caller must hold nothing that `fire` may wait for. `fire` itself may destroy its
  /// alarm.
  ~alarm();
  alarm(const alarm&) = delete;
  alarm& operator=(const alarm&) = delete;

  /// Calls `fire` once at `due` or soon after. Replaces what was set before.
  void set(nanoseconds due, void (*fire)(alarm*));
  /// True iff it took the alarm out before it fired.
  bool cancel();
  bool is_set() const;

 private:
  friend class timer_thread;

  // A pairing heap: a node's children are a list that begins at `child_`; `previous_` is the
  // sibling before, or the parent for the first.
  alarm* child_ = nullptr;
  alarm* next_ = nullptr;
  alarm* previous_ = nullptr;
  nanoseconds due_ = 0;
  std::uint64_t turn_ = 0;
  void (*fire_)(alarm*) = nullptr;
  bool set_ = false;
};

}  // namespace belay::inline BELAY_BUILD::sync
