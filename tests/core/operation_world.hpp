// Programs over one operation: an owner, cancellers and waiters, and what must hold whichever way
// they interleave. Templates, so that the same programs run on deliberately wrong operations.
//
// A program is a kind of routine, whether it is armed from the start, what the owner calls in turn,
// and how many others call cancel and wait. Whoever holds the right to finish when the owner is
// through uses it, so that every operation ends. The owner frees the operation as soon as the
// contract allows: every canceller is past its swap, every waiter is back, and no notify routine is
// running.
#pragma once

#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "belay/operation.hpp"
#include "core/operation_slow.hpp"
#include "explore/explore.hpp"
#include "ordered.hpp"

namespace operation_tests {

using belay::cancel_result;
using belay::handshake;
using belay::outcome;
using belay::reason_kind;
using belay::explore::require;
namespace sync = belay::sync;
using core_tests::ordered;

enum class routine_kind { notify, claim, finishing };  // finishing: a notify routine that completes
enum class call : char {
  arm = 'a',
  disarm = 'd',
  try_disarm = 't',
  replace = 'r',
  complete = 'c',
};

struct shape {
  routine_kind kind = routine_kind::notify;
  bool armed = false;
  std::string owner;  // of call
  int cancels = 0;
  int waits = 0;

  std::string name() const {
    const char* const kinds[] = {"notify", "claim", "finishing"};
    return std::string(kinds[static_cast<int>(kind)]) + (armed ? " armed " : " idle ") +
           (owner.empty() ? "-" : owner) + std::string(static_cast<std::size_t>(cancels), 'K') +
           std::string(static_cast<std::size_t>(waits), 'W');
  }
};

template <class Operation>
class world {
 public:
  explicit world(const shape& what) : shape_(what) {
    program_.before([this] { reset(); });
    program_.actor("owner", [this] { owner(); });
    for (int i = 0; i < shape_.cancels; ++i)
      program_.actor("canceller", [this, i] { canceller(i); });
    for (int i = 0; i < shape_.waits; ++i) program_.actor("waiter", [this, i] { waiter(i); });
    program_.after([this] { check(); });
  }

  belay::explore::exhausted explore(const belay::explore::exhaust_options& options = {}) {
    return belay::explore::exhaust(program_, options);
  }

 private:
  static constexpr int most = 3;

  struct state;
  template <class Base>
  struct routine_of : Base {
    routine_of(state* to, int mine) : Base(&run), in(to), index(mine) {}
    static void run(belay::routine& self, belay::reason why) noexcept {
      auto& me = static_cast<routine_of&>(self);
      me.in->on_cancel(me.index, why);
    }
    state* in;
    int index;
  };

  struct state {
    explicit state(world* in) : of(in) {}
    void on_cancel(int index, belay::reason why) { of->on_cancel(index, why); }

    world* of;
    routine_of<belay::notify_routine> notify[2] = {{this, 0}, {this, 1}};
    routine_of<belay::claim_routine> claim[2] = {{this, 0}, {this, 1}};
    ordered input[2], effect[2];  // of each routine: the owner's to write, the routine's to write
    ordered said[most];           // by each canceller before it cancels
    ordered result[2];            // written before completing: by the owner, by the routine
    int ran[2] = {};
    int entered = 0, left = 0;
    std::optional<cancel_result> cancelled[most];
    int completions = 0;
    outcome how = outcome::none;
    sync::parking gone[2 * most];  // cancellers past their swap, waiters that are back
    bool freed = false;
    int current = 0;  // the routine that is armed or next to arm
    alignas(Operation) unsigned char memory[sizeof(Operation)];
    Operation& operation() { return *std::launder(reinterpret_cast<Operation*>(memory)); }
  };

  void reset() {
    state_.emplace(this);
    state& s = *state_;
    if (!shape_.armed) {
      new (s.memory) Operation();
      return;
    }
    s.input[0].write(1);
    if (shape_.kind == routine_kind::claim) {
      new (s.memory) Operation(s.claim[0]);
    } else {
      new (s.memory) Operation(s.notify[0]);
    }
  }

  /// Asks without offering the explorer a point at which others could run.
  template <class F>
  static auto quietly(F ask) {
    const sync::sealed seal;
    return ask();
  }

  // ---- what the actors do

