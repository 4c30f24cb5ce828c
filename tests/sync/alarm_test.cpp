// The native timer thread.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "sync/sync.hpp"

namespace {

namespace sync = belay::sync;

struct counter {
  sync::inner_lock lock;
  sync::atomic<std::uint32_t> fired{0};
  std::vector<int> order;

  void await(std::uint32_t count) {
    for (std::uint32_t seen; (seen = fired.load()) < count;)
      sync::wait_on(&fired, seen, sync::forever);
  }
};

struct numbered : sync::alarm {
  counter* to = nullptr;
  int number = 0;
  sync::nanoseconds due = 0;
  void start(sync::nanoseconds when) {
    due = when;
    set(when, &fire);
  }
  static void fire(sync::alarm* at) {
    auto& me = *static_cast<numbered*>(at);
    EXPECT_GE(sync::now(), me.due);
    me.to->lock.lock();
    me.to->order.push_back(me.number);
    me.to->lock.unlock();
    me.to->fired.fetch_add(1);
    sync::wake_all(&me.to->fired);
  }
};

TEST(alarm, fires_in_order_of_due_time_then_of_setting) {
  constexpr int count = 500;
  counter all;
  auto alarms = std::make_unique<numbered[]>(count);
  const sync::nanoseconds start = sync::now() + 20'000'000;
  std::vector<int> expected(count);
  std::vector<sync::nanoseconds> due(count);
  for (int i = 0; i < count; ++i) {
    expected[static_cast<std::size_t>(i)] = i;
    due[static_cast<std::size_t>(i)] = start + i * 7919 % 50 * 20'000;
    alarms[i].to = &all;
    alarms[i].number = i;
    alarms[i].start(due[static_cast<std::size_t>(i)]);
  }
  // A slow machine may set some when others are due already; then the order is not given.
  const bool in_time = sync::now() < start;
  std::sort(expected.begin(), expected.end(), [&](int a, int b) {
    const sync::nanoseconds first = due[static_cast<std::size_t>(a)];
    const sync::nanoseconds second = due[static_cast<std::size_t>(b)];
    return first != second ? first < second : a < b;
  });
  all.await(count);
  all.lock.lock();
  if (!in_time) {
    std::sort(all.order.begin(), all.order.end());
    std::sort(expected.begin(), expected.end());
  }
  EXPECT_EQ(all.order, expected);
  all.lock.unlock();
}

TEST(alarm, cancel_is_exact) {
  constexpr int count = 2'000;
  counter all;
  auto alarms = std::make_unique<numbered[]>(count);
  std::uint32_t cancelled = 0;
  for (int i = 0; i < count; ++i) {
    alarms[i].to = &all;
    alarms[i].start(sync::now() + i % 16 * 5'000);
    for (int pause = i * 37 % 400; pause > 0; --pause) sync::relax();
    if (alarms[i].cancel()) ++cancelled;
    EXPECT_FALSE(alarms[i].is_set());
    EXPECT_FALSE(alarms[i].cancel());
  }
  all.await(count - cancelled);
  EXPECT_EQ(all.fired.load() + cancelled, static_cast<std::uint32_t>(count));
}

TEST(alarm, cancelled_from_the_middle) {
  constexpr int count = 300;
  counter all;
  auto alarms = std::make_unique<numbered[]>(count);
  const sync::nanoseconds far = sync::now() + sync::nanoseconds{3'600} * 1'000'000'000;
  for (int i = 0; i < count; ++i) {
    alarms[i].to = &all;
    alarms[i].number = i;
    alarms[i].start(far + i * 7919 % count);
  }
  for (int i = 0; i < count; ++i) {
    const int which = i * 101 % count;
    EXPECT_TRUE(alarms[which].is_set());
    EXPECT_TRUE(alarms[which].cancel());
  }
  EXPECT_EQ(all.fired.load(), 0u);
}

TEST(alarm, set_again_replaces) {
  counter all;
  numbered one;
  one.to = &all;
  one.start(sync::now() + sync::nanoseconds{3'600} * 1'000'000'000);
  one.start(sync::now());
  all.await(1);
  EXPECT_FALSE(one.is_set());
}

TEST(alarm, may_set_itself_again) {
  struct periodic : sync::alarm {
    sync::atomic<std::uint32_t> left{5};
    static void fire(sync::alarm* at) {
      auto& me = *static_cast<periodic*>(at);
      if (me.left.load() > 1) me.set(sync::now() + 1'000, &fire);
      me.left.fetch_sub(1);
      sync::wake_all(&me.left);
    }
  } it;
  it.set(sync::now(), &periodic::fire);
  for (std::uint32_t seen; (seen = it.left.load()) != 0;)
    sync::wait_on(&it.left, seen, sync::forever);
}

TEST(alarm, destructor_waits_for_fire) {
  struct slow : sync::alarm {
    explicit slow(sync::atomic<std::uint32_t>* to) : fired(to) {}
    static void fire(sync::alarm* at) {
      auto& me = *static_cast<slow*>(at);
      for (int pause = 0; pause < 200; ++pause) sync::relax();
      me.fired->fetch_add(1);
    }
    sync::atomic<std::uint32_t>* fired;
  };
  sync::atomic<std::uint32_t> fired{0};
  std::uint32_t not_fired = 0;
  for (int i = 0; i < 500; ++i) {
    auto it = std::make_unique<slow>(&fired);
    it->set(sync::now() + 1'000, &slow::fire);
    for (int pause = i * 13 % 500; pause > 0; --pause) sync::relax();
    if (it->cancel()) ++not_fired;
    it.reset();
    ASSERT_EQ(fired.load() + not_fired, static_cast<std::uint32_t>(i + 1));
  }
}

TEST(alarm, fire_may_destroy_it) {
  struct own : sync::alarm {
    sync::atomic<std::uint32_t>* gone = nullptr;
    static void fire(sync::alarm* at) {
      auto* const me = static_cast<own*>(at);
      sync::atomic<std::uint32_t>* const gone = me->gone;
      delete me;
      gone->store(1);
      sync::wake_all(gone);
    }
  };
  sync::atomic<std::uint32_t> gone{0};
  auto* const it = new own;
  it->gone = &gone;
  it->set(sync::now(), &own::fire);
  while (gone.load() == 0) sync::wait_on(&gone, 0, sync::forever);
}

}  // namespace
