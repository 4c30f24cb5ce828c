// Scopes against expiry, cancellation from above and reuse, in every interleaving.
#include <cstring>

#include <gtest/gtest.h>

#include "belay/child_operation.hpp"
#include "belay/scope.hpp"
#include "core/deadline_slow.hpp"
#include "core/source_slow.hpp"
#include "explore/explore.hpp"
#include "fresh.hpp"
#include "ordered.hpp"

namespace deadline_tests {
namespace {

using belay::handshake;
using belay::outcome;
using belay::reason_kind;
using belay::root_scope;
using belay::scope;
using belay::scope_traits;
using belay::shielded_scope;
using belay::timer_wheel;
using belay::explore::exhaust;
using belay::explore::exhaust_options;
using belay::explore::exhausted;
using belay::explore::program_under_test;
using belay::explore::require;
using core_tests::ordered;
using explored_tests::fresh;
namespace sync = belay::sync;

constexpr sync::nanoseconds tick = timer_wheel::tick;

void expect(const exhausted& result, std::uint64_t executions) {
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, executions);
}

struct told : belay::notify_routine {
  told() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason why) noexcept {
    auto& me = static_cast<told&>(self);
    me.why = why;
    me.effect.write(1);
    ++me.runs;
  }
  belay::reason why;
  int runs = 0;
  ordered effect;
};

/// A scope that comes and goes, with an operation below it, while the deadline of the one above it
/// passes. `own`: its own deadline does, too.
exhausted comes_and_goes(bool own, const exhaust_options& options = {}) {
  struct state {
    timer_wheel wheel{0};
    alignas(root_scope) unsigned char memory[sizeof(root_scope)];
    root_scope* root = nullptr;
    sync::parking made;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    s->root = new (s->memory) root_scope(s->wheel, 2 * tick);
    {
      scope query(*s->root, own ? tick : 3 * tick);
      require(query.has_timer() == own, "a later deadline has no timer");
      told routine;
      belay::child_operation read(query, routine);
      s->made.unpark();
      const handshake result = read.complete(routine, outcome::completed);
      if (result == handshake::won) {
        require(routine.runs == 0, "who won was not told");
      } else {
        require(result == handshake::cancelled, "it was told, and that is over");
        require(routine.effect.read() == 1 && routine.runs == 1, "once");
        require(routine.why.kind() == reason_kind::parent, "it came from above");
        require(routine.why.origin() == belay::reason(reason_kind::timeout), "it was a deadline");
        require(query.cancelled(), "and so was the scope");
        require(read.complete(outcome::canceled), "the right is the owner's");
      }
    }
    s->root->~root_scope();
    std::memset(s->memory, 0xdd, sizeof s->memory);
  });
  program.actor("expiry", [&] {
    s->made.park(sync::forever);
    s->wheel.expire(2 * tick);
  });
  program.after([&] {
    for (const unsigned char byte : s->memory)
      require(byte == 0xdd, "nobody touches what was freed");
  });
  return exhaust(program, options);
}

TEST(deadline_scope_explored, comes_and_goes) {
  expect(comes_and_goes(false, {.prune = true}), 49'701);
  expect(comes_and_goes(true, {.prune = true}), 225'126);
}

/// A pooled scope (yarp#876): the expiry of one use never cancels the next.
template <class Traits>
exhausted is_used_again(int& again, const exhaust_options& options = {}) {
  struct state {
    belay::basic_timer_wheel<typename Traits::deadline> wheel{0};
    sync::parking through;
    bool again = false;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    belay::basic_root_scope<Traits> pooled(s->wheel, tick);
    if (!pooled.try_reset(sync::forever)) return;
    s->again = true;
    s->through.park(sync::forever);
    require(!pooled.cancelled(), "the next use is not cancelled for the one before");
  });
  program.actor("expiry", [&] {
    s->wheel.expire(tick);
    s->through.unpark();
  });
  program.after([&] { again += s->again ? 1 : 0; });
  return exhaust(program, options);
}

struct reset_past_the_expiry : scope_traits {
  static constexpr bool reset_heeds_expiry = false;
};

TEST(deadline_scope_explored, is_used_again) {
  int again = 0;
  expect(is_used_again<scope_traits>(again), 764);
  EXPECT_GT(again, 0);
}

TEST(deadline_scope_mutants, reset_past_the_expiry) {
  int again = 0;
  const auto result = is_used_again<reset_past_the_expiry>(again);
  ASSERT_TRUE(result.found);
  EXPECT_NE(result.found->text.find("next use"), std::string::npos) << result.found->text;
}

/// A shielded scope's own deadline counts, its parent's waits for the end of the region.
TEST(deadline_scope_explored, shielded) {
  struct state {
    timer_wheel wheel{0};
    sync::parking made, through;
    int delivered = 0, own = 0;
  };
  fresh<state> s;
  int delivered = 0, own = 0;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    root_scope root(s->wheel, tick);
    s->made.unpark();
    shielded_scope cleanup(root, 3 * tick);
    if (cleanup.pending()) require(root.cancelled(), "it waits only for what came");
    if (cleanup.unshield()) {
      ++s->delivered;
      require(cleanup.cancelled(), "what came is delivered");
    }
    if (cleanup.cancelled() && cleanup.reason().kind() == reason_kind::timeout) ++s->own;
    s->through.park(sync::forever);
    require(root.cancelled() && cleanup.cancelled(), "it is in reach again");
  });
  program.actor("expiry", [&] {
    s->made.park(sync::forever);
    s->wheel.expire(tick);
    s->wheel.expire(3 * tick);
    s->through.unpark();
  });
  program.after([&] { delivered += s->delivered, own += s->own; });
  const auto result = exhaust(program, {.prune = true});
  expect(result, 5'607);
  EXPECT_GT(delivered, 0);
  EXPECT_GT(own, 0);
}

}  // namespace
}  // namespace deadline_tests
