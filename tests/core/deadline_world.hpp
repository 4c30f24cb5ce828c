// Programs over deadlines on one wheel: an owner, those that expire, and what must hold whichever
// way they interleave. Templates, so that the same programs run on deliberately wrong deadlines.
//
// A program is what the owner calls in turn, what the callback does, how many others expire, and
// whether there is a second deadline with an owner of its own. An owner is through when a handshake
// is over; then it frees the deadline at once.
#pragma once

#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "belay/deadline.hpp"
#include "core/deadline_slow.hpp"
#include "explore/explore.hpp"
#include "fresh.hpp"
#include "ordered.hpp"

namespace deadline_tests {

using belay::handshake;
using belay::explore::require;
using core_tests::ordered;
using explored_tests::fresh;
namespace sync = belay::sync;

inline constexpr sync::nanoseconds tick = belay::timer_wheel::tick;

/// What the callback does besides.
enum class inside : char {
  nothing = '-',
  arms = 'a',      // the deadline again, the first time it runs, for a time that has passed
  disarms = 'd',   // itself
  gives_up = 'g',  // arms it again, and disarms it
  destroys = 'x',  // the deadline, which nobody else uses any more
  arms_and_destroys = 'y',
  expires = 'e',  // the wheel, from within
};

struct shape {
  std::string owner;  // 'a' arm, 'd' disarm, 't' try_disarm, 'r' rearm
  inside what = inside::nothing;
  int expiries = 1;
  int owners = 1;

  std::string name() const {
    return owner + " " + static_cast<char>(what) +
           std::string(static_cast<std::size_t>(expiries), 'E') + (owners > 1 ? " two" : "");
  }
};

template <class Traits>
class world {
  using deadline = belay::basic_deadline<Traits>;
  using wheel = belay::basic_timer_wheel<Traits>;

 public:
  explicit world(const shape& what) : shape_(what) {
    program_.before([this] { state_.make(this); });
    for (int i = 0; i < shape_.owners; ++i)
      program_.actor("owner", [this, i] { owner(state_->limits[i]); });
    for (int i = 0; i < shape_.expiries; ++i) {
      program_.actor("expiry", [this, i] {
        const sync::nanoseconds now = (2 + 2 * i) * tick;
        if (state_->latest < now) state_->latest = now;
        state_->wheel.expire(now);
      });
    }
    program_.after([this] { check(); });
  }

  belay::explore::exhausted explore(const belay::explore::exhaust_options& options = {}) {
    return belay::explore::exhaust(program_, options);
  }

 private:
  enum class knows { at_rest, armed, running };

  struct limit {
    world* of = nullptr;
    alignas(deadline) unsigned char memory[sizeof(deadline)];
    ordered input, effect;
    sync::nanoseconds when = 0;
    int armed = 0, entered = 0, left = 0;
    int runs_before = 0;    // when it was armed
    int runs_settled = -1;  // when it was freed; -1: it was not
    bool gone = false;
    knows known = knows::at_rest;

    deadline& at() { return *std::launder(reinterpret_cast<deadline*>(memory)); }
  };

  struct state {
    explicit state(world* of) {
      for (limit& each : limits) {
        each.of = of;
        new (each.memory) deadline;
      }
    }
    belay::basic_timer_wheel<Traits> wheel{0};
    limit limits[2];
    sync::nanoseconds latest = 0;  // that any expire() was called with
  };

  // ---- the callback

  static void fire(void* argument) noexcept {
    auto& mine = *static_cast<limit*>(argument);
    mine.of->on_expiry(mine);
  }