  void on_cancel(int index, belay::reason why) {
    state& s = *state_;
    ++s.entered;
    ++s.ran[index];
    require(why.kind() == reason_kind::user, "the routine gets the reason");
    s.said[why.code()].read();
    require(s.input[index].read() == 1, "the routine sees what was written before it was armed");
    s.effect[index].write(1);
    s.gone[why.code()].unpark();  // the swap is behind it
    if (shape_.kind == routine_kind::claim) {
      finish(outcome::canceled);
      require(s.completions == 1, "a claim routine has the right to finish");
    } else if (shape_.kind == routine_kind::finishing) {
      finish(outcome::canceled);
    }
    ++s.left;
  }

  /// The routine ends it as canceled, the owner as completed or failed.
  void finish(outcome how) {
    state& s = *state_;
    prepare(how);
    if (s.operation().complete(how)) completed(how);
  }
  void prepare(outcome how) { result_of(how).write(static_cast<int>(how)); }
  ordered& result_of(outcome how) { return state_->result[how == outcome::canceled ? 1 : 0]; }
  void completed(outcome how) {
    ++state_->completions;
    state_->how = how;
  }

  void canceller(int i) {
    state& s = *state_;
    s.said[i].write(1);
    s.cancelled[i] = s.operation().cancel({reason_kind::user, static_cast<std::uint32_t>(i)});
    s.gone[i].unpark();
  }

  void waiter(int i) {
    state& s = *state_;
    require(s.operation().wait(), "a wait without a deadline ends with an outcome");
    const outcome how = quietly([&] { return s.operation().outcome(); });
    require(how != outcome::none, "a waiter returns after the outcome");
    require(result_of(how).read() == static_cast<int>(how), "a waiter sees the result");
    for (ordered& each : s.effect) each.read();
    require(shape_.kind == routine_kind::claim || s.entered == s.left,
            "a waiter returns after the notify routine");
    s.gone[most + i].unpark();
  }

  /// The owner's view: what it may do next.
  enum class right { held, armed, lost_running, lost_to_claim, used };

  void owner() {
    state& s = *state_;
    right mine = shape_.armed ? right::armed : right::held;
    for (const char each : shape_.owner) mine = step(static_cast<call>(each), mine);
    if (mine == right::lost_running)
      mine = lost(with([&](auto* r) { return s.operation().disarm(r[s.current]); }));
    if (mine == right::armed || mine == right::held) mine = step(call::complete, mine);
    if (mine == right::lost_to_claim) return;
    for (int i = 0; i < shape_.cancels; ++i) s.gone[i].park(sync::forever);
    for (int i = 0; i < shape_.waits; ++i) s.gone[most + i].park(sync::forever);
    quietly([&] { examine(); });
    s.operation().~Operation();
    std::memset(s.memory, 0xdd, sizeof s.memory);
    s.freed = true;
  }

  template <class F>
  handshake with(F call) {
    return shape_.kind == routine_kind::claim ? call(state_->claim) : call(state_->notify);
  }

  right step(call what, right mine) {
    state& s = *state_;
    Operation& operation = s.operation();
    if (mine == right::used || mine == right::lost_to_claim) return mine;
    if (mine == right::lost_running) {  // it must not arm again; it may ask again
      return what == call::disarm || what == call::try_disarm ? lost(with([&](auto* r) {
        return what == call::disarm ? operation.disarm(r[s.current])
                                    : operation.try_disarm(r[s.current]);
      }))
                                                              : mine;
    }
    if (mine == right::held) {
      if (what == call::arm) return arm();
      if (what != call::complete) return mine;  // a request came between: nothing is armed
      finish(outcome::completed);
      return right::used;
    }
    switch (what) {
      case call::disarm:
        return taken(with([&](auto* r) { return operation.disarm(r[s.current]); }));
      case call::try_disarm:
        return taken(with([&](auto* r) { return operation.try_disarm(r[s.current]); }));
      case call::replace: {
        s.input[1 - s.current].write(1);
        const handshake result =
            with([&](auto* r) { return operation.replace(r[s.current], r[1 - s.current]); });
        if (result != handshake::won) return taken(result);
        s.input[s.current].write(2);
        s.current = 1 - s.current;
        return right::armed;
      }
      case call::complete: {
        prepare(outcome::completed);
        const handshake result =
            with([&](auto* r) { return operation.complete(r[s.current], outcome::completed); });
        if (result == handshake::won) completed(outcome::completed);
        const right after = taken(result);
        if (result == handshake::won) return right::used;
        if (after == right::held) finish(outcome::failed);
        return after == right::held ? right::used : after;
      }
      case call::arm:
        break;
    }
    return mine;
  }

