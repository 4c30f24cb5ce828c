// A grace period in virtual time: an owner that heeds the request at once, before the deadline, at
// it, after it, only when it is made to, or that was through before.
#include <gtest/gtest.h>

#include "belay/biased_operation.hpp"
#include "belay/grace.hpp"
#include "belay/operation.hpp"
#include "explore/explore.hpp"
#include "fresh.hpp"
#include "ordered.hpp"

namespace {

using belay::grace;
using belay::operation;
using belay::outcome;
using belay::reason_kind;
using belay::explore::require;
namespace sync = belay::sync;

constexpr sync::nanoseconds deadline = 1'000;

struct shape {
  const char* name;
  sync::nanoseconds cleans_up_until;  // 0: is through before; forever: until it is made to
  bool notified;                      // else it finds out when it asks
  std::uint64_t executions;
};

struct totals {
  int before = 0, in_time = 0, escalated = 0;
};

template <class Operation>
struct state : belay::notify_routine {
  state() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    static_cast<state&>(self).asked.unpark();
  }
  Operation it;
  sync::parking asked, made_to;
  core_tests::ordered result;
  int escalations = 0;
  bool late = false;
};

template <class Operation>
void owner(state<Operation>& s, const shape& what) {
  if (what.notified && s.it.arm(s)) {
    s.asked.park(sync::forever);
    s.it.disarm(s);
  }
  if (what.cleans_up_until > 0) s.made_to.park(what.cleans_up_until);
  s.late = sync::now() > deadline;
  s.result.write(1);
  require(s.it.complete(s.it.cancelled() ? outcome::canceled : outcome::completed), "it ends once");
}

template <class Operation>
totals explore(const shape& what, std::uint64_t& executions) {
  totals seen;
  explored_tests::fresh<state<Operation>> s;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] { owner(*s, what); });
  program.actor("canceller", [&] {
    const grace how = belay::cancel_within(s->it, reason_kind::shutdown, deadline, [&] {
      ++s->escalations;
      require(sync::now() >= deadline, "not before the deadline");
      s->made_to.unpark();
    });
    require(s->escalations == (how == grace::escalated ? 1 : 0), "escalated once, or never");
    if (how != grace::escalated) {
      require(s->it.outcome() != outcome::none, "it has ended");
      require(s->result.read() == 1, "what came before the outcome is seen");
      require(!s->late, "in time");
    }
    seen.before += how == grace::ended_before;
    seen.in_time += how == grace::ended_in_time;
    seen.escalated += how == grace::escalated;
  });
  const auto result = belay::explore::exhaust(program, {.prune = true});
  EXPECT_TRUE(result.holds()) << what.name << ": " << result.text();
  executions = result.executions;
  return seen;
}

TEST(grace_explored, every_way_to_end) {
  const shape shapes[] = {
      {"at once", 0, false, 85},
      {"at once, notified", 0, true, 776},
      {"in time", 500, true, 96},
      {"at the deadline", deadline, true, 1210},
      {"late", 1'500, true, 96},
      {"when it is made to", sync::forever, true, 96},
      {"late, asks now and then", 1'500, false, 7},
  };
  for (const shape& each : shapes) {
    std::uint64_t executions = 0;
    const totals seen = explore<operation>(each, executions);
    EXPECT_EQ(executions, each.executions) << each.name;
    EXPECT_EQ(seen.before > 0, !each.notified && each.cleans_up_until == 0) << each.name;
    EXPECT_EQ(seen.in_time > 0, each.cleans_up_until <= deadline) << each.name;
    EXPECT_EQ(seen.escalated > 0, each.cleans_up_until >= deadline) << each.name;
  }
}

TEST(grace_explored, biased_operations_too) {
  std::uint64_t executions = 0;
  const totals seen = explore<belay::biased_operation>({"late", 1'500, false, 0}, executions);
  EXPECT_EQ(executions, 14u);
  EXPECT_GT(seen.escalated, 0);
}

}  // namespace
