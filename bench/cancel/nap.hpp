// A callback that takes 20 ms, for the row about who waits for it.
#pragma once

#include <time.h>

#include <atomic>

namespace bench {

class nap {
 public:
  /// The callback's side.
  void take() noexcept {
    started_.store(true, std::memory_order_release);
    const timespec length{0, 20'000'000};
    nanosleep(&length, nullptr);
  }
  /// The waiter's side.
  void wait_for_start() const noexcept {
    const timespec moment{0, 100'000};
    while (!started_.load(std::memory_order_acquire)) nanosleep(&moment, nullptr);
  }

 private:
  std::atomic<bool> started_{false};
};

}  // namespace bench
