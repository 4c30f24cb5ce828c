// Programs over trees and shields. Templates on the traits, as in source_world.hpp.
#pragma once

#include "belay/child_operation.hpp"
#include "belay/child_source.hpp"
#include "belay/shield.hpp"
#include "source_scenarios.hpp"

namespace source_tests {

using belay::outcome;

template <class Traits>
using child_source_of = belay::basic_child_source<Traits>;
template <class Traits>
using child_operation_of = belay::basic_child_operation<Traits>;

struct notify : belay::notify_routine {
  explicit notify(hook f) : notify_routine(&run), does(std::move(f)) {}
  static void run(belay::routine& self, belay::reason why) noexcept {
    static_cast<notify&>(self).does(why);
  }
  hook does;
};
struct claim : belay::claim_routine {
  explicit claim(hook f) : claim_routine(&run), does(std::move(f)) {}
  static void run(belay::routine& self, belay::reason why) noexcept {
    static_cast<claim&>(self).does(why);
  }
  hook does;
};

inline void require_inherited(belay::reason why) {
  require(why.kind() == reason_kind::parent, "a child is told that its parent was cancelled");
  require(why.origin() == belay::reason(reason_kind::shutdown, 7), "and why that was");
}

/// An operation is attached, armed, and completed, or given up, while its parent is cancelled.
template <class Traits, class Routine>
belay::explore::exhausted attach_against_parent_cancel(bool complete) {
  struct state {
    belay::basic_source<Traits> parent;
    place<child_operation_of<Traits>> child;
    ordered input, effect;
    int ran = 0, ended = 0;
    bool returned = false;
    sync::parking finished;
  };
  fresh<state> s;
  fresh<Routine> routine;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    routine.make([&](belay::reason why) {
      ++s->ran;
      require_inherited(why);
      require(s->input.read() == 1, "the routine sees what was written before it was armed");
      s->effect.write(1);
      if constexpr (std::is_base_of_v<belay::claim_routine, Routine>) {
        s->ended += s->child->complete(outcome::canceled) ? 1 : 0;
        s->finished.unpark();
      }
    });
  });
  program.actor("owner", [&, complete] {
    s->input.write(1);
    auto& child = s->child.make(s->parent, *routine);
    handshake result;
    if (complete) {
      result = child.complete(*routine, outcome::completed);
    } else {
      result = child.disarm(*routine);
    }
    if (result == handshake::won) {
      require(s->ran == 0, "the routine was taken out");
      if (complete) ++s->ended;
      s->input.write(2);
    } else if (std::is_base_of_v<belay::claim_routine, Routine>) {
      s->finished.park(sync::forever);
      require(s->ran == 1, "the routine has the right to finish");
    } else {
      require(s->ran == 1 && s->effect.read() == 1, "the routine ran and its effect is seen");
      require_inherited(child.reason());
    }
    if (s->ended == 0) s->ended += child.complete(outcome::failed) ? 1 : 0;
    s->child.free();
  });
  program.actor("canceller", [&] {
    require(s->parent.cancel({reason_kind::shutdown, 7}) == cancel_result::claimed, "it counts");
  });
  program.after([&] {
    require(s->ended == 1, "it ends exactly once");
    s->child.check();
  });
  return belay::explore::exhaust(program);
}

/// A child source comes and goes, with a listener, while its parent is cancelled.
template <class Traits>
belay::explore::exhausted child_source_against_parent_cancel() {
  struct state {
    belay::basic_source<Traits> parent;
    place<child_source_of<Traits>> child;
    place<probe> below;
    int ran = 0;
    sync::parking back;
  };
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&] {
    const bool too_late = s->parent.cancelled();
    auto& child = s->child.make(s->parent);
    {
      const sync::sealed seal;
      require(!too_late || child.cancelled(), "a child of a cancelled parent is cancelled at once");
    }
    auto& below = s->below.make([&](belay::reason why) {
      ++s->ran;
      require_inherited(why);
    });
    const bool added = child.add(below);
    const handshake result = child.remove(below);
    require(added ? result == handshake::won ? s->ran == 0 : s->ran == 1
                  : result == handshake::refused && s->ran == 0,
            "the listener ran, or it was removed, or it was not added");
    if (!added) require_inherited(child.reason());
    s->below.free();
    s->child.free();
  });
  program.actor("canceller", [&] { s->parent.cancel({reason_kind::shutdown, 7}); });
  program.after([&] {
    s->child.check();
    s->below.check();
  });
  return belay::explore::exhaust(program, {.prune = true});
}

