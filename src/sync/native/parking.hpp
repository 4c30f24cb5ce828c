// A place where one actor waits for one permit.
#pragma once

#include <cstdint>

#include "sync/native/atomic.hpp"
#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

class parking {
 public:
  /// Takes the permit, waiting for it until `deadline`.
  ///
  /// Callers:  one actor at a time.
  /// Returns:  false when the deadline passed and no permit was there.
  /// Ordering: what every unpark() so far followed happens before the return of true.
  bool park(nanoseconds deadline);

  /// Gives the permit; giving it twice is giving it once. Once the parked actor can have seen it,
  /// this touches only the address.
  void unpark();

  /// Takes the permit back. Callers: the one who parks.
  void reset() { state_.exchange(empty, std::memory_order_acquire); }

 private:
  static constexpr std::uint32_t empty = 0, permit = 1, parked = 2;
  atomic<std::uint32_t> state_{empty};
};

}  // namespace belay::inline BELAY_BUILD::sync
