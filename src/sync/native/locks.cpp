#include "sync/native/locks.hpp"

#include <climits>

#include "sync/native/actors.hpp"
#include "sync/native/brief_lock.hpp"
#include "sync/native/futex.hpp"

namespace belay::inline BELAY_BUILD::sync {

namespace native {

namespace {
constexpr int spins = 100;  // about a microsecond
}

void futex_lock::lock_slowly() noexcept {
  for (int i = 0; i < spins; ++i) {
    relax();
    if (word_.load(std::memory_order_relaxed) == free && try_lock()) return;
  }
  // From here on it is marked as awaited, also by the one who gets it: others may sleep.
  while (word_.exchange(held_and_awaited, std::memory_order_acquire) != free)
    futex_wait(&word_, held_and_awaited, forever);
}

void futex_lock::wake_one() noexcept { futex_wake(&word_, 1); }

}  // namespace native

void brief_lock::lock_slowly() noexcept {
  constexpr int least = 8, most = 128;  // turns of the spin loop between looks
  int turns = least;
  do {
    while (held_.load(std::memory_order_relaxed) != 0) {
      for (int i = 0; i < turns; ++i) relax();
      if (turns < most) {
        turns *= 2;
      } else {
        yield();  // its holder may have been preempted
      }
    }
  } while (held_.exchange(1, std::memory_order_acquire) != 0);
}

namespace {
std::uint64_t mark_of(actor_id who) { return static_cast<std::uint64_t>(who) + 1; }
}  // namespace

bool try_acquire_word(volatile std::uint64_t* word) {
  std::uint64_t free = 0;
  return __atomic_compare_exchange_n(word, &free, mark_of(self()), false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED);
}

void acquire_word(volatile std::uint64_t* word) {
  for (int i = 0; !try_acquire_word(word); ++i) {
    while (__atomic_load_n(word, __ATOMIC_RELAXED) != 0) {
      if (i++ < native::spins) {
        relax();
      } else {
        yield();
      }
    }
  }
}

void release_word(volatile std::uint64_t* word) {
  const std::uint64_t mine = mark_of(self());
  const std::uint64_t was = __atomic_exchange_n(word, 0, __ATOMIC_RELEASE);
  if (was == mine) return;
  native::give_up(was == 0 ? "a lock was released that nobody holds"
                           : "a lock was released by somebody who does not hold it");
}

actor_id word_owner(const volatile std::uint64_t* word) {
  const std::uint64_t mark = __atomic_load_n(word, __ATOMIC_RELAXED);
  return mark == 0 || mark > INT_MAX ? no_actor : static_cast<actor_id>(mark - 1);
}

}  // namespace belay::inline BELAY_BUILD::sync