  right arm() {
    state& s = *state_;
    const int before = s.ran[0] + s.ran[1];
    s.input[s.current].write(1);
    const bool armed =
        with([&](auto* r) {
          return s.operation().arm(r[s.current]) ? handshake::won : handshake::cancelled;
        }) == handshake::won;
    if (armed) return right::armed;
    require(quietly([&] { return s.operation().cancelled(); }), "arm() fails only after a request");
    require(s.ran[0] + s.ran[1] == before, "a routine that was not armed does not run");
    s.said[quietly([&] { return s.operation().reason().code(); })].read();
    return right::held;
  }

  /// The result of a call that took the armed routine out, or did not.
  right taken(handshake result) {
    state& s = *state_;
    if (result != handshake::won) return lost(result);
    require(s.ran[s.current] == 0, "a routine that was taken out does not run");
    s.input[s.current].write(2);
    return right::held;
  }

  right lost(handshake result) {
    state& s = *state_;
    if (shape_.kind == routine_kind::claim) {
      require(result == handshake::cancelled, "nobody waits for a claim routine");
      return right::lost_to_claim;
    }
    if (result == handshake::running) return right::lost_running;
    require(result == handshake::cancelled, "it was not inside, and had no outcome before");
    require(s.left == 1, "the routine has returned");
    require(s.effect[s.current].read() == 1, "what the routine did is seen");
    s.input[s.current].write(2);
    return right::held;
  }

  // ---- what must hold

  void examine() {
    state& s = *state_;
    int requests = 0, claimed = 0, by = -1;
    for (int i = 0; i < shape_.cancels; ++i) {
      if (!s.cancelled[i]) {  // still within its routine, or on its way out of cancel()
        ++requests, ++claimed, by = i;
        continue;
      }
      if (*s.cancelled[i] == cancel_result::claimed) ++claimed;
      if (*s.cancelled[i] != cancel_result::claimed &&
          *s.cancelled[i] != cancel_result::requested_nothing_armed)
        continue;
      ++requests;
      by = i;
    }
    require(requests <= 1, "one request counts");
    require(claimed == s.ran[0] + s.ran[1], "a routine runs if and only if a request took it out");
    require(s.operation().cancelled() == (requests == 1), "the operation knows of the request");
    require(s.operation().outcome() == s.how, "the operation knows its outcome");
    if (requests == 1) {
      require(s.operation().reason() ==
                  belay::reason(reason_kind::user, static_cast<std::uint32_t>(by)),
              "the reason is that of the request that counts");
    }
  }

  void check() {
    state& s = *state_;
    if (!s.freed) {
      examine();
    } else {
      for (const unsigned char each : s.memory)
        require(each == 0xdd, "nobody touches what was freed");
    }
    require(s.completions == 1, "it ends exactly once");
    int requests = 0;
    for (const auto& each : s.cancelled) {
      if (!each) continue;
      if (*each == cancel_result::claimed || *each == cancel_result::requested_nothing_armed)
        ++requests;
      if (*each == cancel_result::too_late) continue;
      if (*each == cancel_result::already_cancelled) continue;
    }
    require(requests <= 1, "one request counts");
  }

  shape shape_;
  belay::explore::program_under_test program_;
  std::optional<state> state_;
};

/// Every sequence of `length` calls that an owner may make when nobody cancels.
inline void owner_sequences(bool armed, bool ended, int length, const std::string& so_far,
                            std::vector<std::string>& into) {
  if (length == 0) {
    into.push_back(so_far);
  } else if (!ended && armed) {
    owner_sequences(false, false, length - 1, so_far + 'd', into);
    owner_sequences(false, false, length - 1, so_far + 't', into);
    owner_sequences(true, false, length - 1, so_far + 'r', into);
    owner_sequences(false, true, length - 1, so_far + 'c', into);
  } else if (!ended) {
    owner_sequences(true, false, length - 1, so_far + 'a', into);
    owner_sequences(false, true, length - 1, so_far + 'c', into);
  }
}

/// Every program of `calls` calls in all.
inline std::vector<shape> shapes(routine_kind kind, int calls) {
  std::vector<shape> all;
  for (const bool armed : {false, true}) {
    for (int others = 0; others <= calls; ++others) {
      std::vector<std::string> owners;
      owner_sequences(armed, false, calls - others, "", owners);
      for (const std::string& owner : owners) {
        for (int cancels = others; cancels >= 0; --cancels) {
          // Waiters alone never meet the routine: one kind is enough.
          if (cancels == 0 && others == 3 && (armed || kind != routine_kind::notify)) continue;
          all.push_back({kind, armed, owner, cancels, others - cancels});
        }
      }
    }
  }
  return all;
}

}  // namespace operation_tests
