// Sources with one decision taken back each. Most are bugs that other libraries had, or have; the
// comment names where. The explorer must find every one of them, on the very programs that the real
// source is explored on.
#include <gtest/gtest.h>

#include "tree_scenarios.hpp"

namespace source_tests {
namespace {

using belay::source_traits;
namespace order = sync::order;
using belay::explore::exhausted;

struct add_without_lock : source_traits {
  static constexpr bool adds_under_lock = false;
};
struct unlink_without_lock : source_traits {
  static constexpr bool unlinks_under_lock = false;
};
struct swap_the_list_out : source_traits {
  static constexpr bool takes_one_at_a_time = false;
};
struct relock_after_last : source_traits {
  static constexpr bool leaves_after_last = false;
};
struct drop_the_removers_wait : source_traits {
  static constexpr bool remover_waits = false;
};
struct forget_the_destruction : source_traits {
  static constexpr bool heeds_destruction = false;
};
struct forget_to_wake : source_traits {
  static constexpr bool wakes = false;
};
struct recurse : source_traits {
  static constexpr bool descends = false;
};
struct orphan : source_traits {
  static constexpr bool child_heeds_parent = false;
};
struct hasty_shield : source_traits {
  static constexpr bool shield_waits = false;
};
struct deaf_shield : source_traits {
  static constexpr bool shield_delivers = false;
};
struct relaxed_finish : source_traits {
  static constexpr order::kind finish = order::relaxed;
};
struct relaxed_finish_locked : source_traits {
  static constexpr order::kind finish_locked = order::relaxed;
};
struct relaxed_look : source_traits {
  static constexpr order::kind look = order::relaxed;
};
/// The canceller's id in a plain field beside the list, written under the lock, read after it.
struct plain_id : belay::core::no_hints {
  void taken(belay::listener&) noexcept {
    sync::races().plain(sync::self(), reinterpret_cast<std::uintptr_t>(this), true);
    id = sync::self();
  }
  sync::actor_id id = sync::no_actor;
};
struct read_the_id_after_unlock : source_traits {
  using hints = plain_id;
  template <class Operation>
  static bool is_inside(const Operation&, const plain_id& hints) noexcept {
    sync::races().plain(sync::self(), reinterpret_cast<std::uintptr_t>(&hints), false);
    return hints.id == sync::self();
  }
};

/// Some mutants call or touch what is not there: a finding, too.
[[maybe_unused]] const bool ready = (belay::explore::install_crash_handlers(), true);

void expect_caught(const exhausted& result, const char* as) {
  ASSERT_TRUE(result.found.has_value());
  EXPECT_NE(result.found->text.find(as), std::string::npos) << result.found->text;
}

/// The first of source_world's programs on which the mutant fails.
template <class Traits>
void expect_caught(const char* by, const char* as) {
  for (const shape& each : shapes()) {
    if (each.owners.size() > 2) continue;
    world<belay::basic_source<Traits>> program(each);
    const exhausted result = program.explore({.prune = each.owners.size() * 2 + each.cancels > 3});
    if (!result.found) continue;
    EXPECT_EQ(each.name(), by);
    expect_caught(result, as);
    return;
  }
  ADD_FAILURE() << "nothing found";
}

// beman::stop_token add(): the flag is looked at before the lock, and the listener added after the
// list was drained.
TEST(source_mutants, lost_cancellation) {
  expect_caught<add_without_lock>("-aw K", "a registered listener ran when all are back");
}
// tokio#7874, #8138: the same with somebody who sleeps.
TEST(source_mutants, lost_wake_up) {
  expect_caught(sleep_until_cancelled<add_without_lock>(), "nobody can go on");
}
// stdexec#1889, libunifex, squiz, beman: the lock is taken once more after the last callback.
TEST(source_mutants, source_dies_in_its_last_listener) {
  expect_caught(last_listener_destroys_all<relock_after_last>(1), "");
  expect_caught(last_listener_hands_over<relock_after_last>(), "");
}
TEST(source_mutants, listener_dies_in_itself) {
  expect_caught(last_listener_destroys_all<forget_the_destruction>(1), "");
  expect_caught(first_listener_destroys_all<forget_the_destruction>(), "");
  expect_caught(listeners_destroy_the_tree<forget_the_destruction>(), "");
}
// coreclr#20145: the list is swapped out at once; deregistering returns, and the callback runs.
TEST(source_mutants, removed_and_runs_all_the_same) {
  expect_caught(remove_while_another_runs<swap_the_list_out>(), "it has yet to run");
}
// runtime#309, coreclr#27949: two threads deregister through the same handle, which is read in two
// steps.
TEST(source_mutants, two_remove_one) {
  expect_caught(two_remove_one<unlink_without_lock>(false), "");
}
// coreclr#4167: a linked source is disposed while its parent is cancelled.
TEST(source_mutants, child_destroyed_while_parent_cancels) {
  expect_caught(destroy_child_against_parent_cancel<drop_the_removers_wait>(), "");
}
// libunifex fb2b99e: the id of the notifying thread is read after the lock was given back.
TEST(source_mutants, id_read_after_unlock) {
  expect_caught<read_the_id_after_unlock>("+r +r K", "data race");
}
// MSVC STL#1196: the wait in deregistration was relaxed.
TEST(source_mutants, relaxed_wait) {
  expect_caught<relaxed_finish>("+r K", "data race");
  expect_caught<relaxed_look>("+r K", "data race");
  expect_caught<relaxed_finish_locked>("+r +r K", "data race");
}
TEST(source_mutants, drop_the_removers_wait) { expect_caught<drop_the_removers_wait>("+r K", ""); }
// llvm#76807, MSVC STL#2218: nobody wakes who sleeps.
TEST(source_mutants, forget_to_wake) { expect_caught<forget_to_wake>("+r K", "nobody can go on"); }
// Go's cancel(): recursion, as deep as the tree.
TEST(source_mutants, recursion) { expect_caught(deep_chain<recurse>(20'000), "stack"); }
TEST(source_mutants, attached_to_a_cancelled_parent) {
  expect_caught(child_source_against_parent_cancel<orphan>(), "cancelled at once");
}
TEST(source_mutants, shields) {
  expect_caught(shield_against_cancel<hasty_shield, child_source_of<hasty_shield>>(false), "");
  expect_caught(shield_against_cancel<deaf_shield, child_source_of<deaf_shield>>(false),
                "what was delivered has arrived");
}

// stdexec#1419, libunifex: the result of the request inverted.
struct inverted : belay::source {
  cancel_result cancel(belay::reason why) noexcept {
    return belay::source::cancel(why) == cancel_result::claimed ? cancel_result::already_cancelled
                                                                : cancel_result::claimed;
  }
};
TEST(source_mutants, inverted_result) {
  expect_caught(callback_against_cancel<belay::callback<hook>, inverted>(),
                "the only request counts");
}

// pika#113: a callback that ran in its constructor is not marked, and its destructor waits for
// ever.
class waiting_callback : belay::listener {
 public:
  waiting_callback(belay::source& source, hook call)
      : listener(&run), source_(source), call_(std::move(call)) {
    if (!source.add(*this)) call_(source.reason());
  }
  ~waiting_callback() {
    if (source_.remove(*this) != handshake::won) executed_.park(sync::forever);
  }

 private:
  static void run(listener& self, belay::reason why) noexcept {
    auto& me = static_cast<waiting_callback&>(self);
    me.call_(why);
    me.executed_.unpark();
  }
  belay::source& source_;
  hook call_;
  sync::parking executed_;
};
TEST(source_mutants, inline_callback_not_marked) {
  expect_caught(callback_against_cancel<waiting_callback, belay::source>(), "nobody can go on");
}

// llvm#76807: a wait that never registers for the cancellation.
template <bool Registers>
exhausted wait_with_a_deadline() {
  fresh<belay::source> source;
  fresh<sync::parking> wake;
  belay::explore::program_under_test program;
  program.before([&] {
    source.make();
    wake.make();
  });
  program.actor("waiter", [&] {
    calling waking([&](belay::reason) { wake->unpark(); });
    if (Registers ? source->add(waking) : !source->cancelled())
      require(wake->park(1'000'000), "the request ends the wait, not the deadline");
    if (Registers) source->remove(waking);
  });
  program.actor("canceller", [&] { source->cancel(reason_kind::user); });
  return belay::explore::exhaust(program);
}
TEST(source_mutants, wait_that_does_not_register) {
  EXPECT_TRUE(wait_with_a_deadline<true>().holds()) << wait_with_a_deadline<true>().text();
  expect_caught(wait_with_a_deadline<false>(), "not the deadline");
}

// stdexec#634, #1416: the callback is registered before the object that it uses is complete.
template <bool RegistersLast>
exhausted construction() {
  struct object : belay::listener {
    explicit object(belay::source& from) : listener(&run), source(from) {
      if (RegistersLast) data.write(1);
      added = source.add(*this);
      if (!RegistersLast) data.write(1);
    }
    ~object() {
      if (added) source.remove(*this);
    }
    static void run(listener& self, belay::reason) noexcept {
      require(static_cast<object&>(self).data.read() == 1, "the object is complete");
    }
    belay::source& source;
    ordered data;
    bool added;
  };
  fresh<belay::source> source;
  belay::explore::program_under_test program;
  program.before([&] { source.make(); });
  program.actor("owner", [&] { object it(*source); });
  program.actor("canceller", [&] { source->cancel(reason_kind::user); });
  return belay::explore::exhaust(program);
}
TEST(source_mutants, registered_before_construction_is_complete) {
  EXPECT_TRUE(construction<true>().holds());
  expect_caught(construction<false>(), "");
}

}  // namespace
}  // namespace source_tests
