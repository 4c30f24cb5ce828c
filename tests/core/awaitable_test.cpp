// A coroutine that waits for an operation: who resumes it, with what, and how often.
#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "belay/awaitable_operation.hpp"
#include "belay/operation_table.hpp"
#include "coroutine_task.hpp"

namespace {

using belay::awaitable_operation;
using belay::awaited;
using belay::cancel_result;
using belay::handshake;
using belay::outcome;
using belay::reason;
using belay::reason_kind;
using core_tests::task;

static_assert(sizeof(awaitable_operation) == 24);
static_assert(!std::is_convertible_v<awaitable_operation&, belay::operation&>,
              "an outcome that is reported to the base would resume nobody");

struct seen {
  int resumed = 0;
  std::thread::id on;
  awaited what{};
};

task wait_for(awaitable_operation& it, seen& into) {
  const awaited what = co_await it;
  into.what = what;
  into.on = std::this_thread::get_id();
  ++into.resumed;
}

struct noting : belay::notify_routine {
  noting() : notify_routine(&run) {}
  static void run(belay::routine& self, reason) noexcept { ++static_cast<noting&>(self).runs; }
  int runs = 0;
};
struct finishing : belay::claim_routine {
  finishing() : claim_routine(&run) {}
  static void run(belay::routine& self, reason) noexcept {
    static_cast<finishing&>(self).of->complete(outcome::canceled);
  }
  awaitable_operation* of = nullptr;
};

TEST(awaitable, ended_before) {
  awaitable_operation it;
  ASSERT_TRUE(it.complete(outcome::failed));
  seen got;
  wait_for(it, got);
  EXPECT_EQ(got.resumed, 1);
  EXPECT_EQ(got.what, (awaited{outcome::failed, {}}));
  wait_for(it, got);
  EXPECT_EQ(got.resumed, 2) << "what has ended may be asked again";
}

TEST(awaitable, completed_by_the_owner) {
  noting routine;
  awaitable_operation it(routine);
  seen got;
  wait_for(it, got);
  EXPECT_EQ(got.resumed, 0);
  EXPECT_EQ(it.complete(routine, outcome::completed), handshake::won);
  EXPECT_EQ(got.resumed, 1);
  EXPECT_EQ(got.what, (awaited{outcome::completed, {}}));
  EXPECT_FALSE(it.complete(outcome::failed));
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::too_late);
  EXPECT_EQ(got.resumed, 1);
}

TEST(awaitable, finished_by_its_claim_routine) {
  finishing routine;
  awaitable_operation it(routine);
  routine.of = &it;
  seen got;
  wait_for(it, got);
  EXPECT_EQ(it.cancel({reason_kind::timeout, 9}), cancel_result::claimed);
  EXPECT_EQ(got.resumed, 1);
  EXPECT_EQ(got.what, (awaited{outcome::canceled, {reason_kind::timeout, 9}}));
  EXPECT_EQ(it.complete(routine, outcome::completed), handshake::cancelled);
  EXPECT_EQ(got.resumed, 1);
}

TEST(awaitable, notified_and_finished_by_the_owner) {
  noting routine;
  awaitable_operation it(routine);
  seen got;
  wait_for(it, got);
  EXPECT_EQ(it.cancel(reason_kind::shutdown), cancel_result::claimed);
  EXPECT_EQ(got.resumed, 0) << "asking is not ending";
  EXPECT_EQ(it.complete(routine, outcome::completed), handshake::cancelled);
  EXPECT_EQ(got.resumed, 0) << "a lost complete() reports nothing";
  EXPECT_TRUE(it.complete(outcome::completed));
  EXPECT_EQ(got.resumed, 1);
  EXPECT_EQ(got.what, (awaited{outcome::completed, reason_kind::shutdown}));
}

TEST(awaitable, finished_inside_its_notify_routine_and_destroyed_there) {
  struct all : belay::notify_routine {
    all() : notify_routine(&run), it(*this) {}
    static void run(belay::routine& self, reason) noexcept {
      static_cast<all&>(self).it.complete(outcome::canceled);
    }
    awaitable_operation it;
  };
  auto owned = std::make_unique<all>();
  awaitable_operation& it = owned->it;
  int resumed = 0;
  [](std::unique_ptr<all> mine, int& times) -> task {
    EXPECT_EQ((co_await mine->it).outcome, outcome::canceled);
    ++times;  // and the operation, and its routine, go with the frame
  }(std::move(owned), resumed);
  EXPECT_EQ(it.cancel(reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(resumed, 1);
}

TEST(awaitable, the_coroutine_may_destroy_it) {
  auto owned = std::make_unique<awaitable_operation>();
  awaitable_operation& it = *owned;
  int resumed = 0;
  [](std::unique_ptr<awaitable_operation> mine, int& times) -> task {
    co_await *mine;
    mine.reset();
    ++times;
  }(std::move(owned), resumed);
  EXPECT_TRUE(it.complete(outcome::completed));
  EXPECT_EQ(resumed, 1);
}

TEST(awaitable, a_suspended_coroutine_may_be_destroyed) {
  awaitable_operation it;
  seen first, second;
  task waiting = wait_for(it, first);
  waiting.destroy();
  task again = wait_for(it, second);
  EXPECT_TRUE(it.complete(outcome::completed));
  EXPECT_EQ(first.resumed, 0);
  EXPECT_EQ(second.resumed, 1);
  (void)again;
}

TEST(awaitable, is_used_again) {
  awaitable_operation it;
  seen got;
  for (int round = 1; round <= 3; ++round) {
    wait_for(it, got);
    EXPECT_EQ(got.resumed, round - 1);
    EXPECT_FALSE(it.try_reset()) << "a coroutine waits";
    ASSERT_TRUE(it.complete(outcome::completed));
    EXPECT_EQ(got.resumed, round);
    ASSERT_TRUE(it.try_reset());
    EXPECT_EQ(it.outcome(), outcome::none);
  }
}

TEST(awaitable, is_cancelled_by_id) {
  belay::operation_slot slots[1];
  belay::operation_table table(slots);
  finishing routine;
  awaitable_operation it(routine);
  routine.of = &it;
  const auto id = table.insert(it.inner());
  seen got;
  wait_for(it, got);
  EXPECT_EQ(table.cancel(id, reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(got.resumed, 1);
  EXPECT_TRUE(table.release(id));
}

/// One thread suspends while another completes, many times: each is resumed once, on one of the
/// two.
TEST(awaitable, resumed_once_on_real_threads) {
  constexpr int rounds = 20'000;
  std::atomic<int> resumed{0};
  std::atomic<int> turn{0};
  std::optional<awaitable_operation> it;
  int result = 0;
  std::thread completer([&] {
    for (int round = 1; round <= rounds; ++round) {
      while (turn.load(std::memory_order_acquire) != round) std::this_thread::yield();
      result = round;
      it->complete(outcome::completed);
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    it.emplace();
    turn.store(round, std::memory_order_release);
    [](awaitable_operation& mine, const int& seen, int expected, std::atomic<int>& times) -> task {
      co_await mine;
      if (seen != expected) std::abort();
      times.fetch_add(1, std::memory_order_release);
    }(*it, result, round, resumed);
    while (resumed.load(std::memory_order_acquire) != round) std::this_thread::yield();
  }
  completer.join();
  EXPECT_EQ(resumed.load(), rounds);
}

void await_twice() {
  awaitable_operation it;
  seen one, two;
  wait_for(it, one);
  wait_for(it, two);
}

TEST(awaitable_misuse, ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(await_twice(), "");
}

}  // namespace
