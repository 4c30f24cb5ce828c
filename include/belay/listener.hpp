// A listener: one of any number of callbacks that a source runs when it is cancelled.
//
// Derive from it, or make it a member of what the callback needs:
//
//   struct connection : belay::listener {
//     connection() : listener(&on_cancel) {}
//     static void on_cancel(listener& self, belay::reason why) noexcept {
//       static_cast<connection&>(self).shut_down(why);
//     }
//   };
//
// or take a callback<F> (callback.hpp), which registers a function object for the life of a scope.
//
// Lifetime: a listener stays where it is from add() until remove() returned `won`, `cancelled` or
// `cancelled_inside`. It may be destroyed inside its own callback, after remove(). 24 bytes.
//
// States: idle (not registered); linked, in the list of one source; taken, by the canceller that
// runs it; over, when that is behind it. The source's lock guards all transitions but the last.
#pragma once

#include <cstdint>
#include <new>

#include "belay/reason.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD {

namespace core {
template <class Traits>
class list;
template <class Traits>
struct walk;
}  // namespace core

class listener {
 public:
  /// Runs on the canceller's actor, at most once for each add(), with no lock held.
  using function = void (*)(listener& self, belay::reason why) noexcept;

  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

 protected:
  explicit constexpr listener(function call) noexcept : call_(call), state_(idle) {}
  ~listener() = default;

 private:
  template <class Traits>
  friend class core::list;
  template <class Traits>
  friend struct core::walk;

  // `state_`, with previous_ == nullptr: idle; over; or taken: the address of the canceller's
  // core::walk and three flags.
  static constexpr std::uintptr_t idle = 4, over = 0;
  static constexpr std::uintptr_t wait_flag = 1;   // somebody may sleep on it
  static constexpr std::uintptr_t after_flag = 2;  // the canceller calls `call_` once more
  static constexpr std::uintptr_t last_flag = 4;   // it was the last of its list
  static constexpr std::uintptr_t flags = 7;

  function call_;
  union {
    listener* next_;                      // linked
    sync::atomic<std::uintptr_t> state_;  // otherwise
  };
  listener** previous_ = nullptr;  // linked: what points here, unless it is the first
};

}  // namespace belay::inline BELAY_BUILD
