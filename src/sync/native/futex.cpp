#include "sync/native/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "sync/native/atomic.hpp"
#include "sync/native/time.hpp"
#include "sync/native/workers.hpp"

namespace belay::inline BELAY_BUILD::sync {

namespace native {

bool futex_wait(const volatile void* word, std::uint32_t expected, nanoseconds deadline) {
  const nanoseconds due = deadline < 0 ? 0 : deadline;
  const timespec absolute = {static_cast<time_t>(due / 1'000'000'000),
                             static_cast<long>(due % 1'000'000'000)};
  // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time.
  const long result =
      syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
              deadline == forever ? nullptr : &absolute, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 || errno != ETIMEDOUT;
}

void futex_wake(const volatile void* word, int waiters) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters, nullptr, nullptr, 0);
}

void give_up(const char* why) {
  std::fprintf(stderr, "belay: %s\n", why);
  std::abort();
}

}  // namespace native

bool wait_on(const volatile void* word, std::uint32_t expected, nanoseconds deadline) {
  const native::blocking_scope blocking;
  return native::futex_wait(word, expected, deadline);
}

void wake_all(const volatile void* word) { native::futex_wake(word, INT_MAX); }

nanoseconds now() {
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<nanoseconds>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
}

}  // namespace belay::inline BELAY_BUILD::sync
