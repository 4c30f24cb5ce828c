// Cancel routines: what a request runs when it takes one out of an operation.
//
// Derive from one of the two kinds, or make it a member of what the routine needs:
//
//   struct read_request : belay::claim_routine {
//     read_request() : claim_routine(&on_cancel) {}
//     static void on_cancel(routine& self, belay::reason why) noexcept {
//       static_cast<read_request&>(self).finish(belay::outcome::canceled);
//     }
//   };
//
// Lifetime: a routine stays where it is while it is armed, and until a lost handshake is over:
// a claim routine is its own from the moment it runs; a notify routine may go once disarm() or
// complete() returned, or, from inside itself, together with its operation.
#pragma once

#include "belay/reason.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
class basic_operation;

/// Aligned so that the low bits of its address are free for the operation's word. 16 bytes.
class alignas(16) routine {
 public:
  /// Runs on the requester's actor, at most once for each time it is armed, with no lock of ours
  /// held.
  using function = void (*)(routine& self, belay::reason why) noexcept;

  routine(const routine&) = delete;
  routine& operator=(const routine&) = delete;

 protected:
  explicit constexpr routine(function call) noexcept : call_(call) {}
  ~routine() = default;

 private:
  template <class Traits>
  friend class basic_operation;

  function call_;
  function after_ = nullptr;  // see disarm_async()
};

/// Is told of the request. It runs on the requester's actor; the owner keeps the right to finish,
/// and its disarm() or complete() returns only when the routine has. The routine may destroy its
/// operation.
class notify_routine : public routine {
 public:
  explicit constexpr notify_routine(function call) noexcept : routine(call) {}
};

/// Receives the right, and the duty, to finish: the requester does not touch the operation after it
/// has called the routine, and nobody waits for the routine's return.
class claim_routine : public routine {
 public:
  explicit constexpr claim_routine(function call) noexcept : routine(call) {}
};

}  // namespace belay::inline BELAY_BUILD