/// Three levels: the root and the middle are cancelled at once; an operation at the bottom ends.
/// When both are back all is cancelled.
template <class Traits>
belay::explore::exhausted two_levels_cancelled() {
  struct state {
    belay::basic_source<Traits> root;
    child_source_of<Traits> middle{root};
    child_source_of<Traits> sibling{root};
    child_source_of<Traits> bottom{middle};
    int ran = 0;
  };
  fresh<state> s;
  fresh<calling<hook>> listener;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    listener.make([&](belay::reason why) {
      ++s->ran;
      require(why.kind() == reason_kind::parent, "the middle is its parent, whoever began");
    });
    s->bottom.add(*listener);
  });
  program.actor("above", [&] {
    s->root.cancel({reason_kind::shutdown, 7});
    const sync::sealed seal;
    require(s->middle.cancelled() && s->sibling.cancelled(), "what is below the root is cancelled");
    require_inherited(s->sibling.reason());
  });
  program.actor("middle", [&] {
    s->middle.cancel(reason_kind::user);
    const sync::sealed seal;
    require(s->middle.cancelled(), "it is cancelled");
  });
  program.after([&] {
    require(s->bottom.cancelled() && s->ran == 1, "what is below is cancelled when both are back");
    require(s->bottom.reason().origin().kind() == s->middle.reason().origin().kind(),
            "and knows the reason of the request that counted for its parent");
    s->bottom.remove(*listener);
  });
  return belay::explore::exhaust(program, {.prune = true});
}

/// A child among siblings is destroyed while its parent is cancelled.
template <class Traits>
belay::explore::exhausted destroy_child_against_parent_cancel() {
  struct state {
    belay::basic_source<Traits> parent;
    place<child_source_of<Traits>> child;
    place<child_source_of<Traits>> older;
  };
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->older.make(s->parent);
    s->child.make(s->parent);
  });
  program.actor("owner", [&] { s->child.free(); });
  program.actor("canceller", [&] {
    s->parent.cancel({reason_kind::shutdown, 7});
    require_inherited(s->older->reason());
  });
  program.after([&] { s->child.check(); });
  return belay::explore::exhaust(program, {.prune = true});
}

/// A listener destroys the child that it belongs to, and the last one the root as well.
template <class Traits>
belay::explore::exhausted listeners_destroy_the_tree() {
  struct state {
    place<belay::basic_source<Traits>> root;
    place<child_source_of<Traits>> child[2];
    place<probe> below[2];
    int destroyed = 0;
  };
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->root.make();
    for (int i = 0; i < 2; ++i) {
      s->child[i].make(*s->root);
      s->below[i].make([&, i](belay::reason) {
        require(s->child[i]->remove(*s->below[i]) == handshake::cancelled_inside, "it is inside");
        state& all = *s;
        auto& child = all.child[i];
        all.below[i].free();  // and with it what this has captured
        child.free();
        if (++all.destroyed == 2) all.root.free();
      });
      s->child[i]->add(*s->below[i]);
    }
  });
  program.actor("canceller", [&] { s->root->cancel({reason_kind::shutdown, 7}); });
  program.after([&] {
    require(s->destroyed == 2, "both ran");
    s->root.check();
    for (int i = 0; i < 2; ++i) s->child[i].check(), s->below[i].check();
  });
  return belay::explore::exhaust(program);
}

/// A listener that was not the last when it began removes the other, itself, and destroys their
/// source, a child. What else is attached to the parent runs all the same.
template <class Traits>
belay::explore::exhausted listener_destroys_its_child() {
  struct state {
    belay::basic_source<Traits> parent;
    place<child_source_of<Traits>> child;
    place<probe> first, second, above;
    int ran = 0;
  };
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->above.make([&](belay::reason) { ++s->ran; });
    s->parent.add(*s->above);
    s->child.make(s->parent);
    s->second.make([&](belay::reason) { require(false, "it was removed"); });
    s->first.make([&](belay::reason) {
      require(s->child->remove(*s->second) == handshake::won, "it has yet to run");
      require(s->child->remove(*s->first) == handshake::cancelled_inside, "it knows it is inside");
      state& all = *s;
      all.second.free();
      all.first.free();  // and with it what this has captured
      all.child.free();
    });
    s->child->add(*s->second);
    s->child->add(*s->first);
  });
  for (int i = 0; i < 2; ++i)
    program.actor("canceller", [&] { s->parent.cancel({reason_kind::shutdown, 7}); });
  program.after([&] {
    require(s->child.freed && s->ran == 1, "the first ran, and what is above");
    s->child.check();
    s->first.check();
    s->second.check();
  });
  return belay::explore::exhaust(program);
}

