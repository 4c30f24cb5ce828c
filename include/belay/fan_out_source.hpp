// A source for very many listeners: it hides the cost of fetching them from memory.
//
// Beyond the caches a cancel spends its time waiting for one listener after the other, because each
// says where the next one is. Here a listener also knows the one that is 32 further on, so that the
// processor can fetch ahead. That costs eight bytes a listener, 33 words a source and a store or
// two in add(); use it from some ten thousand listeners on. In all else it is a source: see there
// for what add, remove and cancel promise.
//
// What it does not offer: children. They attach to sources; let one of its listeners cancel a
// source.
#pragma once

#include "belay/source.hpp"

namespace belay::inline BELAY_BUILD {

/// A listener of a fan-out source. 32 bytes.
class fan_out_listener : public listener {
 protected:
  explicit constexpr fan_out_listener(function call) noexcept : listener(call) {}
  ~fan_out_listener() = default;

 private:
  friend struct fan_out_hints;
  const void* ahead_ = nullptr;  // an address to fetch, never to read: it may be gone
};

/// The addresses of the last listeners added. Guarded by the list's lock.
struct fan_out_hints {
  static constexpr unsigned distance = 32;

  void added(listener& which) noexcept {
    const void*& oldest = recent[next++ % distance];
    static_cast<fan_out_listener&>(which).ahead_ = oldest;
    oldest = &which;
  }
  /// The last added is taken first: the one added `distance` before it is `distance` further on.
  void taken(listener& which) noexcept {
    __builtin_prefetch(static_cast<fan_out_listener&>(which).ahead_, 1);
  }

  const void* recent[distance] = {};
  unsigned next = 0;
};

struct fan_out_traits : source_traits {
  using hints = fan_out_hints;
};

extern template class core::list<fan_out_traits>;
extern template class basic_source<fan_out_traits>;

class fan_out_source : private basic_source<fan_out_traits> {
  using base = basic_source<fan_out_traits>;

 public:
  /// As source::add() and its kin.
  bool add(fan_out_listener& which) noexcept { return base::add(which); }
  handshake remove(fan_out_listener& which) noexcept { return base::remove(which); }
  handshake try_remove(fan_out_listener& which) noexcept { return base::try_remove(which); }
  handshake remove_until(fan_out_listener& which, sync::nanoseconds deadline) noexcept {
    return base::remove_until(which, deadline);
  }
  using base::cancel;
  using base::cancelled;
  using base::is_canceller;
  using base::reason;
};

}  // namespace belay::inline BELAY_BUILD
