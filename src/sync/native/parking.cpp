#include "sync/native/parking.hpp"

namespace belay::inline BELAY_BUILD::sync {

bool parking::park(nanoseconds deadline) {
  std::uint32_t was = empty;
  if (state_.compare_exchange_strong(was, parked, std::memory_order_relaxed)) {
    while (state_.load(std::memory_order_relaxed) == parked) {
      if (wait_on(&state_, parked, deadline)) continue;
      was = parked;
      if (state_.compare_exchange_strong(was, empty, std::memory_order_relaxed)) return false;
    }
  }
  // Reads the last permit given, and so all that came before it.
  state_.exchange(empty, std::memory_order_acquire);
  return true;
}

void parking::unpark() {
  if (state_.exchange(permit, std::memory_order_acq_rel) == parked) wake_all(&state_);
}

}  // namespace belay::inline BELAY_BUILD::sync
