// Destruction from inside, deadlines, and reuse of a routine, explored.
#include <gtest/gtest.h>

#include "operation_destroy.hpp"

namespace operation_tests {
namespace {

using belay::operation;

TEST(operation_explored, routine_destroys_its_operation) {
  const std::uint64_t expected[2][3] = {{1, 42, 4332}, {1, 92, 14430}};
  for (const bool complete_first : {false, true}) {
    for (int cancels = 1; cancels <= 3; ++cancels) {
      const auto result = destroying<operation>(cancels, complete_first).explore();
      EXPECT_TRUE(result.holds()) << result.text();
      EXPECT_EQ(result.executions, expected[complete_first ? 1 : 0][cancels - 1])
          << cancels << (complete_first ? " complete first" : "");
    }
  }
}

struct slow : belay::notify_routine {
  slow() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    auto& me = static_cast<slow&>(self);
    me.effect.write(1);
    me.go_on.park(sync::forever);
    me.effect.write(2);
  }
  ordered effect;
  sync::parking go_on;
};

/// The owner gives a running routine until a deadline, then lets it go on and waits for good.
TEST(operation_explored, disarm_until_a_deadline) {
  struct state {
    slow routine;
    operation it{routine};
    bool late = false;
  };
  std::optional<state> s;
  int late = 0;
  belay::explore::program_under_test program;
  program.before([&] { s.emplace(); });
  program.actor("owner", [&] {
    handshake result = s->it.disarm_until(s->routine, 1'000);
    if (result == handshake::running) {
      require(sync::now() >= 1'000, "not before the deadline");
      s->late = true;
      s->routine.go_on.unpark();
      result = s->it.disarm(s->routine);
      require(result == handshake::cancelled, "it is over now");
    }
    if (result == handshake::cancelled) require(s->routine.effect.read() == 2, "to its end");
    require(s->it.complete(outcome::failed), "the right is the owner's");
  });
  program.actor("canceller", [&] { s->it.cancel(reason_kind::timeout); });
  program.after([&] { late += s->late ? 1 : 0; });
  const auto result = belay::explore::exhaust(program);
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 99u);
  EXPECT_GT(late, 0);
}

/// A waiter with a deadline against the completion: it never misses one that came in time, and
/// never stays.
TEST(operation_explored, wait_until_a_deadline) {
  struct state {
    operation it;
    ordered result;
    int in_time = -1;
  };
  std::optional<state> s;
  int in_time = 0, late = 0;
  belay::explore::program_under_test program;
  program.before([&] { s.emplace(); });
  program.actor("owner", [&] {
    s->result.write(1);
    s->it.complete(outcome::completed);
  });
  program.actor("waiter", [&] {
    s->in_time = s->it.wait(1'000) ? 1 : 0;
    if (s->in_time == 1) {
      require(s->result.read() == 1, "it sees the result");
    } else {
      require(sync::now() >= 1'000, "not before the deadline");
    }
  });
  program.after([&] { ++(s->in_time == 1 ? in_time : late); });
  const auto result = belay::explore::exhaust(program);
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 27u);
  EXPECT_GT(in_time, 0);
}

/// One routine serves two operations in turn, cancelled by two actors: who is inside is known from
/// the operation, never from what the routine saw before.
TEST(operation_explored, routine_is_used_again) {
  struct state : belay::notify_routine {
    state() : notify_routine(&run) {}
    static void run(belay::routine& self, belay::reason) noexcept {
      auto& me = static_cast<state&>(self);
      me.effect.write(1);
      me.left.write(1);
    }
    operation first{*this};
    operation second;
    ordered effect, left;
    sync::parking over;
  };
  std::optional<state> s;
  belay::explore::program_under_test program;
  program.before([&] { s.emplace(); });
  program.actor("owner", [&] {
    require(s->first.cancel(reason_kind::user) == cancel_result::claimed, "armed");
    s->effect.write(0);
    const bool armed = s->second.arm(*s);
    s->over.unpark();
    const handshake result = armed ? s->second.disarm(*s) : handshake::won;
    require(result == handshake::won || result == handshake::cancelled, "it is not inside");
    s->effect.write(2);
  });
  program.actor("canceller", [&] {
    s->over.park(sync::forever);
    s->second.cancel(reason_kind::user);
  });
  const auto result = belay::explore::exhaust(program);
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 54u);
}

}  // namespace
}  // namespace operation_tests
