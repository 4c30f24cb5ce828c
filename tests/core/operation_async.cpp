// Deregistering without waiting, cancelling in two halves, and using an operation again, explored.
#include <optional>

#include <gtest/gtest.h>

#include "belay/operation.hpp"
#include "core/operation_slow.hpp"
#include "explore/explore.hpp"
#include "ordered.hpp"

namespace operation_tests {
namespace {

using belay::handshake;
using belay::operation;
using belay::operation_traits;
using belay::outcome;
using belay::reason_kind;
using belay::explore::require;
using core_tests::ordered;
namespace sync = belay::sync;

struct told : belay::notify_routine {
  told() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    auto& me = static_cast<told&>(self);
    ++me.ran;
    me.effect.write(1);
  }
  static void after(belay::routine& self, belay::reason why) noexcept {
    auto& me = static_cast<told&>(self);
    require(me.ran == 1 && ++me.afters == 1, "it is called once, after the routine");
    require(why.kind() == reason_kind::user, "it gets the reason");
    me.called.unpark();
  }
  int ran = 0, afters = 0;
  ordered effect;
  sync::parking called;
};

/// Whatever disarm_async() meets, the owner knows when it may free the routine.
TEST(operation_explored, disarm_async_against_cancel) {
  struct state {
    told routine;
    operation it{routine};
  };
  std::optional<state> s;
  int met[5] = {};
  belay::explore::program_under_test program;
  program.before([&] { s.emplace(); });
  program.actor("owner", [&] {
    const handshake result = s->it.disarm_async(s->routine, &told::after);
    ++met[static_cast<int>(result)];
    if (result == handshake::running) s->routine.called.park(sync::forever);
    if (result == handshake::won) {
      require(s->routine.ran == 0, "it was taken out");
    } else {
      require(s->routine.effect.read() == 1, "what the routine did is seen");
      require(result == handshake::running || s->routine.afters == 0, "it is called for running");
    }
    s->routine.effect.write(2);
    require(s->it.complete(outcome::failed), "the right is the owner's");
  });
  program.actor("canceller", [&] { s->it.cancel(reason_kind::user); });
  const auto result = belay::explore::exhaust(program);
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 36u);
  EXPECT_GT(met[static_cast<int>(handshake::won)], 0);
  EXPECT_GT(met[static_cast<int>(handshake::cancelled)], 0);
  EXPECT_GT(met[static_cast<int>(handshake::running)], 0);
}

/// Between the halves of a cancel a notify routine counts as running: the owner waits for it.
TEST(operation_explored, halves_of_a_cancel) {
  struct state {
    told routine;
    operation it{routine};
    ordered between;
  };
  std::optional<state> s;
  belay::explore::program_under_test program;
  program.before([&] { s.emplace(); });
  program.actor("owner", [&] {
    const handshake result = s->it.disarm(s->routine);
    if (result == handshake::won) return;
    require(result == handshake::cancelled && s->routine.effect.read() == 1, "it has run");
    s->between.read();
  });
  program.actor("canceller", [&] {
    const auto taken = s->it.request(reason_kind::user);
    s->between.write(1);
    s->it.run(taken);
  });
  const auto result = belay::explore::exhaust(program);
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 31u);
}

/// An owner that ends a use and begins the next, against a cancel: each use is cancelled or not,
/// and a routine that is running is never left behind.
template <class Traits>
belay::explore::exhausted reset_against_cancel() {
  struct state {
    told routine;
    belay::basic_operation<Traits> it{routine};
    bool cancelled = false;
  };
  std::optional<state> s;
  belay::explore::program_under_test program;
  program.before([&] { s.emplace(); });
  program.actor("owner", [&] {
    require(!s->it.try_reset(), "an armed operation is in flight");
    const handshake result = s->it.complete(s->routine, outcome::completed);
    if (result == handshake::cancelled) {
      require(s->it.complete(outcome::failed), "the right is the owner's");
      require(!s->it.try_reset(), "a request came");
      return;
    }
    require(result == handshake::won, "nobody else ends it");
    if (!s->it.try_reset()) return;
    if (s->it.arm(s->routine)) s->it.disarm(s->routine);
    require(s->it.complete(outcome::completed), "it is as new");
  });
  program.actor("canceller", [&] {
    s->cancelled = s->it.cancel(reason_kind::user) != belay::cancel_result::too_late;
  });
  program.after([&] {
    require(s->it.cancelled() == s->cancelled, "a request that counted is on record");
    require(s->it.outcome() != outcome::none, "it ended");
  });
  return belay::explore::exhaust(program);
}
TEST(operation_explored, reset_against_cancel) {
  const auto result = reset_against_cancel<operation_traits>();
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 487u);
}

struct reset_regardless : operation_traits {
  static constexpr bool reset_heeds_request = false;
};
TEST(operation_mutants, reset_regardless) {
  const auto result = reset_against_cancel<reset_regardless>();
  ASSERT_TRUE(result.found.has_value());
  EXPECT_NE(result.found->text.find("in flight"), std::string::npos) << result.found->text;
}

}  // namespace
}  // namespace operation_tests
