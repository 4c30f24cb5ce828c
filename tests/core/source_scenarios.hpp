// Programs in which listeners destroy what they belong to, and two that deregister one listener.
// Templates on the traits, as in source_world.hpp.
#pragma once

#include "belay/callback.hpp"
#include "source_world.hpp"

namespace source_tests {

/// A listener that calls a function object.
template <class F>
struct calling : belay::listener {
  explicit calling(F f) : listener(&run), does(f) {}
  static void run(listener& self, belay::reason why) noexcept {
    static_cast<calling&>(self).does(why);
  }
  F does;
};
using hook = std::function<void(belay::reason)>;
using probe = calling<hook>;

template <class Traits>
struct source_with_two {
  place<belay::basic_source<Traits>> source;
  place<probe> first, second;  // the first to run is the last added
  int ran_first = 0, ran_second = 0;
  sync::parking past_swap, handed_over;
  void check() {
    source.check();
    first.check();
    second.check();
  }
};

/// The only listener removes and destroys itself and the source, from inside; another canceller is
/// about, who is past its swap by then.
template <class Traits>
belay::explore::exhausted last_listener_destroys_all(int cancels) {
  using state = source_with_two<Traits>;
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&, cancels] {
    s.make();
    s->source.make();
    s->first.make([&, cancels](belay::reason) {
      ++s->ran_first;
      require(s->source->remove(*s->first) == handshake::cancelled_inside, "it knows it is inside");
      if (cancels == 2) s->past_swap.park(sync::forever);
      state& all = *s;
      all.first.free();  // and with it what this has captured
      all.source.free();
    });
    s->source->add(*s->first);
  });
  for (int i = 0; i < cancels; ++i) {
    program.actor("canceller", [&] {
      if (s->source->cancel(reason_kind::user) == cancel_result::already_cancelled)
        s->past_swap.unpark();
    });
  }
  program.after([&] {
    require(s->ran_first == 1, "it ran");
    s->check();
  });
  return belay::explore::exhaust(program);
}

/// The first of two listeners removes the second, itself, and destroys all three.
template <class Traits>
belay::explore::exhausted first_listener_destroys_all() {
  using state = source_with_two<Traits>;
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->source.make();
    s->first.make([&](belay::reason) {
      ++s->ran_first;
      require(s->source->remove(*s->second) == handshake::won, "it has yet to run");
      require(s->source->remove(*s->first) == handshake::cancelled_inside, "it knows it is inside");
      state& all = *s;
      all.second.free();
      all.first.free();  // and with it what this has captured
      all.source.free();
    });
    s->second.make([&](belay::reason) { ++s->ran_second; });
    s->source->add(*s->second);
    s->source->add(*s->first);
  });
  program.actor("canceller", [&] { s->source->cancel(reason_kind::user); });
  program.after([&] {
    require(s->ran_first == 1 && s->ran_second == 0, "the first ran, the second did not");
    s->check();
  });
  return belay::explore::exhaust(program);
}

/// The last listener hands everything to another actor, which removes it and destroys all while the
/// canceller is on its way out of cancel().
template <class Traits>
belay::explore::exhausted last_listener_hands_over() {
  using state = source_with_two<Traits>;
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->source.make();
    s->first.make([&](belay::reason) {
      ++s->ran_first;
      s->handed_over.unpark();
    });
    s->source->add(*s->first);
  });
  program.actor("canceller", [&] { s->source->cancel(reason_kind::user); });
  program.actor("heir", [&] {
    s->handed_over.park(sync::forever);
    require(s->source->remove(*s->first) == handshake::cancelled, "it ran, elsewhere");
    s->first.free();
    s->source.free();
  });
  program.after([&] { s->check(); });
  return belay::explore::exhaust(program);
}

/// The first of two listeners removes the second, then itself, and another actor destroys the
/// source: nobody is registered any more.
template <class Traits>
belay::explore::exhausted first_listener_hands_over() {
  using state = source_with_two<Traits>;
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->source.make();
    s->first.make([&](belay::reason) {
      ++s->ran_first;
      require(s->source->remove(*s->second) == handshake::won, "it has yet to run");
      require(s->source->remove(*s->first) == handshake::cancelled_inside, "it knows it is inside");
      s->handed_over.unpark();
    });
    s->second.make([&](belay::reason) { ++s->ran_second; });
    s->source->add(*s->second);
    s->source->add(*s->first);
  });
  program.actor("canceller", [&] { s->source->cancel(reason_kind::user); });
  program.actor("heir", [&] {
    s->handed_over.park(sync::forever);
    s->second.free();
    s->source.free();
  });
  program.after([&] {
    require(s->ran_first == 1 && s->ran_second == 0, "the first ran, the second did not");
    s->check();
  });
  return belay::explore::exhaust(program);
}

/// Somebody waits for a running listener, gives up, and lets it go on; then it removes itself, and
/// destroys itself and the source.
template <class Traits>
belay::explore::exhausted listener_goes_after_a_wait_in_vain() {
  using state = source_with_two<Traits>;
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->source.make();
    s->first.make([&](belay::reason) {
      s->handed_over.park(sync::forever);
      require(s->source->remove(*s->first) == handshake::cancelled_inside, "it knows it is inside");
      state& all = *s;
      all.first.free();  // and with it what this has captured
      all.source.free();
    });
    s->source->add(*s->first);
  });
  program.actor("canceller", [&] { s->source->cancel(reason_kind::user); });
  program.actor("other", [&] {
    const handshake result = s->source->remove_until(*s->first, 1'000);
    require(result == handshake::won || result == handshake::running, "it has not returned");
    s->handed_over.unpark();
  });
  program.after([&] { s->check(); });
  return belay::explore::exhaust(program);
}

