// The table of operations: each call in each state; a slot that is used up; and ids raced against
// the reuse of their slots on real threads.
#include "belay/operation_table.hpp"

#include <functional>
#include <optional>
#include <set>
#include <thread>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include "core/operation_table_slow.hpp"

namespace {

using belay::cancel_result;
using belay::handshake;
using belay::operation;
using belay::operation_id;
using belay::operation_slot;
using belay::operation_table;
using belay::outcome;
using belay::reason_kind;
namespace sync = belay::sync;

static_assert(std::is_trivially_copyable_v<operation_id> && sizeof(operation_id) == 8);
static_assert(!operation_id());

template <class Kind>
struct counting : Kind {
  explicit counting(std::function<void()> then = {}) : Kind(&run), then_(std::move(then)) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    auto& me = static_cast<counting&>(self);
    ++me.runs;
    if (me.then_) me.then_();
  }
  int runs = 0;

 private:
  std::function<void()> then_;
};
using notify = counting<belay::notify_routine>;
using claim = counting<belay::claim_routine>;

TEST(operation_table, cancels_by_id) {
  operation_slot slots[2];
  operation_table table(slots);
  EXPECT_EQ(table.capacity(), 2u);
  notify routine;
  operation armed(routine), idle;
  const operation_id one = table.insert(armed), two = table.insert(idle);
  ASSERT_TRUE(one);
  ASSERT_TRUE(two);
  EXPECT_NE(one, two);
  EXPECT_EQ(table.cancel(one, reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(table.cancel(one, reason_kind::user), cancel_result::already_cancelled);
  EXPECT_EQ(table.cancel(two, {reason_kind::timeout, 5}), cancel_result::requested_nothing_armed);
  EXPECT_EQ(idle.reason().code(), 5u);
  EXPECT_TRUE(idle.complete(outcome::canceled));
  EXPECT_EQ(table.cancel(two, reason_kind::user), cancel_result::too_late);
  EXPECT_EQ(routine.runs, 1);
}

TEST(operation_table, a_stale_id_does_nothing) {
  operation_slot slots[1];
  operation_table table(slots);
  operation first, second;
  const operation_id old = table.insert(first);
  EXPECT_FALSE(table.insert(second)) << "full";
  EXPECT_TRUE(table.release(old));
  EXPECT_EQ(table.cancel(old, reason_kind::user), operation_table::stale);
  EXPECT_FALSE(table.release(old));
  const operation_id current = table.insert(second);
  ASSERT_TRUE(current);
  EXPECT_EQ(current.index(), old.index());
  EXPECT_EQ(current.generation(), old.generation() + 1);
  EXPECT_EQ(table.cancel(old, reason_kind::user), operation_table::stale);
  EXPECT_FALSE(table.release(old));
  EXPECT_FALSE(first.cancelled());
  EXPECT_FALSE(second.cancelled());
  EXPECT_EQ(table.cancel(operation_id::from_bits(current.bits()), reason_kind::user),
            cancel_result::requested_nothing_armed);
}

TEST(operation_table, an_id_that_never_was_does_nothing) {
  operation_slot slots[2];
  operation_table table(slots);
  operation it;
  const operation_id id = table.insert(it);
  for (const std::uint64_t bits : {std::uint64_t{0}, std::uint64_t{1}, id.bits() + 1, id.bits() + 2,
                                   id.bits() + (std::uint64_t{1} << 32), ~std::uint64_t{0}}) {
    EXPECT_EQ(table.cancel(operation_id::from_bits(bits), reason_kind::user),
              operation_table::stale);
    EXPECT_FALSE(table.release(operation_id::from_bits(bits)));
  }
  EXPECT_FALSE(it.cancelled());
}

TEST(operation_table, an_empty_table_takes_nothing) {
  operation_table table({});
  operation it;
  EXPECT_FALSE(table.insert(it));
}

TEST(operation_table, slots_are_used_again) {
  operation_slot slots[3];
  operation_table table(slots);
  operation it[3];
  std::set<std::uint64_t> seen;
  for (int round = 0; round < 100; ++round) {
    operation_id ids[3];
    for (int i = 0; i < 3; ++i) {
      ids[i] = table.insert(it[i]);
      EXPECT_TRUE(ids[i]);
      EXPECT_TRUE(seen.insert(ids[i].bits()).second) << "an id was given out twice";
    }
    EXPECT_FALSE(table.insert(it[0]));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(table.release(ids[(i + round) % 3]));
  }
}

TEST(operation_table, claim_routine_may_release_its_id_and_free_the_operation) {
  operation_slot slots[1];
  operation_table table(slots);
  operation_id id;
  auto* it = new std::optional<operation>;
  claim routine([&] {
    EXPECT_TRUE(table.release(id));
    EXPECT_TRUE((*it)->complete(outcome::canceled));
    delete it;
  });
  it->emplace(routine);
  id = table.insert(**it);
  EXPECT_EQ(table.cancel(id, reason_kind::user), cancel_result::claimed);
  EXPECT_EQ(table.cancel(id, reason_kind::user), operation_table::stale);
}

TEST(operation_table, notify_routine_may_release_its_id_and_free_the_operation) {
  operation_slot slots[1];
  operation_table table(slots);
  operation_id id;
  auto* it = new std::optional<operation>;
  notify routine([&] {
    EXPECT_TRUE(table.release(id));
    delete it;
  });
  it->emplace(routine);
  id = table.insert(**it);
  EXPECT_EQ(table.cancel(id, reason_kind::user), cancel_result::claimed);
}

struct late : belay::table_traits {
  static constexpr std::uint32_t first_generation = 0xffff'ffff;
};

TEST(operation_table, a_slot_that_is_used_up_retires) {
  belay::basic_operation_slot<late> slots[1];
  belay::basic_operation_table<late> table(slots);
  operation it;
  const operation_id last = table.insert(it);
  EXPECT_EQ(last.generation(), 0xffff'ffff);
  EXPECT_TRUE(table.release(last));
  EXPECT_FALSE(table.insert(it));
  EXPECT_FALSE(table.release(last));
  EXPECT_EQ(table.cancel(last, reason_kind::user), std::nullopt);
  EXPECT_EQ(table.cancel({}, reason_kind::user), std::nullopt);
}

/// The owner runs operation after operation in one slot and one place of memory; two others cancel
/// by whatever id they saw last.
TEST(operation_table, ids_race_with_the_reuse_of_their_slot) {
  constexpr std::uint32_t rounds = 500'000;
  operation_slot slots[1];
  operation_table table(slots);
  sync::atomic<std::uint64_t> current{0};
  sync::atomic<std::uint32_t> claimed{0};
  sync::atomic<std::uint32_t> ready{0};
  sync::atomic<bool> over{false};
  auto cancel = [&] {
    ready.fetch_add(1);
    for (std::uint32_t turn = 0; !over.load(); ++turn) {
      const auto id = operation_id::from_bits(current.load());
      if (turn % 4 == 0) std::this_thread::yield();
      if (table.cancel(id, {reason_kind::user, id.generation() & 0xff'ffff}) ==
          cancel_result::claimed)
        claimed.fetch_add(1);
    }
  };
  std::thread first(cancel), second(cancel);
  while (ready.load() < 2) std::this_thread::yield();
  std::uint32_t ran = 0;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    notify routine;
    operation it(routine);
    const operation_id id = table.insert(it);
    current.store(id.bits());
    if (round % 64 == 0) std::this_thread::yield();
    if (it.complete(routine, outcome::completed) != handshake::won) {
      EXPECT_EQ(it.reason().code(), id.generation() & 0xff'ffff) << "somebody else's request";
    }
    EXPECT_TRUE(table.release(id));
    ran += static_cast<std::uint32_t>(routine.runs);
  }
  over.store(true);
  first.join();
  second.join();
  EXPECT_EQ(ran, claimed.load());
  EXPECT_GT(ran, 0u);
}

}  // namespace
