// Native locks, waits and parkings.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "sync/sync.hpp"

namespace {

namespace sync = belay::sync;

struct word_lock {
  void lock() { sync::acquire_word(&word); }
  void unlock() { sync::release_word(&word); }
  bool try_lock() { return sync::try_acquire_word(&word); }
  volatile std::uint64_t word = 0;
};

template <class Lock>
class each_lock : public testing::Test {};
using locks = testing::Types<sync::spin_lock, sync::inner_lock, word_lock>;
TYPED_TEST_SUITE(each_lock, locks, );

TYPED_TEST(each_lock, excludes) {
  struct shared {
    TypeParam lock;
    long count = 0;
  } all;
  const auto add = [](void* at) {
    auto& to = *static_cast<shared*>(at);
    for (int i = 0; i < 20'000; ++i) {
      if (i % 3 != 0 || !to.lock.try_lock()) to.lock.lock();
      ++to.count;
      to.lock.unlock();
    }
  };
  std::vector<sync::actor_id> actors;
  for (int i = 0; i < 4; ++i) actors.push_back(sync::spawn({.name = "adder"}, add, &all));
  for (const sync::actor_id each : actors) sync::join(each);
  EXPECT_EQ(all.count, 80'000);
}

TYPED_TEST(each_lock, is_not_taken_twice) {
  TypeParam lock;
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(word_lock, knows_its_owner) {
  volatile std::uint64_t word = 0;
  EXPECT_EQ(sync::word_owner(&word), sync::no_actor);
  sync::acquire_word(&word);
  EXPECT_EQ(sync::word_owner(&word), sync::self());
  sync::release_word(&word);
  EXPECT_EQ(word, 0u);
  word = 0xfeed'feed'feed'feed;
  EXPECT_EQ(sync::word_owner(&word), sync::no_actor) << "a guest wrote over it";
}

TEST(word_lock, release_checks_the_owner) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  volatile std::uint64_t word = 0;
  EXPECT_DEATH(sync::release_word(&word), "nobody holds");
  word = static_cast<std::uint64_t>(sync::self()) + 100;
  EXPECT_DEATH(sync::release_word(&word), "does not hold");
}

TEST(wait_on, returns_at_once_when_the_word_differs) {
  sync::atomic<std::uint32_t> word{1};
  EXPECT_TRUE(sync::wait_on(&word, 2, sync::forever));
}

TEST(wait_on, ends_at_its_deadline) {
  sync::atomic<std::uint32_t> word{1};
  EXPECT_FALSE(sync::wait_on(&word, 1, 0));
  EXPECT_FALSE(sync::wait_on(&word, 1, -1));
  const sync::nanoseconds due = sync::now() + 2'000'000;
  while (sync::wait_on(&word, 1, due)) {
  }
  EXPECT_GE(sync::now(), due);
}

TEST(parking, keeps_one_permit) {
  sync::parking place;
  EXPECT_FALSE(place.park(0));
  place.unpark();
  place.unpark();
  EXPECT_TRUE(place.park(sync::forever));
  EXPECT_FALSE(place.park(sync::now() + 1'000));
  place.unpark();
  place.reset();
  EXPECT_FALSE(place.park(0));
}

TEST(parking, hands_over_back_and_forth) {
  struct table {
    sync::parking ping, pong;
    int ball = 0;
  } all;
  constexpr int rounds = 20'000;
  const sync::actor_id other = sync::spawn(
      {.name = "other"},
      [](void* at) {
        auto& on = *static_cast<table*>(at);
        for (int i = 0; i < rounds; ++i) {
          on.ping.park(sync::forever);
          ++on.ball;
          on.pong.unpark();
        }
      },
      &all);
  for (int i = 0; i < rounds; ++i) {
    ++all.ball;
    all.ping.unpark();
    ASSERT_TRUE(all.pong.park(sync::forever));
    ASSERT_EQ(all.ball, 2 * i + 2);
  }
  sync::join(other);
}

/// The parked one may free its place as soon as it has the permit.
TEST(parking, may_go_once_the_permit_is_seen) {
  struct handed {
    sync::atomic<sync::parking*> place{nullptr};
    sync::atomic<bool> stop{false};
  } all;
  const sync::actor_id giver = sync::spawn(
      {.name = "giver"},
      [](void* at) {
        auto& from = *static_cast<handed*>(at);
        while (!from.stop.load()) {
          sync::parking* const place = from.place.exchange(nullptr);
          if (place != nullptr) {
            place->unpark();
          } else {
            sync::yield();
          }
        }
      },
      &all);
  for (int i = 0; i < 5'000; ++i) {
    auto* const place = new sync::parking;
    all.place.store(place);
    EXPECT_TRUE(place->park(sync::forever));
    delete place;
  }
  all.stop.store(true);
  sync::join(giver);
}

/// Deadlines against permits: whoever comes first, none is lost.
TEST(parking, deadline_against_permit) {
  struct race {
    sync::parking place, ready;
    sync::atomic<bool> stop{false};
  } all;
  const sync::actor_id giver = sync::spawn(
      {.name = "giver"},
      [](void* at) {
        auto& to = *static_cast<race*>(at);
        while (to.ready.park(sync::forever) && !to.stop.load()) to.place.unpark();
      },
      &all);
  int late = 0;
  for (int i = 0; i < 3'000; ++i) {
    all.ready.unpark();
    if (all.place.park(sync::now() + i % 64 * 1'000)) continue;
    ++late;
    EXPECT_TRUE(all.place.park(sync::forever));
  }
  all.stop.store(true);
  all.ready.unpark();
  sync::join(giver);
  RecordProperty("late", late);
}

}  // namespace
