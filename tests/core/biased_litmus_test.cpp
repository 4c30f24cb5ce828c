// The two fences of the biased operation, on real processors: store buffering, raced over a million
// times on the class itself.
//
//   owner       slot := armed (or not)   light fence   look whether somebody asks
//   canceller   ask                      heavy fence   look at the slot
//
// Were both to miss what the other stored, a request would be lost, or a routine would run that its
// owner took out. Without the heavy fence that is what happens, and the last test sees it happen where
// the machine shows it: the others are worth something.
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "belay/biased_operation.hpp"
#include "core/biased_slow.hpp"

#if defined(__SANITIZE_THREAD__)
#define UNDER_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER
#endif
#endif

namespace {

using belay::cancel_result;
using belay::handshake;
using belay::reason_kind;
namespace sync = belay::sync;

struct unfenced : belay::biased_traits {
  static void heavy_fence() noexcept {}
};

struct notified : belay::notify_routine {
  notified() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    ++static_cast<notified&>(self).runs;
  }
  int runs = 0;
};

constexpr std::uint32_t per_batch = 512;

template <class Traits>
struct alignas(64) cell {
  belay::basic_biased_operation<Traits> it;
  notified routine;
  bool armed = false;                    // the owner's view
  handshake taken = handshake::running;  // running: it did not try
  bool claimed = false;                  // the canceller's
};

/// Two threads meet at each group of operations, and both go at it at once.
template <class Traits>
class race {
 public:
  explicit race(std::uint32_t group) : group_(group) {}

  /// Returns how many of the operations broke their promise.
  std::uint64_t run(std::uint64_t operations, std::uint64_t stop_after) {
    std::uint64_t broken = 0;
    for (std::uint64_t begin = 0; begin < operations && broken < stop_after; begin += per_batch) {
      cells_ = std::make_unique<cell<Traits>[]>(per_batch);
      for (std::uint32_t i = 0; i < per_batch; i += 2) cells_[i].it.arm(cells_[i].routine);
      owner_at_.store(0);
      canceller_at_.store(0);
      std::thread canceller([&] { cancel_all(); });
      own_all();
      canceller.join();
      for (std::uint32_t i = 0; i < per_batch; ++i) broken += is_broken(i) ? 1 : 0;
      for (std::uint32_t i = 0; i < per_batch; ++i) routines_ += cells_[i].routine.runs;
      total_ += per_batch;
    }
    return broken;
  }
  std::uint64_t routines() const { return routines_; }
  std::uint64_t claimed() const { return claimed_; }
  std::uint64_t total() const { return total_; }

 private:
  static void meet(sync::atomic<std::uint32_t>& mine, sync::atomic<std::uint32_t>& other,
                   std::uint32_t at) {
    mine.store(at, std::memory_order_release);
    for (int spins = 0; other.load(std::memory_order_acquire) < at; ++spins) {
      if (spins > 1000) std::this_thread::yield();
    }
  }
  static void dither(std::uint32_t by) {
    for (; by > 0; --by) asm volatile("");
  }

  void own_all() {
    for (std::uint32_t i = 0; i < per_batch; ++i) {
      cell<Traits>& c = cells_[i];
      if (i % group_ == 0) {
        meet(owner_at_, canceller_at_, i + 1);
        dither(i * 2654435761u >> 26);
      }
      if (i % 2 != 0) {
        c.armed = c.it.arm(c.routine);
      } else {
        c.taken = c.it.disarm(c.routine);
      }
    }
  }
  void cancel_all() {
    belay::basic_biased_operation<Traits>* all[per_batch];
    for (std::uint32_t i = 0; i < per_batch; ++i) all[i] = &cells_[i].it;
    for (std::uint32_t i = 0; i < per_batch; i += group_) {
      meet(canceller_at_, owner_at_, i + 1);
      dither(i * 40503u >> 10 & 63);
      if (group_ == 1) {
        cells_[i].claimed = all[i]->cancel(reason_kind::user) == cancel_result::claimed;
      } else {
        claimed_ +=
            belay::basic_biased_operation<Traits>::cancel_all({all + i, group_}, reason_kind::user);
      }
    }
  }

  bool is_broken(std::uint32_t i) const {
    const cell<Traits>& c = cells_[i];
    const bool ran = c.routine.runs != 0;
    if (group_ == 1 && ran != c.claimed) return true;
    return i % 2 != 0 ? ran != c.armed : ran != (c.taken == handshake::cancelled);
  }

  std::unique_ptr<cell<Traits>[]> cells_;
  alignas(64) sync::atomic<std::uint32_t> owner_at_{0};
  alignas(64) sync::atomic<std::uint32_t> canceller_at_{0};
  const std::uint32_t group_;
  std::uint64_t routines_ = 0, claimed_ = 0, total_ = 0;
};

TEST(biased_litmus, no_request_is_lost) {
  race<belay::biased_traits> fenced(1);
  EXPECT_EQ(fenced.run(200'000, 1), 0u);
  EXPECT_GE(fenced.total(), 200'000u);
  EXPECT_GT(fenced.routines(), 0u);
  EXPECT_LT(fenced.routines(), fenced.total());
}

TEST(biased_litmus, no_request_for_many_is_lost) {
  race<belay::biased_traits> fenced(8);
  EXPECT_EQ(fenced.run(1'000'000, 1), 0u);
  EXPECT_GE(fenced.total(), 1'000'000u);
  EXPECT_EQ(fenced.routines(), fenced.claimed());
  EXPECT_GT(fenced.routines(), 0u);
  EXPECT_LT(fenced.routines(), fenced.total());
}

/// On how many operations it takes until one breaks its promise, at most `most`.
[[maybe_unused]] std::uint64_t until_one_is_broken(std::uint32_t group, std::uint64_t most) {
  race<unfenced> broken(group);
  return broken.run(most, 1) > 0 ? broken.total() : most + 1;
}

TEST(biased_litmus, without_the_heavy_fence_one_is) {
#if defined(UNDER_THREAD_SANITIZER)
  GTEST_SKIP() << "ThreadSanitizer's own bookkeeping is a fence";
#elif defined(__x86_64__)
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one processor reorders nothing";
  if (!sync::native::fences_on_request) GTEST_SKIP() << "the light fence is a whole one here";
  constexpr std::uint64_t most = 20'000'000;
  for (const std::uint32_t group : {1u, 8u}) {
    const std::uint64_t races = until_one_is_broken(group, most);
    RecordProperty("races_by_" + std::to_string(group), static_cast<int>(races));
    // Whether a processor shows it is up to the processor, and to who else has its time.
    if (races > most) {
      GTEST_SKIP() << "no store buffering seen here in " << most << " races by groups of " << group
                   << ": the tests with the fence prove less on this machine";
    }
  }
#else
  GTEST_SKIP() << "how often it happens was looked at on x86-64 only";
#endif
}

}  // namespace
