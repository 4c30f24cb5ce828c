// The biased operation explored: the operation's own programs, and some of its own. What is shown
// is the protocol; for the fences see biased_litmus_test.cpp.
#include <algorithm>
#include <iterator>

#include <gtest/gtest.h>

#include "biased_counts.hpp"
#include "biased_world.hpp"
#include "fresh.hpp"

namespace biased_tests {
namespace {

using belay::biased_operation;
using belay::cancel_result;
using belay::handshake;
using belay::outcome;
using belay::reason_kind;
using belay::explore::require;
using operation_tests::ordered;
namespace sync = belay::sync;
using subject = in_world<belay::biased_traits>;

void explore_all(routine_kind kind, int calls) {
  for (const shape& each : shapes_of(kind, calls)) {
    const auto* const expected =
        std::find_if(std::begin(counts), std::end(counts),
                     [&](const pinned& one) { return each.name() == one.name; });
    ASSERT_NE(expected, std::end(counts)) << each.name() << " is not in biased_counts.hpp";
    operation_tests::world<subject> program(each);
    const auto result = program.explore({.bound = expected->bound, .prune = true});
    EXPECT_TRUE(result.holds()) << each.name() << ": " << result.text();
    EXPECT_EQ(result.executions, expected->executions) << each.name();
  }
}

TEST(biased_explored, pairs_notify) { explore_all(routine_kind::notify, 2); }
TEST(biased_explored, pairs_claim) { explore_all(routine_kind::claim, 2); }
TEST(biased_explored, pairs_finishing) { explore_all(routine_kind::finishing, 2); }
TEST(biased_explored, triples_notify) { explore_all(routine_kind::notify, 3); }
TEST(biased_explored, triples_claim) { explore_all(routine_kind::claim, 3); }
TEST(biased_explored, triples_finishing) { explore_all(routine_kind::finishing, 3); }

TEST(biased_explored, routine_destroys_its_operation) {
  const std::uint64_t expected[2][2] = {{1, 113262}, {1, 211112}};
  for (const bool complete_first : {false, true}) {
    for (int cancels = 1; cancels <= 2; ++cancels) {
      operation_tests::destroying<subject> program(cancels, complete_first);
      const auto result = program.explore();
      EXPECT_TRUE(result.holds()) << result.text();
      EXPECT_EQ(result.executions, expected[complete_first ? 1 : 0][cancels - 1])
          << cancels << (complete_first ? " complete first" : "");
    }
  }
}

struct notified : belay::notify_routine {
  notified() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    auto& me = static_cast<notified&>(self);
    me.effect.write(1);
    ++me.runs;
  }
  ordered effect;
  int runs = 0;
};

/// One fence for two operations, while the owner of each goes on.
TEST(biased_explored, cancel_all) {
  struct state {
    notified routine[2];
    biased_operation it[2];
    bool finished[2] = {};
    std::size_t ran = 0;
  };
  explored_tests::fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  for (int i = 0; i < 2; ++i) {
    program.actor("owner", [&, i] {
      biased_operation& mine = s->it[i];
      if (mine.arm(s->routine[i])) {
        const handshake result = mine.complete(s->routine[i], outcome::completed);
        s->finished[i] = result == handshake::won;
        if (result == handshake::cancelled) s->routine[i].effect.write(2);
      }
    });
  }
  program.actor("canceller", [&] {
    biased_operation* const both[] = {&s->it[0], &s->it[1]};
    s->ran = biased_operation::cancel_all(both, reason_kind::shutdown);
  });
  program.after([&] {
    std::size_t ran = 0;
    for (int i = 0; i < 2; ++i) {
      ran += static_cast<std::size_t>(s->routine[i].runs);
      require(s->it[i].cancelled() != s->finished[i], "either it completed, or it was cancelled");
      require(s->routine[i].runs == 0 || !s->finished[i], "completed, and the routine ran");
    }
    require(ran == s->ran, "cancel_all() counts what it ran");
  });
  const auto result = belay::explore::exhaust(program, {.bound = 3, .prune = true});
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 12152u);
}

/// Somebody who only looks: an outcome that was seen stays, and is never one that lost.
TEST(biased_explored, outcome_is_seen_once_and_for_all) {
  struct state {
    notified routine;
    biased_operation it;
    outcome seen[2] = {};
    bool finished = false;
  };
  explored_tests::fresh<state> s;
  int seen_first = 0, seen_never = 0;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    if (s->it.arm(s->routine))
      s->finished = s->it.complete(s->routine, outcome::completed) == handshake::won;
  });
  program.actor("canceller", [&] { s->it.cancel(reason_kind::user); });
  program.actor("watcher", [&] {
    for (outcome& each : s->seen) each = s->it.outcome();
  });
  program.after([&] {
    const outcome last = s->it.outcome();
    require((last == outcome::completed) == s->finished, "the outcome is what the owner was told");
    require(s->it.cancelled() != s->finished, "a request came first, or too late");
    for (const outcome each : s->seen)
      require(each == outcome::none || each == last, "what was seen stays");
    require(s->seen[0] == outcome::none || s->seen[1] == s->seen[0], "in order");
    seen_first += s->seen[0] != outcome::none;
    seen_never += s->seen[1] == outcome::none;
  });
  const auto result = belay::explore::exhaust(program, {.prune = true});
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 128418u);
  EXPECT_GT(seen_first, 0);
  EXPECT_GT(seen_never, 0);
}

/// The owner uses it again while a request comes: the request counts for one of the two uses.
TEST(biased_explored, reset_against_cancel) {
  struct state {
    notified routine;
    biased_operation it;
    cancel_result result = cancel_result::already_cancelled;
    bool reset = false, second = false;
  };
  explored_tests::fresh<state> s;
  int too_late = 0, in_second = 0;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    if (!s->it.complete(outcome::completed)) return;
    s->reset = s->it.try_reset();
    if (!s->reset) return;
    if (s->it.arm(s->routine)) s->second = s->it.disarm(s->routine) == handshake::won;
  });
  program.actor("canceller", [&] { s->result = s->it.cancel(reason_kind::user); });
  program.after([&] {
    const bool cancelled = s->it.cancelled();
    require(cancelled == (s->result != cancel_result::too_late), "counted once");
    require(s->routine.runs == (s->result == cancel_result::claimed ? 1 : 0), "runs if taken out");
    require(!s->second || s->routine.runs == 0, "disarmed and run");
    if (s->reset) {
      require(s->it.outcome() == outcome::none, "open again");
    } else {
      require(s->it.outcome() == outcome::completed, "nothing was changed");
    }
    too_late += s->result == cancel_result::too_late;
    in_second += s->reset && cancelled;
  });
  const auto result = belay::explore::exhaust(program, {.prune = true});
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 540u);
  EXPECT_GT(too_late, 0);
  EXPECT_GT(in_second, 0);
}

}  // namespace
}  // namespace biased_tests
