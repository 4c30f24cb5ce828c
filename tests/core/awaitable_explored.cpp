// A coroutine that suspends while its operation ends: every interleaving, and mutants.
#include <cstring>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "belay/awaitable_operation.hpp"
#include "core/awaitable_slow.hpp"
#include "coroutine_task.hpp"
#include "explore/explore.hpp"
#include "fresh.hpp"
#include "ordered.hpp"

namespace {

using belay::awaitable_traits;
using belay::awaited;
using belay::cancel_result;
using belay::handshake;
using belay::outcome;
using belay::reason_kind;
using belay::explore::require;
using core_tests::ordered;
namespace order = belay::sync::order;
namespace sync = belay::sync;

/// The frame of an execution's one coroutine: nothing is left behind by one that is abandoned.
struct one_frame {
  static void* allocate(std::size_t bytes) {
    require(bytes <= sizeof memory, "the frame fits");
    return memory;
  }
  static void deallocate(void* frame) { std::memset(frame, 0xdd, sizeof memory); }
  alignas(16) static inline unsigned char memory[1024];
};
using task = core_tests::basic_task<one_frame>;

/// Who ends the operation: its owner alone, or its owner against a request that takes out a
/// routine of this kind; or, `finishing`, a notify routine that reports the outcome itself, so that
/// the coroutine goes on and destroys the operation inside it.
enum class ends { owner, claim, notify, finishing };

template <class Traits>
class waiting {
 public:
  using operation = belay::basic_awaitable_operation<Traits>;

  waiting(ends by, bool tries_first) : by_(by), tries_first_(tries_first) {
    program_.before([this] { reset(); });
    program_.actor("waiter", [this] { wait(*state_); });
    if (by_ != ends::finishing) program_.actor("owner", [this] { owner(); });
    if (by_ != ends::owner) program_.actor("canceller", [this] { canceller(); });
    program_.after([this] { check(); });
  }
  belay::explore::exhausted explore(const belay::explore::exhaust_options& options) {
    return belay::explore::exhaust(program_, options);
  }

 private:
  struct state;
  template <class Base>
  struct routine_of : Base {
    routine_of() : Base(&run) {}
    static void run(belay::routine& self, belay::reason) noexcept {
      state& s = *static_cast<routine_of&>(self).of;
      s.effect.write(1);
      const bool claims = std::is_same_v<Base, belay::claim_routine>;
      if (claims) s.owner_is_out.park(sync::forever);
      if (claims || s.routine_finishes) s.end(outcome::canceled);
    }
    state* of = nullptr;
  };
  struct state {
    operation& it() { return *std::launder(reinterpret_cast<operation*>(memory)); }
    void end(outcome how) {
      result.write(static_cast<int>(how));
      ending = sync::self();
      require(it().complete(how), "it ends once");
    }

    routine_of<belay::notify_routine> notify;
    routine_of<belay::claim_routine> claim;
    bool routine_finishes = false;
    alignas(operation) unsigned char memory[sizeof(operation)];
    sync::parking owner_is_out, canceller_is_past;
    ordered result, effect;
    ordered frame;  // the coroutine's own data, wherever it runs
    sync::actor_id waiter = sync::no_actor, ending = sync::no_actor;
    int resumed = 0;
    bool ended_first = false;
    std::optional<cancel_result> asked;
  };

  void reset() {
    state_.make();
    state& s = *state_;
    s.notify.of = s.claim.of = &s;
    s.routine_finishes = by_ == ends::finishing;
    if (by_ == ends::owner) {
      new (s.memory) operation();
    } else if (by_ == ends::claim) {
      new (s.memory) operation(s.claim);
    } else {
      new (s.memory) operation(s.notify);
    }
  }

  /// Waits, looks at everything, and destroys the operation as soon as nobody has its address.
  static task wait(state& s) {
    s.waiter = sync::self();
    s.frame.write(1);
    const awaited got = co_await s.it();
    s.frame.write(2);
    ++s.resumed;
    require(s.resumed == 1, "resumed once");
    require(got.outcome != outcome::none, "there is an outcome");
    require(s.result.read() == static_cast<int>(got.outcome), "what came before it is seen");
    s.effect.read();
    require(sync::self() == s.ending || sync::self() == s.waiter, "on the one or the other");
    s.ended_first = sync::self() == s.waiter;
    s.it().~operation();
    std::memset(s.memory, 0xdd, sizeof s.memory);
  }

  void owner() {
    state& s = *state_;
    if (by_ == ends::owner) return s.end(outcome::completed);
    s.result.write(static_cast<int>(outcome::completed));
    s.ending = sync::self();
    if (by_ == ends::claim) {
      // The operation stays until the canceller is past its swap, or through with its routine.
      own(s, s.claim);
    } else {
      own(s, s.notify);
    }
  }

