// Where two threads that race meet before a round, and after it.
#pragma once

#include <cstdint>

#include "sync/sync.hpp"

namespace core_tests {

namespace sync = belay::sync;

/// Two parties meet; each spins for a while, then sleeps.
class turnstile {
 public:
  void open(std::uint32_t round) {
    round_.store(round, std::memory_order_release);
    sync::wake_all(&round_);
  }
  void pass(std::uint32_t round) {
    for (int spins = 0;; ++spins) {
      const std::uint32_t now = round_.load(std::memory_order_acquire);
      if (now == round) return;
      if (spins < 200) {
        sync::relax();
      } else {
        sync::wait_on(&round_, now, sync::forever);
      }
    }
  }

 private:
  sync::atomic<std::uint32_t> round_{0};
};

}  // namespace core_tests
