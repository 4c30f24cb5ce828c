#include "sync/explored/explored.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "sync/probe.hpp"

namespace belay::inline BELAY_BUILD::sync {

namespace {

struct sleeper {
  const volatile void* word;
  sleeper* next;
  bool woken;
};
// Rewound with the execution: an abandoned one leaves sleepers behind on its dead stacks.
sleeper* sleepers = nullptr;
std::uint64_t sleepers_of = 0;

}  // namespace

bool wait_on(const volatile void* word, std::uint32_t expected, nanoseconds deadline) {
  scheduler& s = world();
  if (sleepers_of != s.execution()) {
    sleepers = nullptr;
    sleepers_of = s.execution();
  }
  s.point(access_kind::read, word, 4);
  if (*static_cast<const volatile std::uint32_t*>(word) != expected) return true;
  sleeper me{word, sleepers, false};
  sleepers = &me;
  s.wait(
      word, [](const void* p) { return static_cast<const sleeper*>(p)->woken; }, &me, deadline);
  for (sleeper** at = &sleepers; *at != nullptr; at = &(*at)->next) {
    if (*at == &me) {
      *at = me.next;
      break;
    }
  }
  races().load(self(), word, std::memory_order_acquire);
  return me.woken;
}

void wake_all(const volatile void* word) {
  scheduler& s = world();
  s.point(access_kind::update, word, 4);
  races().update(self(), word, std::memory_order_release);
  if (sleepers_of != s.execution()) return;
  for (sleeper* each = sleepers; each != nullptr; each = each->next) {
    if (each->word == word) each->woken = true;
  }
}

nanoseconds elapsed() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * nanoseconds{1'000'000'000} + t.tv_nsec;
}

bool is_accessible(const volatile void* at, std::size_t bytes, bool write) {
  return probe::accessible(at, bytes, write);
}

void* allocate(std::size_t bytes, memory_use use) {
  scheduler& s = world();
  void* const block = s.memory().allocate(s.current() < 0 ? clock_actor : s.current(), bytes, use);
  if (block == nullptr && use == memory_use::internal) {
    std::fputs(
        "belay: one actor used its whole heap of 4 MiB; the guest leaks or the scenario is too "
        "large.\n",
        stderr);
    std::exit(3);
  }
  return block;
}

}  // namespace belay::inline BELAY_BUILD::sync
