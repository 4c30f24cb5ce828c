// Programs with deadlines beside what they cancel, and with a service that drives the wheel.
#pragma once

#include "belay/deadline_service.hpp"
#include "belay/operation.hpp"
#include "core/deadline_service_slow.hpp"
#include "deadline_world.hpp"

namespace deadline_tests {

using belay::operation;
using belay::outcome;
using belay::explore::exhaust;
using belay::explore::exhaust_options;
using belay::explore::exhausted;
using belay::explore::program_under_test;

template <class Base>
struct routine_of : Base {
  explicit routine_of(operation& to) : Base(&run), of(to) {}
  static void run(belay::routine& self, belay::reason why) noexcept {
    auto& me = static_cast<routine_of&>(self);
    require(why.kind() == belay::reason_kind::timeout, "the reason says what it was");
    ++me.runs;
    me.effect.write(1);
    if (std::is_same_v<Base, belay::claim_routine>) me.finished = me.of.complete(outcome::canceled);
  }
  operation& of;
  int runs = 0;
  bool finished = false;
  ordered effect;
};

/// An operation and its limit, freed as soon as it is over.
template <class Traits, class Routine>
exhausted complete_against_expiry(const exhaust_options& options = {}) {
  using deadline = belay::basic_deadline<Traits>;
  struct state {
    belay::basic_timer_wheel<Traits> wheel{0};
    alignas(operation) unsigned char memory[sizeof(operation)];
    operation& it = *new (memory) operation;
    routine_of<Routine> routine{it};
    deadline limit;
    outcome how = outcome::none;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    require(s->it.arm(s->routine), "nobody asked yet");
    s->limit.arm(s->wheel, tick, s->it);
    const handshake result = s->it.complete(s->routine, outcome::completed);
    if (result != handshake::won && std::is_same_v<Routine, belay::notify_routine>) {
      require(s->routine.effect.read() == 1, "what the routine did is seen");
      require(s->it.complete(outcome::canceled), "the right is the owner's");
    }
    if (std::is_same_v<Routine, belay::claim_routine>) s->it.wait();
    const handshake limit = s->limit.disarm();
    require(limit == (result == handshake::won ? limit : handshake::cancelled),
            "who was cancelled was so by the deadline");
    const sync::sealed seal;
    s->how = s->it.outcome();
    require(s->how == (result == handshake::won ? outcome::completed : outcome::canceled),
            "it has the outcome of who won");
    require(s->routine.runs == (result == handshake::won ? 0 : 1), "the routine runs if it lost");
    std::memset(s->memory, 0xdd, sizeof s->memory);
  });
  program.actor("expiry", [&] { s->wheel.expire(tick); });
  program.after([&] {
    for (const unsigned char byte : s->memory)
      require(byte == 0xdd, "nobody touches what was freed");
  });
  return exhaust(program, options);
}

/// A pooled operation: the deadline of one use never cancels the next.
template <class Traits>
exhausted reset_against_expiry(bool waits, int& again, const exhaust_options& options = {}) {
  struct state {
    belay::basic_timer_wheel<Traits> wheel{0};
    operation it;
    belay::basic_deadline<Traits> limit;
    bool again = false;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    s->limit.arm(s->wheel, tick, s->it);
    s->it.complete(outcome::completed);
    const handshake limit = waits ? s->limit.disarm() : s->limit.try_disarm();
    if (limit == handshake::running) return;  // it is not used again
    if (!s->it.try_reset()) return;
    s->again = true;
    require(s->it.complete(outcome::completed), "the next use has its own outcome");
  });
  program.actor("expiry", [&] { s->wheel.expire(tick); });
  program.after([&] {
    const sync::sealed seal;
    require(!s->again || !s->it.cancelled(), "the next use is not cancelled for the one before");
    again += s->again ? 1 : 0;
  });
  return exhaust(program, options);
}

