// Races on real threads, in lockstep. What the explorer shows for every order of the steps, this
// shows for the processor's memory and the kernel's futex, while the sanitizers watch.
//
// A race is a struct with prepare(round), act(party, round), check(round) and met(). Party 0 is the
// test's thread; it prepares, all parties act at once, and party 0 checks. What a race gives out
// with new is deleted as soon as the contract allows, so that a use after that is found.
//
// BELAY_STRESS=N in the environment makes it N times as long.
#pragma once

#include <sched.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "belay/reason.hpp"
#include "sync/sync.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BELAY_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BELAY_SANITIZED 1
#endif

namespace core_tests {

namespace sync = belay::sync;

#if defined(BELAY_SANITIZED)
constexpr std::uint32_t shorter = 10;  // a race takes so many times as long
constexpr int slower = 16;             // as do the calls that are to meet
#else
constexpr std::uint32_t shorter = 1;
constexpr int slower = 1;
#endif

/// As many as are worth while here.
inline std::uint32_t scaled(std::uint32_t rounds) {
  const char* const factor = std::getenv("BELAY_STRESS");
  const unsigned long times = factor != nullptr ? std::strtoul(factor, nullptr, 10) : 1;
  return static_cast<std::uint32_t>(rounds / shorter * (times != 0 ? times : 1));
}

/// Ends the process: a thread that others wait for cannot just leave a test.
inline void must(bool holds, const char* what, std::uint64_t round,
                 std::source_location at = std::source_location::current()) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "%s:%u: in round %llu it does not hold: %s\n", at.file_name(), at.line(),
               static_cast<unsigned long long>(round), what);
  std::abort();
}

/// Where all parties start together. They spin; only one that waits for long, because another has
/// no processor, gives up its own.
class starting_line {
 public:
  starting_line(std::uint32_t parties, int patience) : parties_(parties), patience_(patience) {}

  void cross() {
    const std::uint32_t turn = turn_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
      arrived_.store(0, std::memory_order_relaxed);
      turn_.exchange(turn + 1, std::memory_order_seq_cst);
      if (sleepers_.load(std::memory_order_seq_cst) != 0) sync::wake_all(&turn_);
      return;
    }
    for (int spins = 0; turn_.load(std::memory_order_acquire) == turn; ++spins) {
      if (spins < patience_) {
        sync::relax();
      } else {
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        sync::wait_on(&turn_, turn, sync::forever);
        sleepers_.fetch_sub(1, std::memory_order_seq_cst);
      }
    }
  }

 private:
  const std::uint32_t parties_;
  const int patience_;
  alignas(64) sync::atomic<std::uint32_t> arrived_{0};
  alignas(64) sync::atomic<std::uint32_t> turn_{0};
  sync::atomic<std::uint32_t> sleepers_{0};
};

inline std::uint32_t mixed(std::uint32_t seed) {
  seed = (seed ^ seed >> 16) * 0x85eb'ca6bu;
  seed = (seed ^ seed >> 13) * 0xc2b2'ae35u;
  return seed ^ seed >> 16;
}

inline void spin(int steps) {
  for (int i = 0; i < steps * slower; ++i) asm volatile("" : : : "memory");
}

/// Who is late, and by how much, so that nobody always comes first: from how it came out before.
class handicap {
 public:
  /// Between prepare() and check().
  void wait(std::uint32_t party, std::uint32_t round) const {
    const int jitter = static_cast<int>(mixed(round * 4 + party) % 64);
    const int lead = lead_.load(std::memory_order_relaxed);
    spin(jitter + (party == 0 ? lead : party == 1 ? -lead : 0));
  }
  /// Party 0: it was before the others, or was not.
  void was_first(bool first) {
    step_ = first == was_first_ ? (step_ < 256 ? step_ * 2 : step_) : 4;
    was_first_ = first;
    const int lead = lead_.load(std::memory_order_relaxed) + (first ? step_ : -step_);
    if (lead <= most && lead >= -most) lead_.store(lead, std::memory_order_relaxed);
  }

 private:
  static constexpr int most = 3000;
  int step_ = 4;
  bool was_first_ = false;
  sync::atomic<int> lead_{0};
};

/// The processors that this process may use; each party gets one of them, so that two never take
/// turns on one while another is free.
class processors {
 public:
  processors() {
    CPU_ZERO(&all_);
    sched_getaffinity(0, sizeof all_, &all_);
  }
  ~processors() { sched_setaffinity(0, sizeof all_, &all_); }
  std::uint32_t count() const { return static_cast<std::uint32_t>(CPU_COUNT(&all_)); }
  void take(std::uint32_t party) const {
    int at = -1;
    for (std::uint32_t left = party % count() + 1; left > 0;
         left -= CPU_ISSET(++at, &all_) ? 1 : 0) {
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(at, &one);
    sched_setaffinity(0, sizeof one, &one);
  }

 private:
  cpu_set_t all_;
};

/// How many operations were raced in all, for the report.
inline constinit std::uint64_t raced = 0;

/// Races `of` by so many parties, for so many rounds, and for more of them until every outcome that
/// it counts has occurred. Each round races `operations`.
///
/// Returns: how many rounds there were.
template <class Race>
std::uint32_t run(Race& of, std::uint32_t rounds, std::uint32_t parties = 2,
                  std::uint32_t operations = 1) {
  constexpr std::uint32_t most_times = 50;
  const processors all;
  starting_line line(parties, parties <= all.count() ? 2000 : 50);
  std::uint32_t last = rounds;  // written by party 0 only, while the others wait for it
  const auto take_part = [&](std::uint32_t party) {
    all.take(party);
    for (std::uint32_t round = 1; round <= last; ++round) {
      if (party == 0) of.prepare(round);
      line.cross();
      line.cross();  // again: somebody may have slept before
      of.act(party, round);
      line.cross();
      if (party != 0) {
        line.cross();
        continue;
      }
      of.check(round);
      if (round == last && !of.met() && last / rounds < most_times) last += rounds;
      line.cross();
    }
  };
  std::vector<std::thread> others;
  for (std::uint32_t party = 1; party < parties; ++party) others.emplace_back(take_part, party);
  take_part(0);
  for (std::thread& each : others) each.join();
  raced += std::uint64_t{last} * operations;
  // Where there is but one processor nobody may ever meet anybody.
  EXPECT_TRUE(of.met() || all.count() < 2) << "an outcome is missing";
  return last;
}

/// The reason of a round, by which its request is known.
inline belay::reason reason_of(std::uint32_t round, belay::reason_kind kind) {
  return {kind, round & 0xff'ffff};
}

}  // namespace core_tests
