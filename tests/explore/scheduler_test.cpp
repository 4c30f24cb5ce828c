// The explored build of sync: clock, gates, optional actors, deadlock, processors, races.
#include <gtest/gtest.h>

#include "explore/deadlock.hpp"
#include "explore/explore.hpp"
#include "sync/sync.hpp"

namespace {

using namespace belay::explore;
namespace sync = belay::sync;

TEST(Scheduler, CountsTheInterleavingsOfTwoActors) {
  // Two actors of n steps each, and a start each: (2n+2)! / ((n+1)!)^2.
  sync::atomic<std::uint64_t> a{0}, b{0};
  program_under_test p;
  p.before([&] { a.store(0), b.store(0); });
  p.actor("a", [&] { a.store(1), a.store(2); });
  p.actor("b", [&] { b.store(1), b.store(2); });
  const exhausted all = exhaust(p);
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_EQ(all.executions, 20u);
  // Independent steps: prefixes that differ in their order alone are explored once.
  EXPECT_LT(exhaust(p, {.prune = true}).executions, 20u);
}

TEST(Scheduler, FindsALostUpdate) {
  sync::atomic<int> n{0};
  program_under_test p;
  p.before([&] { n.store(0); });
  for (int i = 0; i < 2; ++i) p.actor("adder", [&] { n.store(n.load() + 1); });
  p.after([&] { require(n.load() == 2, "both additions count"); });
  const exhausted all = exhaust(p);
  ASSERT_TRUE(all.found.has_value());
  EXPECT_EQ(all.found->text, "both additions count");
}

TEST(Scheduler, FindsADeadlockAndNamesItsCycle) {
  std::optional<sync::spin_lock> one, two;
  program_under_test p;
  p.check_races(false);
  p.before([&] { one.emplace(), two.emplace(); });
  p.actor("up", [&] { one->lock(), two->lock(), two->unlock(), one->unlock(); });
  p.actor("down", [&] { two->lock(), one->lock(), one->unlock(), two->unlock(); });
  bounded_search strategy;
  strategy.start(1, {.histories = false, .moves = false});
  std::optional<finding> found;
  do {
    strategy.begin();
    found = run_to_finding(p, strategy).found;
  } while (!found && strategy.advance());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->clause, "WDM-LOCK-003");
  EXPECT_NE(found->text.find("up waits for a spin lock held by down"), std::string::npos)
      << found->text;
}

// Who is always ready keeps nobody waiting for ever, whatever the strategy.
TEST(Scheduler, ALoopThatWaitsForAnotherEnds) {
  sync::atomic<bool> stop{false};
  program_under_test p;
  p.before([&] { stop.store(false); });
  p.actor("waits", [&] { while (!stop.load()) continue; });
  p.actor("stops", [&] { stop.store(true); });
  bounded_search bounded;
  bounded.start(1, {.histories = false, .moves = false});
  std::uint64_t executions = 0;
  do {
    bounded.begin();
    const execution it = run_to_finding(p, bounded);
    ASSERT_FALSE(it.found.has_value()) << it.found->text;
    ++executions;
  } while (bounded.advance());
  EXPECT_GT(executions, 1'000u);
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    priority_walk priorities;
    priorities.start(seed, 2, 64);
    EXPECT_FALSE(run_to_finding(p, priorities).found.has_value()) << seed;
  }
}

TEST(Scheduler, TheClockMovesOnlyWhenNobodyMustRun) {
  sync::nanoseconds woke = 0;
  bool worked = false;
  std::optional<sync::parking> bed;
  program_under_test p;
  p.before([&] { bed.emplace(), woke = 0, worked = false; });
  p.actor("sleeper", [&] {
    require(!bed->park(1'000), "nobody wakes it");
    woke = sync::now();
    require(worked, "others ran first");
  });
  p.actor("worker", [&] {
    for (int i = 0; i < 5; ++i) sync::point(sync::access_kind::write, &worked, 1);
    worked = true;
  });
  const exhausted all = exhaust(p);
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_EQ(woke, 1'000);
}

TEST(Scheduler, AnAlarmFiresOnceOrIsCancelled) {
  struct state {
    sync::alarm alarm;
    int fired = 0;
    bool cancelled = false;
  };
  static std::optional<state> s;
  program_under_test p;
  p.check_races(false);
  p.before([] { s.emplace(); });
  p.actor("setter", [] {
    s->alarm.set(500, [](sync::alarm*) { ++s->fired; });
    sync::parking bed;
    bed.park(400);
    sync::linger();
    s->cancelled = s->alarm.cancel();
  });
  p.after([] {
    require(s->fired + (s->cancelled ? 1 : 0) == 1, "fired or cancelled, never both or neither");
  });
  const exhausted all = exhaust(p);
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_EQ(all.executions, 2u);
}

TEST(Scheduler, AnOptionalActorMayActOrNot) {
  static int acted;
  struct optional_program final : program {
    void start() override {
      acted = 0;
      sync::spawn(
          {.name = "main", .key = reinterpret_cast<const void*>(1)},
          [](void*) { sync::point(sync::access_kind::write, &acted, 4); }, nullptr);
      sync::spawn(
          {.name = "maybe", .key = reinterpret_cast<const void*>(2), .optional = true},
          [](void*) { ++acted; }, nullptr);
    }
    void finish() override { (acted != 0 ? with : without)++; }
    int with = 0, without = 0;
  } p;
  EXPECT_TRUE(exhaust(p).complete);
  EXPECT_GT(p.with, 0);
  EXPECT_GT(p.without, 0);
}

TEST(Scheduler, OnOneProcessorASpinAboveTheHolderIsADeadlock) {
  static std::uint64_t lock;
  struct nested final : program {
    void start() override {
      lock = 0;
      sync::spawn(
          {.name = "thread", .key = reinterpret_cast<const void*>(1)},
          [](void*) {
            sync::acquire_word(&lock);  // without raising
            sync::release_word(&lock);
          },
          nullptr);
      sync::spawn(
          {.name = "dpc", .key = reinterpret_cast<const void*>(2)},
          [](void*) {
            sync::level() = 2;
            sync::acquire_word(&lock);
            sync::release_word(&lock);
          },
          nullptr);
    }
  } p;
  const auto deadlocks = [&] {
    bounded_search strategy;
    strategy.start(2, {.histories = false, .moves = false});
    int count = 0;
    do {
      strategy.begin();
      count += execute(p, strategy).how == sync::ending::deadlock ? 1 : 0;
    } while (strategy.advance());
    return count;
  };
  EXPECT_EQ(deadlocks(), 0);
  sync::world().set_cpus(1);
  EXPECT_GT(deadlocks(), 0);
  sync::world().set_cpus(0);
}

TEST(Scheduler, ARelaxedOrderIsADataRace) {
  for (const bool relaxed : {false, true}) {
    struct box {
      sync::checked<int> data{0};
      sync::atomic<int> ready{0};
    };
    std::optional<box> b;
    program_under_test p;
    p.before([&] { b.emplace(); });
    p.actor("writer", [&] {
      b->data.set(42);
      b->ready.store(1, relaxed ? std::memory_order_relaxed : std::memory_order_release);
    });
    p.actor("reader", [&] {
      if (b->ready.load(std::memory_order_acquire) == 1) require(b->data.get() == 42, "sees it");
    });
    const exhausted all = exhaust(p);
    EXPECT_EQ(all.found.has_value(), relaxed);
    if (all.found) {
      EXPECT_EQ(all.found->clause, "WDM-IRP-023");
    }
  }
}

}  // namespace
