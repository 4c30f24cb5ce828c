// Locks. They spin for a while, then sleep.
#pragma once

#include <cstdint>

#include "sync/native/atomic.hpp"
#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

namespace native {

/// One word: free, held, or held while somebody may sleep on it.
class futex_lock {
 public:
  constexpr futex_lock() noexcept = default;
  void lock() noexcept {
    std::uint32_t was = free;
    if (!word_.compare_exchange_strong(was, held, std::memory_order_acquire,
                                       std::memory_order_relaxed))
      lock_slowly();
  }
  bool try_lock() noexcept {
    std::uint32_t was = free;
    return word_.compare_exchange_strong(was, held, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  void unlock() noexcept {
    if (word_.exchange(free, std::memory_order_release) == held_and_awaited) wake_one();
  }

 private:
  static constexpr std::uint32_t free = 0, held = 1, held_and_awaited = 2;
  void lock_slowly() noexcept;
  void wake_one() noexcept;
  atomic<std::uint32_t> word_{free};
};

}  // namespace native

class spin_lock : public native::futex_lock {};
class inner_lock : public native::futex_lock {};

/// A lock in a guest's 64-bit word: 0 is free, else the owner's id and one.
///
/// Callers:  any actor. It spins and yields the processor; it never sleeps.
/// Ordering: what the last owner did before release_word happens before the return.
void acquire_word(volatile std::uint64_t* word);
bool try_acquire_word(volatile std::uint64_t* word);

/// Callers: the owner. Ends the process when somebody else, or nobody, holds the lock: the layer
/// above asks word_owner() first and reports in the guest's terms.
void release_word(volatile std::uint64_t* word);

/// Who holds the lock; no_actor when it is free or its word holds something else.
actor_id word_owner(const volatile std::uint64_t* word);

}  // namespace belay::inline BELAY_BUILD::sync
