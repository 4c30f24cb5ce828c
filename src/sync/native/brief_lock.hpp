// A lock of one byte, for a few instructions at a time.
#pragma once

#include <cstdint>

#include "sync/native/atomic.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// One locked instruction to take, none to give back. Whoever finds it held backs off for longer
/// and longer, then offers the processor: it never sleeps, so nothing that may block, and nobody
/// else's code, runs while it is held.
class brief_lock {
 public:
  constexpr brief_lock() noexcept = default;
  void lock() noexcept {
    if (held_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]]
      lock_slowly();
  }
  void unlock() noexcept { held_.store(0, std::memory_order_release); }

 private:
  void lock_slowly() noexcept;
  atomic<std::uint8_t> held_{0};
};

}  // namespace belay::inline BELAY_BUILD::sync
