// Deadlines and their wheel by one caller, in both builds: what is due when, for every slot, and a
// hundred thousand random calls beside an obvious model.
#include "belay/deadline.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "as_actor.hpp"
#include "belay/operation.hpp"

#if defined(BELAY_EXPLORED)
#define suite deadline_in_explored
#else
#define suite deadline
#endif

namespace {

using belay::deadline;
using belay::handshake;
using belay::timer_wheel;
using core_tests::as_actor;
namespace sync = belay::sync;

constexpr sync::nanoseconds tick = timer_wheel::tick;

struct counted {
  static void fire(void* self) noexcept { ++static_cast<counted*>(self)->fired; }
  void arm(timer_wheel& on, sync::nanoseconds when) { limit.arm(on, when, &fire, this); }
  deadline limit;
  int fired = 0;
};

TEST(suite, cancels_its_target_with_the_reason) {
  as_actor([] {
    timer_wheel wheel(0);
    belay::operation it;
    deadline limit;
    limit.arm(wheel, 5 * tick, it);
    EXPECT_EQ(wheel.next_due(), 5 * tick);
    EXPECT_EQ(wheel.expire(5 * tick - 1), 5 * tick);
    EXPECT_FALSE(it.cancelled());
    EXPECT_EQ(wheel.expire(5 * tick), sync::forever);
    EXPECT_TRUE(it.cancelled());
    EXPECT_EQ(it.reason(), belay::reason(belay::reason_kind::timeout));
    EXPECT_EQ(limit.disarm(), handshake::cancelled);
    EXPECT_EQ(limit.disarm(), handshake::refused);
  });
}

TEST(suite, a_disarmed_one_does_not_fire) {
  as_actor([] {
    timer_wheel wheel(0);
    counted one;
    EXPECT_EQ(one.limit.disarm(), handshake::refused);
    EXPECT_EQ(one.limit.rearm(tick), handshake::refused);
    one.arm(wheel, tick);
    EXPECT_EQ(one.limit.disarm(), handshake::won);
    one.arm(wheel, tick);
    EXPECT_EQ(one.limit.try_disarm(), handshake::won);
    EXPECT_EQ(wheel.expire(10 * tick), sync::forever);
    EXPECT_EQ(one.fired, 0);
    one.arm(wheel, 20 * tick);
    EXPECT_EQ(one.limit.rearm(30 * tick), handshake::won);
    wheel.expire(29 * tick);
    EXPECT_EQ(one.fired, 0);
    EXPECT_EQ(one.limit.rearm(20 * tick), handshake::won);  // has passed: at the next tick
    wheel.expire(29 * tick);
    EXPECT_EQ(one.fired, 0);
    wheel.expire(30 * tick);
    EXPECT_EQ(one.fired, 1);
    EXPECT_EQ(one.limit.rearm(40 * tick), handshake::cancelled);
    one.arm(wheel, 50 * tick);
    wheel.expire(50 * tick);
    one.arm(wheel, 60 * tick);  // nobody asked about the expiry: that is fine, too
    EXPECT_EQ(one.limit.disarm(), handshake::won);
  });
}

TEST(suite, a_destroyed_one_does_not_fire) {
  as_actor([] {
    timer_wheel wheel(0);
    int fired = 0;
    {
      deadline limit;
      limit.arm(
          wheel, tick, [](void* at) noexcept { ++*static_cast<int*>(at); }, &fired);
    }
    wheel.expire(10 * tick);
    EXPECT_EQ(fired, 0);
  });
}

TEST(suite, never_early_and_at_most_one_tick_late) {
  as_actor([] {
    for (const sync::nanoseconds when : {sync::nanoseconds{1}, tick - 1, tick, tick + 1,
                                         64 * tick - 1, 64 * tick, 64 * tick + 1}) {
      timer_wheel wheel(0);
      counted one;
      one.arm(wheel, when);
      wheel.expire(when - 1);
      EXPECT_EQ(one.fired, 0) << when;
      wheel.expire(when + tick - 1);
      EXPECT_EQ(one.fired, 1) << when;
    }
  });
}

/// Arms at `due` while the wheel is at `start`, goes where the wheel says, and counts the steps.
void reach(std::uint64_t start, std::uint64_t due) {
  timer_wheel wheel(static_cast<sync::nanoseconds>(start) * tick);
  counted one;
  const sync::nanoseconds when = static_cast<sync::nanoseconds>(due) * tick;
  one.arm(wheel, when);
  sync::nanoseconds at = wheel.next_due();
  ASSERT_EQ(at, when) << start << " " << due;
  at = wheel.expire(when - 1);  // which moves it to the lowest level, at once
  ASSERT_EQ(at, when) << start << " " << due;
  ASSERT_EQ(one.fired, 0) << start << " " << due;
  ASSERT_EQ(wheel.expire(when), sync::forever);
  ASSERT_EQ(one.fired, 1) << start << " " << due;
}

TEST(suite, every_slot_and_its_neighbours) {
  as_actor([] {
    for (const unsigned long long start :
         {0ull, 1ull, 63ull, 64ull, 4095ull, 262'143ull, 123'456'789ull}) {
      for (int level = 0; level < 7; ++level) {
        for (std::uint64_t slot = 1; slot < 64; ++slot) {
          for (int beside = -1; beside <= 1; ++beside) {
            const std::uint64_t due =
                (slot << (6 * level)) + start + static_cast<std::uint64_t>(beside);
            if (due > start && due < 1ull << 42) reach(start, due);
          }
        }
      }
    }
  });
}

TEST(suite, the_far_future) {
  as_actor([] {
    const auto last = static_cast<unsigned long long>(sync::forever) >> 20;
    for (const unsigned long long due : {1ull << 36, (1ull << 36) + 1, 1ull << 42, last - 1, last})
      reach(5, due);
    timer_wheel wheel(0);
    counted never;
    never.arm(wheel, sync::forever);
    EXPECT_EQ(wheel.next_due(), sync::forever);
    EXPECT_LE(wheel.expire(sync::forever), sync::forever);
    EXPECT_EQ(never.fired, 0);
    EXPECT_EQ(never.limit.disarm(), handshake::won);
    belay::operation it;
    never.limit.arm_in(wheel, sync::forever - 5, 10, it);
    EXPECT_EQ(never.limit.disarm(), handshake::won);
  });
}

TEST(suite, follows_what_expire_returns) {
  as_actor([] {
    timer_wheel wheel(7 * tick);
    counted one;
    const sync::nanoseconds when = ((1ll << 30) + 12345) * tick;
    one.arm(wheel, when);
    counted soon;
    soon.arm(wheel, 8 * tick);
    int calls = 0;
    for (sync::nanoseconds at = wheel.next_due(); at != sync::forever; at = wheel.expire(at)) {
      EXPECT_LE(at, when);
      ASSERT_LT(++calls, 10);  // at most one for each level
    }
    EXPECT_EQ(one.fired + soon.fired, 2);
  });
}

TEST(suite, many_at_the_same_time) {
  as_actor([] {
    timer_wheel wheel(0);
    std::vector<counted> all(5'000);
    for (const sync::nanoseconds when : {3 * tick, 64 * tick, 5'000 * tick, 300'000 * tick}) {
      for (counted& each : all) each.arm(wheel, when);
      for (std::size_t i = 0; i < all.size(); i += 3)
        EXPECT_EQ(all[i].limit.disarm(), handshake::won);
      wheel.expire(when - 1);
      for (std::size_t i = 1; i < all.size(); i += 3)
        EXPECT_EQ(all[i].limit.disarm(), handshake::won);
      wheel.expire(when);
      for (std::size_t i = 0; i < all.size(); ++i) {
        ASSERT_EQ(all[i].fired, i % 3 == 2 ? 1 : 0);
        all[i].fired = 0;
      }
    }
  });
}

TEST(suite, the_hook_is_called_when_it_becomes_earlier_only) {
  as_actor([] {
    int told = 0;
    timer_wheel wheel(
        0, [](void* at) noexcept { ++*static_cast<int*>(at); }, &told);
    counted first, second, third;
    first.arm(wheel, 100 * tick);
    EXPECT_EQ(told, 1);
    second.arm(wheel, 200 * tick);
    EXPECT_EQ(told, 1);
    third.arm(wheel, 100 * tick);
    EXPECT_EQ(told, 1);
    EXPECT_EQ(third.limit.rearm(99 * tick), handshake::won);
    EXPECT_EQ(told, 2);
    third.limit.disarm();
    third.arm(wheel, 99 * tick);  // the driver looks then anyway
    EXPECT_EQ(told, 2);
    third.limit.disarm();
    EXPECT_EQ(wheel.expire(99 * tick), 100 * tick);
    wheel.expire(300 * tick);
    EXPECT_EQ(first.fired + second.fired, 2);
    third.arm(wheel, 1'000 * tick);
    EXPECT_EQ(told, 3);
    third.limit.disarm();
  });
}

TEST(suite, periodic) {
  as_actor([] {
    struct beat {
      static void fire(void* at) noexcept {
        auto& me = *static_cast<beat*>(at);
        ++me.beats;
        me.limit.arm(*me.wheel, me.due += 10 * tick, &fire, at);
      }
      timer_wheel* wheel;
      deadline limit;
      sync::nanoseconds due = 10 * tick;
      int beats = 0;
    };
    timer_wheel wheel(0);
    beat it{.wheel = &wheel, .limit = {}};
    it.limit.arm(wheel, it.due, &beat::fire, &it);
    for (int i = 0; i <= 1'000; ++i) wheel.expire(i * tick);
    EXPECT_EQ(it.beats, 100);
    EXPECT_EQ(it.limit.disarm(), handshake::won);
  });
}

// ---- beside a model

class model {
 public:
  explicit model(std::size_t size) : all_(size), by_due_(size) {}

  void arm(timer_wheel& on, std::size_t which, sync::nanoseconds when) {
    all_[which].arm(on, when);
    set(which, when);
  }
  void rearm(std::size_t which, sync::nanoseconds when) {
    const bool is_armed = armed_[which];
    const handshake result = all_[which].limit.rearm(when);
    ASSERT_EQ(result, is_armed        ? handshake::won
                      : fired_[which] ? handshake::cancelled
                                      : handshake::refused);
    fired_[which] = false;
    if (!is_armed) return;
    pending_.erase(by_due_[which]);
    set(which, when);
  }
  void disarm(std::size_t which) {
    const handshake result = all_[which].limit.disarm();
    ASSERT_EQ(result, armed_[which]   ? handshake::won
                      : fired_[which] ? handshake::cancelled
                                      : handshake::refused);
    fired_[which] = false;
    if (!armed_[which]) return;
    pending_.erase(by_due_[which]);
    armed_[which] = false;
  }
  void expire(timer_wheel& on, sync::nanoseconds now) {
    now_ = now / tick;
    const sync::nanoseconds next = on.expire(now);
    while (!pending_.empty() && pending_.begin()->first <= now_) {
      const std::size_t which = pending_.begin()->second;
      pending_.erase(pending_.begin());
      ASSERT_EQ(all_[which].fired, 1);
      all_[which].fired = 0;
      armed_[which] = false;
      fired_[which] = true;
      ++expired_;
    }
    for (const counted& each : all_) ASSERT_EQ(each.fired, 0);
    ASSERT_GT(next, now);
    if (!pending_.empty()) {
      ASSERT_LE(next, pending_.begin()->first * tick);
    }
  }
  bool is_armed(std::size_t which) const { return armed_[which]; }
  std::size_t pending() const { return pending_.size(); }
  int expired() const { return expired_; }

 private:
  using calendar = std::multimap<sync::nanoseconds, std::size_t>;
  void set(std::size_t which, sync::nanoseconds when) {
    const sync::nanoseconds due = std::max((when + tick - 1) / tick, now_ + 1);
    by_due_[which] = pending_.emplace(due, which);
    armed_[which] = true;
    fired_[which] = false;
  }

  std::vector<counted> all_;
  calendar pending_;  // by tick
  std::vector<calendar::iterator> by_due_;
  std::vector<bool> armed_ = std::vector<bool>(all_.size());
  std::vector<bool> fired_ = std::vector<bool>(all_.size());
  sync::nanoseconds now_ = 0;
  int expired_ = 0;
};

void random_calls(std::uint64_t seed, int calls, int most_bits) {
  std::mt19937_64 random(seed);
  constexpr std::size_t size = 200;
  timer_wheel wheel(0);
  model beside(size);
  sync::nanoseconds now = 0;
  for (int i = 0; i < calls; ++i) {
    const std::size_t which = random() % size;
    const int bits = 16 + static_cast<int>(random() % static_cast<std::uint64_t>(most_bits));
    const auto span = static_cast<sync::nanoseconds>(random() >> (64 - bits));
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        if (!beside.is_armed(which)) beside.arm(wheel, which, now + span - 2 * tick);
        break;
      case 3:
        beside.rearm(which, now + span);
        break;
      case 4:
        beside.disarm(which);
        break;
      case 5:
      case 6:
        beside.expire(wheel, now += span / 16);
        break;
      default:
        beside.expire(wheel, now = std::max(now, std::min(wheel.next_due(), now + span)));
        break;
    }
    if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << ", call " << i;
  }
  for (std::size_t which = 0; which < size; ++which) beside.disarm(which);
  EXPECT_EQ(beside.pending(), 0u);
  EXPECT_GT(beside.expired(), calls / 8);
}

TEST(suite, random_calls_beside_a_model) {
  as_actor([] { random_calls(1, 100'000, 24); });
}
TEST(suite, random_calls_over_years) {
  as_actor([] { random_calls(2, 100'000, 40); });
}

}  // namespace