  template <class Routine>
  void own(state& s, Routine& routine) {
    handshake result = handshake::running;
    if (tries_first_) result = s.it().try_disarm(routine);
    if (result == handshake::running) result = s.it().disarm(routine);
    if (result == handshake::won) {
      s.canceller_is_past.park(sync::forever);
      s.end(outcome::completed);
    } else if (by_ == ends::claim) {
      s.owner_is_out.unpark();
    } else if (by_ == ends::notify) {
      s.end(outcome::completed);
    }
  }

  void canceller() {
    state& s = *state_;
    s.asked = s.it().cancel(reason_kind::user);
    s.canceller_is_past.unpark();
  }

  void check() {
    state& s = *state_;
    require(s.resumed == 1, "resumed once");
    for (const unsigned char each : s.memory)
      require(each == 0xdd, "nobody touches the operation after the resumption");
  }

  ends by_;
  bool tries_first_;
  belay::explore::program_under_test program_;
  explored_tests::fresh<state> state_;
};

TEST(awaitable_explored, complete_against_suspend) {
  const auto result = waiting<awaitable_traits>(ends::owner, false).explore({});
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 20u);
}

TEST(awaitable_explored, complete_against_cancel_against_suspend) {
  const struct {
    ends by;
    bool tries_first;
    std::uint64_t executions;
  } rows[] = {
      {ends::claim, false, 2398},
      {ends::notify, false, 34970},
      {ends::notify, true, 42762},
      {ends::finishing, false, 337},
  };
  for (const auto& each : rows) {
    const auto result = waiting<awaitable_traits>(each.by, each.tries_first).explore({});
    EXPECT_TRUE(result.holds()) << result.text();
    EXPECT_EQ(result.executions, each.executions) << static_cast<int>(each.by);
  }
}

/// The owner was notified and reports the outcome while the routine is still running elsewhere: the
/// coroutine, which destroys the operation, goes on only when that is over.
template <class Traits>
belay::explore::exhausted complete_while_notified() {
  struct state : belay::notify_routine {
    state() : notify_routine(&run) {}
    static void run(belay::routine& self, belay::reason) noexcept {
      auto& me = static_cast<state&>(self);
      me.asked.unpark();
      me.effect.write(1);
    }
    using operation = belay::basic_awaitable_operation<Traits>;
    operation& it() { return *std::launder(reinterpret_cast<operation*>(memory)); }
    sync::parking asked;
    ordered effect;
    alignas(operation) unsigned char memory[sizeof(operation)];
    int resumed = 0;
  };
  explored_tests::fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    new (s->memory) typename state::operation(*s);
  });
  program.actor("owner", [&] {
    [](state& at) -> task {
      co_await at.it();
      require(at.effect.read() == 1, "what the routine did is seen");
      using operation = typename state::operation;
      at.it().~operation();
      std::memset(at.memory, 0xdd, sizeof at.memory);
      ++at.resumed;
    }(*s);
    s->asked.park(sync::forever);
    require(s->it().complete(outcome::canceled), "the right is the owner's");
  });
  program.actor("canceller", [&] { s->it().cancel(reason_kind::user); });
  program.after([&] {
    require(s->resumed == 1, "resumed once");
    for (const unsigned char each : s->memory)
      require(each == 0xdd, "nobody touches the operation after the resumption");
  });
  return belay::explore::exhaust(program);
}

TEST(awaitable_explored, complete_while_notified) {
  const auto result = complete_while_notified<awaitable_traits>();
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 265u);
}

struct checks_then_stores : awaitable_traits {
  static constexpr bool suspends_in_one_step = false;
};
struct does_not_wait_for_routine : awaitable_traits {
  static constexpr bool waits_for_routine = false;
};
struct relaxed_suspend : awaitable_traits {
  static constexpr order::kind suspend = order::relaxed;
};
struct relaxed_finish : awaitable_traits {
  static constexpr order::kind finish = order::relaxed;
};

template <class Traits>
std::string hunt() {
  [[maybe_unused]] static const bool ready = (belay::explore::install_crash_handlers(), true);
  for (const ends by : {ends::owner, ends::claim, ends::notify}) {
    const auto result = waiting<Traits>(by, false).explore({.most_executions = 200'000});
    if (result.found) return result.found->text;
  }
  const auto result = complete_while_notified<Traits>();
  return result.found ? "notified: " + result.found->text : "";
}

constexpr const char* race = "data race: two accesses, one a write, without an order";

TEST(awaitable_mutants, checks_then_stores) {
  EXPECT_EQ(hunt<checks_then_stores>(), "resumed once");
}
TEST(awaitable_mutants, does_not_wait_for_routine) {
  EXPECT_EQ(hunt<does_not_wait_for_routine>(), std::string("notified: ") + race);
}
TEST(awaitable_mutants, relaxed_suspend) { EXPECT_EQ(hunt<relaxed_suspend>(), race); }
TEST(awaitable_mutants, relaxed_finish) { EXPECT_EQ(hunt<relaxed_finish>(), race); }

}  // namespace