  void on_expiry(limit& mine) {
    state& s = *state_;
    ++mine.entered;
    require(!mine.gone, "it does not fire once it was freed");
    require(mine.entered == mine.left + 1, "it fires on one actor at a time");
    require(s.latest >= mine.when, "it is never early");
    require(mine.input.read() == 1, "the callback sees what was written before it was armed");
    mine.effect.write(1);
    const bool arms = shape_.what == inside::arms || shape_.what == inside::gives_up ||
                      shape_.what == inside::arms_and_destroys;
    if (arms && mine.entered == 1) mine.at().arm(s.wheel, tick, &fire, &mine);
    if (shape_.what == inside::disarms) {
      require(mine.at().disarm() == handshake::cancelled_inside, "it knows that it is inside");
      require(mine.at().try_disarm() == handshake::cancelled_inside, "it knows it still");
    }
    if (shape_.what == inside::gives_up) {
      const handshake result = mine.at().disarm();
      require(result == handshake::won || result == handshake::cancelled_inside,
              "what was armed inside can be taken back");
    }
    if (shape_.what == inside::expires) s.wheel.expire(s.latest);
    ++mine.left;
    if (shape_.what == inside::destroys || shape_.what == inside::arms_and_destroys) free(mine);
  }

  // ---- the owner

  void owner(limit& mine) {
    for (const char each : shape_.owner) step(mine, each);
    if (shape_.what == inside::destroys || shape_.what == inside::arms_and_destroys) return;
    if (mine.known != knows::at_rest) step(mine, 'd');
    free(mine);
  }

  void step(limit& mine, char what) {
    deadline& it = mine.at();
    if (what == 'a') {
      if (mine.known != knows::at_rest) return;
      mine.input.write(1);
      mine.runs_before = mine.entered;
      mine.when = tick + 1;
      it.arm(state_->wheel, mine.when, &fire, &mine);
      mine.known = knows::armed;
    } else if (mine.known != knows::at_rest) {
      if (what == 'd') settle(mine, it.disarm(), false);
      if (what == 't') settle(mine, it.try_disarm(), true);
      if (what == 'r') {
        const handshake result = it.rearm(3 * tick);
        if (result == handshake::won) {
          mine.known = knows::armed;
        } else {
          settle(mine, result, true);
        }
      }
    }
  }

  void settle(limit& mine, handshake result, bool may_run) {
    if (result == handshake::running) {
      require(may_run, "only who does not wait leaves it running");
      require(mine.entered > mine.runs_before, "it is running");
      mine.known = knows::running;
      return;
    }
    require(result == handshake::won || result == handshake::cancelled, "it knows where it stands");
    require(mine.entered == mine.left, "the callback has returned");
    const int runs = mine.entered - mine.runs_before;
    if (result == handshake::cancelled) require(runs > 0, "who was cancelled was fired");
    if (result == handshake::won && shape_.what != inside::arms && shape_.what != inside::gives_up)
      require(runs == 0, "who won was not fired");
    if (runs > 0) require(mine.effect.read() == 1, "what the callback did is seen");
    mine.input.write(2);
    mine.effect.write(2);
    mine.known = knows::at_rest;
  }

  void free(limit& mine) {
    mine.at().~deadline();
    std::memset(mine.memory, 0xdd, sizeof mine.memory);
    mine.gone = true;
    mine.runs_settled = mine.entered;
  }

  void check() {
    state& s = *state_;
    for (limit& each : s.limits) {
      require(!each.gone || each.entered == each.runs_settled, "it does not fire after the end");
      if (!each.gone) continue;
      for (const unsigned char byte : each.memory)
        require(byte == 0xdd, "nobody touches what was freed");
    }
  }

  shape shape_;
  belay::explore::program_under_test program_;
  fresh<state> state_;
};

inline std::vector<shape> shapes() {
  std::vector<shape> all;
  for (const char* const owner : {"a", "at", "ar", "ada", "ata", "art", "arr"}) {
    for (const inside what :
         {inside::nothing, inside::arms, inside::disarms, inside::gives_up, inside::expires}) {
      for (const int expiries : {1, 2}) all.push_back({owner, what, expiries, 1});
    }
  }
  for (const int expiries : {1, 2}) {
    all.push_back({"a", inside::destroys, expiries, 1});
    all.push_back({"a", inside::arms_and_destroys, expiries, 1});
    all.push_back({"a", inside::nothing, expiries, 2});
    all.push_back({"at", inside::nothing, expiries, 2});
    all.push_back({"ar", inside::arms, expiries, 2});
  }
  all.push_back({"a", inside::nothing, 3, 1});
  all.push_back({"a", inside::arms, 3, 1});
  return all;
}

}  // namespace deadline_tests
