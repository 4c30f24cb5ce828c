// Cancelling by id against release and reuse of the slot, explored, and mutants of the table.
#include <cstring>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "belay/operation_table.hpp"
#include "core/operation_table_slow.hpp"
#include "explore/explore.hpp"
#include "fresh.hpp"

namespace {

using belay::cancel_result;
using belay::handshake;
using belay::operation;
using belay::operation_id;
using belay::outcome;
using belay::reason_kind;
using belay::table_traits;
using belay::explore::require;
namespace sync = belay::sync;

enum class kind { notify, claim, idle };

/// The owner has an operation in the table's only slot, ends it, releases it, and has a second one
/// in the same slot and in the same memory. `cancels` others cancel by the first id.
template <class Traits>
class reuse {
 public:
  explicit reuse(kind what, int cancels) : kind_(what), cancels_(cancels) {
    program_.before([this] {
      state_.make();
      state& s = *state_;
      s.of = this;
      s.notify.of = s.claim.of = &s;
      if (kind_ == kind::notify) new (s.memory) operation(s.notify);
      if (kind_ == kind::claim) new (s.memory) operation(s.claim);
      if (kind_ == kind::idle) new (s.memory) operation();
      s.id = s.table.insert(s.first());
      require(bool(s.id), "there is a slot");
    });
    program_.actor("owner", [this] { owner(); });
    for (int i = 0; i < cancels_; ++i) {
      program_.actor("canceller", [this, i] {
        state_->result[i] = state_->table.cancel(state_->id, reason_kind::user);
      });
    }
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
      auto& me = static_cast<routine_of&>(self);
      ++me.of->runs;
      if constexpr (std::is_same_v<Base, belay::claim_routine>) {
        me.of->owner_is_out.park(sync::forever);
        me.of->end_first();
      }
    }
    state* of = nullptr;
  };
  struct state {
    operation& first() { return *std::launder(reinterpret_cast<operation*>(memory)); }
    /// Whoever has the right to finish: gives the id back and frees the operation.
    void end_first() {
      first().complete(outcome::canceled);
      require(table.release(id), "released once");
      first().~operation();
      std::memset(memory, 0xdd, sizeof memory);
      of->run_second();
    }

    reuse* of = nullptr;
    belay::basic_operation_slot<Traits> slots[1];
    belay::basic_operation_table<Traits> table{slots};
    routine_of<belay::notify_routine> notify;
    routine_of<belay::claim_routine> claim;
    alignas(operation) unsigned char memory[sizeof(operation)];
    operation_id id, second;
    std::optional<cancel_result> result[2];
    sync::parking owner_is_out;
    int runs = 0;
    bool was_cancelled = false;
  };

  void owner() {
    state& s = *state_;
    if (kind_ == kind::claim && s.first().complete(s.claim, outcome::completed) != handshake::won) {
      s.owner_is_out.unpark();  // the routine sees to the rest
      return;
    }
    if (kind_ == kind::notify) s.first().complete(s.notify, outcome::completed);
    s.end_first();
  }

  void run_second() {
    state& s = *state_;
    new (s.memory) operation();
    s.second = s.table.insert(s.first());
    require(bool(s.second) && s.second != s.id, "another id");
    s.first().complete(outcome::completed);
    s.was_cancelled = s.first().cancelled();
    require(s.table.release(s.second), "the second id is the owner's");
    s.first().~operation();
    std::memset(s.memory, 0xdd, sizeof s.memory);
  }

  void check() {
    state& s = *state_;
    require(!s.was_cancelled, "the wrong operation was cancelled");
    int claimed = 0;
    for (int i = 0; i < cancels_; ++i) claimed += s.result[i] == cancel_result::claimed;
    require(claimed == s.runs, "a routine runs if and only if a request took it out");
    for (const unsigned char each : s.memory)
      require(each == 0xdd, "nobody reaches the operation after the release");
  }