/// The owner gives a running callback until a deadline of its own, then lets it go on.
template <class Traits>
exhausted disarm_until_a_time(int& late, const exhaust_options& options = {}) {
  struct state {
    static void fire(void* at) noexcept {
      auto& me = *static_cast<state*>(at);
      me.effect.write(1);
      me.go_on.park(sync::forever);
      me.effect.write(2);
    }
    belay::basic_timer_wheel<Traits> wheel{0};
    belay::basic_deadline<Traits> limit;
    ordered effect;
    sync::parking go_on;
    bool late = false;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    s->limit.arm(s->wheel, tick, &state::fire, &*s);
    handshake result = s->limit.disarm_until(1'000);
    if (result == handshake::running) {
      require(sync::now() >= 1'000, "not before its time");
      s->late = true;
      s->go_on.unpark();
      result = s->limit.disarm();
      require(result == handshake::cancelled, "it is over now");
    }
    if (result == handshake::cancelled) require(s->effect.read() == 2, "to its end");
  });
  program.actor("expiry", [&] { s->wheel.expire(tick); });
  program.after([&] { late += s->late ? 1 : 0; });
  return exhaust(program, options);
}

/// By one caller: the last moment before, and the first at which it is due.
template <class Traits>
exhausted not_early() {
  struct state {
    static void fire(void* at) noexcept { ++static_cast<state*>(at)->runs; }
    belay::basic_timer_wheel<Traits> wheel{0};
    belay::basic_deadline<Traits> limit;
    int runs = 0;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    s->limit.arm(s->wheel, 3 * tick + 1, &state::fire, &*s);
    s->wheel.expire(3 * tick);
    require(s->runs == 0, "it is never early");
    s->wheel.expire(4 * tick);
    require(s->runs == 1, "it is a tick late at most");
  });
  return exhaust(program);
}

/// A deadline that a service expires, and that says when.
template <class Traits>
struct alarm {
  static void fire(void* at) noexcept {
    auto& me = *static_cast<alarm*>(at);
    require(sync::now() >= me.when, "it is never early");
    require(sync::now() < me.when + tick, "it is a tick late at most");
    require(me.input.read() == 1, "the callback sees what was written before it was armed");
    me.effect.write(1);
    me.fired.unpark();
  }
  void arm(belay::basic_timer_wheel<Traits>& on, sync::nanoseconds at) {
    when = at;
    input.write(1);
    limit.arm(on, when, &fire, this);
  }
  void wait() {
    fired.park(sync::forever);
    require(limit.disarm() == handshake::cancelled, "it fired");
    require(effect.read() == 1, "what the callback did is seen");
  }
  belay::basic_deadline<Traits> limit;
  sync::nanoseconds when = 0;
  ordered input, effect;
  sync::parking fired;
};

/// Two deadlines, the later one first; the service may sleep already when the earlier one comes.
template <class Traits>
exhausted service_is_in_time(const exhaust_options& options = {}) {
  struct state {
    belay::basic_deadline_service<Traits> service;
    alarm<Traits> first, second;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    require(s->service.start(), "it starts");
    s->first.arm(s->service.wheel(), 5 * tick + 1);
    s->second.arm(s->service.wheel(), tick + 1);
    s->second.wait();
    s->first.wait();
    s->service.stop();
  });
  return exhaust(program, options);
}

/// One that is disarmed while the service sleeps for it.
template <class Traits>
exhausted service_and_disarm(const exhaust_options& options = {}) {
  struct state {
    belay::basic_deadline_service<Traits> service;
    alarm<Traits> one;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    require(s->service.start(), "it starts");
    s->one.arm(s->service.wheel(), tick);
    const handshake result = s->one.limit.disarm();
    require(result == handshake::won || result == handshake::cancelled, "it was armed");
    s->service.stop();
  });
  return exhaust(program, options);
}

/// A timer as the system has them: one time, at which somebody expires the wheel, and which only
/// the hook and an expiry set. Somebody else expires the wheel, too, and learns that a slot begins
/// before the time that is set. What is armed after that must set it all the same.
template <class Traits>
exhausted timer_is_in_time(const exhaust_options& options = {}) {
  struct state {
    static void reset(void* at) noexcept {
      auto& me = *static_cast<state*>(at);
      me.lock.lock();
      me.set_to = me.wheel.next_due();
      me.changes.fetch_add(2);
      me.lock.unlock();
      sync::wake_all(&me.changes);
    }
    void loop() {
      for (;;) {
        const std::uint32_t seen = changes.load();
        if ((seen & 1) != 0) return;
        lock.lock();
        const sync::nanoseconds at = set_to;
        lock.unlock();
        if (sync::now() < at) {
          sync::wait_on(&changes, seen, at);
        } else {
          wheel.expire(sync::now());
          reset(this);
        }
      }
    }
    belay::basic_timer_wheel<Traits> wheel{0, &reset, this};
    sync::spin_lock lock;
    sync::nanoseconds set_to = sync::forever;
    sync::atomic<std::uint32_t> changes{0};
    alarm<Traits> far, near;
  };
  fresh<state> s;
  program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    s->far.arm(s->wheel, 100 * tick);  // whose slot begins at 64
    s->wheel.expire(tick);
    s->near.arm(s->wheel, 70 * tick);
    s->near.wait();
    s->far.wait();
    s->changes.fetch_or(1);
    sync::wake_all(&s->changes);
  });
  program.actor("loop", [&] { s->loop(); });
  return exhaust(program, options);
}

}  // namespace deadline_tests
