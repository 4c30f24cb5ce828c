// Callbacks of stop tokens against requests, in every interleaving: what the standard asks of
// registration, deregistration and request_stop().
#include <new>

#include <gtest/gtest.h>

#include "belay/tokens.hpp"
#include "explore/explore.hpp"
#include "fresh.hpp"
#include "ordered.hpp"

namespace {

using belay::stop_callback_for_t;
using belay::explore::require;
using core_tests::ordered;

/// A place for a callback, which may go anywhere.
template <class Callback>
class place {
 public:
  template <class... Arguments>
  void make(Arguments&&... arguments) {
    new (memory_) Callback(std::forward<Arguments>(arguments)...);
  }
  void destroy() { std::launder(reinterpret_cast<Callback*>(memory_))->~Callback(); }

 private:
  alignas(Callback) unsigned char memory_[sizeof(Callback)];
};

/// One actor has a callback for a scope, `requesters` others make requests.
template <class Source, class Token>
belay::explore::exhausted scope(int requesters) {
  struct state {
    struct effect {
      state* in;
      void operator()() const noexcept {
        require(in->input.read() == 1, "it sees what came before its registration");
        in->data.write(1);
        ++in->runs;
      }
    };
    Source stop;
    ordered input, data;
    place<stop_callback_for_t<Token, effect>> callback;
    bool gone = false;
    int runs = 0, won = 0, runs_at_end = 0;
  };
  explored_tests::fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  program.actor("registers", [&] {
    s->input.write(1);
    s->callback.make(s->stop.get_token(), typename state::effect{&*s});
    s->callback.destroy();
    s->runs_at_end = s->runs;
    s->data.write(2);  // a race with the callback, were it still running
    s->input.write(2);
  });
  for (int i = 0; i < requesters; ++i) {
    program.actor("requester", [&] {
      if (!s->stop.request_stop()) return;
      ++s->won;
    });
  }
  program.after([&] {
    require(s->won == 1, "one request wins");
    require(s->runs <= 1 && s->runs == s->runs_at_end, "once at most, and not after the end");
    require(s->stop.stop_requested(), "it is on record");
  });
  return belay::explore::exhaust(program, {.prune = requesters > 1});
}

TEST(stoppable_explored, scope_against_request) {
  for (const int requesters : {1, 2}) {
    const auto source = scope<belay::token_source, belay::source_token>(requesters);
    EXPECT_TRUE(source.holds()) << source.text();
    EXPECT_EQ(source.executions, requesters == 1 ? 160u : 582u);
    const auto operation = scope<belay::token_operation, belay::operation_token>(requesters);
    EXPECT_TRUE(operation.holds()) << operation.text();
    EXPECT_EQ(operation.executions, requesters == 1 ? 53u : 2108u);
  }
}

/// Whoever registers a callback and finds, at the end of its scope, that it did not run, was first:
/// a request that it then sees was made later.
TEST(stoppable_explored, registered_before_the_request_or_run_at_once) {
  struct state {
    struct effect {
      state* in;
      void operator()() const noexcept { ++in->runs; }
    };
    belay::token_source stop;
    place<stop_callback_for_t<belay::source_token, effect>> callback;
    int runs = 0;
  };
  explored_tests::fresh<state> s;
  int before = 0, inside = 0;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  program.actor("registers", [&] {
    const bool asked = s->stop.stop_requested();
    s->callback.make(s->stop.get_token(), state::effect{&*s});
    if (asked) require(s->runs == 1, "a request that was seen runs it in the constructor");
    s->callback.destroy();
    before += asked;
    inside += !asked && s->runs == 1;
  });
  program.actor("requester", [&] { require(s->stop.request_stop(), "the only one"); });
  const auto result = belay::explore::exhaust(program);
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 251u);
  EXPECT_GT(before, 0);
  EXPECT_GT(inside, 0);
}

/// One callback ends another, which may be registered, running elsewhere or over.
TEST(stoppable_explored, a_callback_ends_another) {
  struct state {
    struct effect {
      state* in;
      void operator()() const noexcept {
        in->data.write(1);
        ++in->runs;
      }
    };
    struct ending {
      state* in;
      void operator()() const noexcept {
        in->victim.destroy();
        in->data.write(2);
        ++in->endings;
      }
    };
    belay::token_source stop, other;
    ordered data;
    place<stop_callback_for_t<belay::source_token, effect>> victim;
    place<stop_callback_for_t<belay::source_token, ending>> ender;
    int runs = 0, endings = 0;
  };
  explored_tests::fresh<state> s;
  int ran = 0, did_not = 0;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->victim.make(s->stop.get_token(), state::effect{&*s});
    s->ender.make(s->other.get_token(), state::ending{&*s});
  });
  program.actor("stops", [&] { s->stop.request_stop(); });
  program.actor("stops the other", [&] {
    s->other.request_stop();
    s->ender.destroy();
  });
  program.after([&] {
    require(s->endings == 1, "the other ran");
    require(s->runs <= 1, "once at most");
    ran += s->runs;
    did_not += 1 - s->runs;
  });
  const auto result = belay::explore::exhaust(program);
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 2177u);
  EXPECT_GT(ran, 0);
  EXPECT_GT(did_not, 0);
}

}  // namespace