  kind kind_;
  int cancels_;
  belay::explore::program_under_test program_;
  explored_tests::fresh<state> state_;
};

TEST(table_explored, cancel_against_release_and_reuse) {
  struct row {
    kind what;
    int cancels;
    bool prune;
    std::uint64_t executions;
  };
  const row rows[] = {
      {kind::idle, 1, false, 2840},    {kind::notify, 1, false, 5000},
      {kind::claim, 1, false, 4568},   {kind::idle, 2, true, 133302},
      {kind::notify, 2, true, 404237}, {kind::claim, 2, true, 166309},
  };
  for (const row& each : rows) {
    reuse<table_traits> program(each.what, each.cancels);
    const auto result = program.explore({.prune = each.prune});
    EXPECT_TRUE(result.holds()) << result.text();
    EXPECT_EQ(result.executions, each.executions)
        << static_cast<int>(each.what) << " " << each.cancels;
  }
}

/// Two owners share a table of two slots while somebody cancels one of them by id.
TEST(table_explored, two_owners) {
  struct state {
    belay::operation_slot slots[2];
    belay::operation_table table{slots};
    operation it[2];
    sync::atomic<std::uint64_t> seen{0};
    std::optional<cancel_result> result;
    bool cancelled[2] = {};
  };
  explored_tests::fresh<state> s;
  belay::explore::program_under_test program;
  program.before([&] { s.make(); });
  for (int i = 0; i < 2; ++i) {
    program.actor("owner", [&, i] {
      const operation_id id = s->table.insert(s->it[i]);
      require(bool(id), "one slot for each");
      if (i == 0) s->seen.store(id.bits());
      require(s->table.release(id), "its own");
      s->cancelled[i] = s->it[i].cancelled();
    });
  }
  program.actor("canceller", [&] {
    s->result = s->table.cancel(operation_id::from_bits(s->seen.load()), reason_kind::user);
  });
  program.after([&] {
    require(!s->it[1].cancelled(), "the wrong operation was cancelled");
    require(s->it[0].cancelled() == s->result.has_value(), "a request, or a stale id");
    require(s->cancelled[0] == s->it[0].cancelled(), "nobody reaches it after the release");
  });
  const auto result = belay::explore::exhaust(program, {.prune = true});
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, 4556u);
}

struct without_generation : table_traits {
  static constexpr bool checks_generation = false;
};
struct without_pin : table_traits {
  static constexpr bool pins = false;
};
struct release_does_not_wait : table_traits {
  static constexpr bool waits_for_pins = false;
};
struct forgets_to_wake : table_traits {
  static constexpr bool wakes = false;
};
struct never_retires : table_traits {
  static constexpr bool retires = false;
  static constexpr std::uint32_t first_generation = 0xffff'ffff;
};

template <class Traits>
std::string hunt() {
  [[maybe_unused]] static const bool ready = (belay::explore::install_crash_handlers(), true);
  const char* const names[] = {"notify", "claim", "idle"};
  for (const kind what : {kind::idle, kind::notify, kind::claim}) {
    const auto result = reuse<Traits>(what, 1).explore({.most_executions = 200'000});
    if (result.found) return std::string(names[static_cast<int>(what)]) + ": " + result.found->text;
  }
  return "";
}

TEST(table_mutants, without_generation) {
  EXPECT_EQ(hunt<without_generation>(), "idle: the wrong operation was cancelled");
}
TEST(table_mutants, without_pin) {
  EXPECT_EQ(hunt<without_pin>(), "idle: the wrong operation was cancelled");
}
TEST(table_mutants, release_does_not_wait) {
  EXPECT_EQ(hunt<release_does_not_wait>(), "idle: the second id is the owner's");
}
TEST(table_mutants, forgets_to_wake) {
  EXPECT_EQ(hunt<forgets_to_wake>(), "idle: nobody can go on: owner");
}
TEST(table_mutants, never_retires) { EXPECT_EQ(hunt<never_retires>(), "idle: another id"); }

}  // namespace