/// Deregistering the second listener while the first runs neither waits for the first nor lets the
/// second run afterwards.
template <class Traits>
belay::explore::exhausted remove_while_another_runs() {
  using state = source_with_two<Traits>;
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->source.make();
    s->first.make([&](belay::reason) {
      ++s->ran_first;
      s->past_swap.unpark();
      s->handed_over.park(sync::forever);  // it runs until the second is deregistered
    });
    s->second.make([&](belay::reason) { ++s->ran_second; });
    s->source->add(*s->second);
    s->source->add(*s->first);
  });
  program.actor("canceller", [&] { s->source->cancel(reason_kind::user); });
  program.actor("remover", [&] {
    s->past_swap.park(sync::forever);
    require(s->source->remove(*s->second) == handshake::won, "it has yet to run");
    s->second.free();
    s->handed_over.unpark();
  });
  program.after([&] {
    require(s->ran_first == 1 && s->ran_second == 0, "the first ran, the second did not");
    s->check();
    require(s->source->remove(*s->first) == handshake::cancelled, "it is over");
  });
  return belay::explore::exhaust(program);
}

/// Two actors deregister the same listener, with or without a canceller: one of them has it.
template <class Traits>
belay::explore::exhausted two_remove_one(bool cancel) {
  using state = source_with_two<Traits>;
  fresh<state> s;
  handshake got[2] = {};
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->source.make();
    s->first.make([&](belay::reason) { ++s->ran_first; });
    s->second.make([&](belay::reason) { ++s->ran_second; });
    s->source->add(*s->first);
    s->source->add(*s->second);
  });
  for (int i = 0; i < 2; ++i)
    program.actor("remover", [&, i] { got[i] = s->source->remove(*s->first); });
  if (cancel) program.actor("canceller", [&] { s->source->cancel(reason_kind::user); });
  program.after([&] {
    const int won = (got[0] == handshake::won) + (got[1] == handshake::won);
    const int refused = (got[0] == handshake::refused) + (got[1] == handshake::refused);
    const int cancelled = (got[0] == handshake::cancelled) + (got[1] == handshake::cancelled);
    require(s->ran_first == 1 ? cancelled == 2 : won == 1 && refused == 1,
            "one of the two took it out, or it ran");
    require(!cancel || s->ran_second == 1, "the other listener is none of their business");
    s->source->remove(*s->second);
  });
  return belay::explore::exhaust(program, {.prune = cancel});
}

/// A listener removes, from inside, another one that an outer cancel on the same actor is running.
template <class Traits>
belay::explore::exhausted inside_an_inner_cancel() {
  using state = source_with_two<Traits>;
  fresh<state> s;
  fresh<belay::basic_source<Traits>> inner;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    inner.make();
    s->source.make();
    s->first.make([&](belay::reason why) {
      ++s->ran_first;
      inner->cancel(why);
    });
    s->second.make([&](belay::reason) {
      ++s->ran_second;
      require(s->source->remove(*s->first) == handshake::cancelled_inside, "it is beneath us");
      require(inner->remove(*s->second) == handshake::cancelled_inside, "we are it");
    });
    s->source->add(*s->first);
    inner->add(*s->second);
  });
  program.actor("canceller", [&] { s->source->cancel(reason_kind::user); });
  program.actor("other", [&] { inner->cancelled(); });
  program.after([&] { require(s->ran_first == 1 && s->ran_second == 1, "both ran"); });
  return belay::explore::exhaust(program);
}

/// Somebody registers what will wake it, then sleeps until it is woken: no wake-up is lost.
template <class Traits>
belay::explore::exhausted sleep_until_cancelled() {
  fresh<belay::basic_source<Traits>> source;
  struct waker {
    sync::parking wake;
  };
  fresh<waker> w;
  belay::explore::program_under_test program;
  program.before([&] {
    source.make();
    w.make();
  });
  program.actor("sleeper", [&] {
    calling waking([&](belay::reason) { w->wake.unpark(); });
    if (source->add(waking)) w->wake.park(sync::forever);
    const handshake result = source->remove(waking);
    require(result != handshake::won, "it was woken, or came too late");
  });
  program.actor("canceller", [&] { source->cancel(reason_kind::user); });
  return belay::explore::exhaust(program);
}

/// A callback registered before, during or after the cancel runs exactly once, and its destruction
/// ends.
template <class Callback, class Source>
belay::explore::exhausted callback_against_cancel() {
  fresh<Source> source;
  int ran = 0;
  fresh<sync::parking> back;
  belay::explore::program_under_test program;
  program.before([&] {
    source.make();
    back.make();
    ran = 0;
  });
  program.actor("owner", [&] {
    {
      auto count = [&](belay::reason why) {
        ++ran;
        require(why.kind() == reason_kind::user, "it gets the reason");
      };
      Callback on_cancel(*source, hook(count));
      back->park(sync::forever);
    }
    require(ran == 1, "it ran exactly once");
  });
  program.actor("canceller", [&] {
    require(source->cancel(reason_kind::user) == cancel_result::claimed, "the only request counts");
    back->unpark();
  });
  return belay::explore::exhaust(program);
}

}  // namespace source_tests