/// A listener detaches an ancestor of its source from the root, while somebody else waits for that
/// listener. All that is attached runs, and the wait ends.
template <class Traits>
belay::explore::exhausted listener_detaches_its_ancestor() {
  struct state {
    belay::basic_source<Traits> root;
    place<probe> at_root, at_upper, at_bottom;  // in the order in which they are added
    place<child_source_of<Traits>> upper, lower;
    int ran = 0;
    sync::parking inside;
  };
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    s.make();
    s->at_root.make([&](belay::reason) { ++s->ran; });
    s->at_upper.make([&](belay::reason) { ++s->ran; });
    s->at_bottom.make([&](belay::reason) {
      ++s->ran;
      s->inside.unpark();
      require(s->upper->detach() == handshake::cancelled_inside, "the caller is below");
    });
    s->root.add(*s->at_root);
    auto& upper = s->upper.make(s->root);
    upper.add(*s->at_upper);
    s->lower.make(upper).add(*s->at_bottom);
  });
  program.actor("canceller", [&] {
    s->root.cancel({reason_kind::shutdown, 7});
    require(s->ran == 3, "all that was attached ran");
  });
  program.actor("other", [&] {
    s->inside.park(sync::forever);
    require(s->lower->remove(*s->at_bottom) == handshake::cancelled, "it has returned");
    s->at_bottom.free();
  });
  program.after([&] { s->at_bottom.check(); });
  return belay::explore::exhaust(program, {.prune = true});
}

/// A chain of `depth` sources below a root. (On an explored actor's stack, which is small.)
template <class Traits>
belay::explore::exhausted deep_chain(std::size_t depth) {
  fresh<belay::basic_source<Traits>> root;
  std::vector<fresh<child_source_of<Traits>>> chain(depth);
  belay::explore::program_under_test program;
  program.before([&] {
    root.make();
    for (std::size_t i = 0; i < depth; ++i)
      chain[i].make(i == 0 ? *root : static_cast<belay::basic_source<Traits>&>(*chain[i - 1]));
  });
  program.actor("canceller", [&] {
    const sync::sealed seal;
    root->cancel({reason_kind::shutdown, 7});
  });
  program.after([&] {
    for (auto& each : chain) require_inherited(each->reason());
  });
  return belay::explore::exhaust(program);
}

/// A region is shielded, and left, while the parent is cancelled: within it the child knows
/// nothing, and afterwards it is cancelled once, if the parent was.
template <class Traits, class Child>
belay::explore::exhausted shield_against_cancel(bool cancel_child_too) {
  struct state {
    belay::basic_source<Traits> parent;
    Child child{parent};
    ordered said;
    bool back = false;
  };
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  program.actor("owner", [&, cancel_child_too] {
    bool delivered = false, held = false;
    {
      belay::basic_shield<Traits> region(s->child);
      held = region.holds();
      require(!held || cancel_child_too || !s->child.cancelled(), "nothing reaches it inside");
      delivered = region.end();
    }
    const sync::sealed seal;
    require(!delivered || held, "only a shield that held can deliver");
    require(!delivered || s->child.cancelled(), "what was delivered has arrived");
    require(!s->back || s->child.cancelled(), "when the canceller is back it is cancelled");
    if (s->child.cancelled() && !cancel_child_too) {
      require_inherited(s->child.reason());
      s->said.read();
    }
  });
  program.actor("canceller", [&] {
    s->said.write(1);
    s->parent.cancel({reason_kind::shutdown, 7});
    s->back = true;
  });
  if (cancel_child_too) program.actor("other", [&] { s->child.cancel({reason_kind::user, 1}); });
  program.after([&] { require(s->child.cancelled(), "in the end it is cancelled"); });
  return belay::explore::exhaust(program, {.prune = cancel_child_too});
}

/// The same for an operation with an armed routine.
template <class Traits>
belay::explore::exhausted routine_shield_against_cancel() {
  struct state {
    explicit state(belay::notify_routine& routine) : operation(routine) {}
    belay::basic_operation<typename Traits::operation> operation;
    bool in_region = false;
    int ran = 0;
  };
  fresh<notify> routine;
  fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] {
    routine.make([&](belay::reason) {
      ++s->ran;
      require(!s->in_region, "the routine does not run in the region");
    });
    s.make(*routine);
  });
  program.actor("owner", [&] {
    bool armed = false;
    belay::routine_shield region(s->operation, static_cast<belay::notify_routine&>(*routine));
    if (region.began() == handshake::won) {
      s->in_region = true;
      s->operation.cancelled();
      s->in_region = false;
      armed = region.end();
      require(armed || s->operation.cancelled(), "it is armed again unless a request came");
    }
    const handshake end = armed ? s->operation.disarm(*routine) : region.began();
    require((s->ran == 1) == (end == handshake::cancelled), "it ran, or it was taken out");
  });
  program.actor("canceller", [&] { s->operation.cancel(reason_kind::user); });
  return belay::explore::exhaust(program);
}

}  // namespace source_tests
