// A million operations raced on real threads: an owner against a requester, in lockstep. What the
// explorer shows for every order of the steps, this shows for the processor's memory and the
// kernel's futex, and the sanitizers watch.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "belay/operation.hpp"
#include "turnstile.hpp"

namespace {

using belay::cancel_result;
using belay::handshake;
using belay::operation;
using belay::outcome;
using belay::reason_kind;
using core_tests::turnstile;
namespace sync = belay::sync;

constexpr std::uint32_t rounds = 1'000'000;

struct notified : belay::notify_routine {
  notified() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    auto& me = static_cast<notified&>(self);
    me.effect = me.input;
    ++me.runs;
  }
  int input = 0, effect = 0, runs = 0;  // plain: the handshake orders them
};

struct claimed : belay::claim_routine {
  claimed() : claim_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    auto& me = static_cast<claimed&>(self);
    me.effect = me.input;
    ++me.runs;
    me.finished = me.of->complete(outcome::canceled);
  }
  operation* of = nullptr;
  int input = 0, effect = 0, runs = 0;
  bool finished = false;
};

struct duel {
  std::unique_ptr<operation> it;
  notified notify;
  claimed claim;
  turnstile start, end;
  cancel_result result = cancel_result::too_late;
  std::uint32_t said = 0;
  std::uint32_t cancelled = 0, won = 0;

  void requester() {
    for (std::uint32_t round = 1; round <= rounds; ++round) {
      start.pass(round);
      for (std::uint32_t pause = round * 2654435761u >> 27; pause > 0; --pause) sync::relax();
      said = round;
      result = it->cancel({reason_kind::user, round & 0xff'ffff});
      end.open(round);
    }
  }

  /// Arms, disarms, arms again and completes, in eight variations.
  void notify_round(std::uint32_t round) {
    notify.runs = notify.effect = 0;
    notify.input = 1;
    const bool from_start = (round & 1) != 0;
    it = from_start ? std::make_unique<operation>(notify) : std::make_unique<operation>();
    start.open(round);
    bool armed = from_start || it->arm(notify);
    if (armed && (round & 2) != 0) {
      const handshake first = (round & 4) != 0 ? it->try_disarm(notify) : it->disarm(notify);
      if (first == handshake::won) {
        ASSERT_EQ(notify.runs, 0);
        notify.input = 2;
        armed = it->arm(notify);
      } else if (first == handshake::running) {
        ASSERT_EQ(it->disarm(notify), handshake::cancelled);
        armed = false;
      } else {
        armed = false;
      }
    }
    if (armed && it->complete(notify, outcome::completed) == handshake::won) {
      ++won;
      ASSERT_EQ(notify.runs, 0);
    } else {
      ++cancelled;
      ASSERT_TRUE(it->cancelled());
      ASSERT_EQ(it->reason().code(), round & 0xff'ffff);
      ASSERT_EQ(said, round);
      ASSERT_EQ(notify.runs, notify.effect == 0 ? 0 : 1);
      notify.input = 3;  // a race with the routine, were it still running
      ASSERT_TRUE(it->complete(outcome::canceled));
    }
    ASSERT_FALSE(it->complete(outcome::failed));
    if (notify.runs == 1) it.reset();  // the requester may still be on its way out of cancel()
  }

  void claim_round(std::uint32_t round) {
    claim.runs = claim.effect = 0;
    claim.finished = false;
    claim.input = 1;
    it = std::make_unique<operation>(claim);
    claim.of = it.get();
    start.open(round);
    if (it->complete(claim, outcome::completed) == handshake::won) {
      ++won;
      ASSERT_EQ(it->outcome(), outcome::completed);
    } else {
      ++cancelled;
      ASSERT_TRUE(it->wait());
      ASSERT_EQ(claim.effect, 1);
      ASSERT_EQ(it->outcome(), outcome::canceled);
    }
  }

  void owner() {
    for (std::uint32_t round = 1; round <= rounds; ++round) {
      const bool notifies = (round & 8) != 0;
      notifies ? notify_round(round) : claim_round(round);
      if (testing::Test::HasFatalFailure()) FAIL() << "in round " << round;
      end.pass(round);
      const int runs = notifies ? notify.runs : claim.runs;
      ASSERT_EQ(runs, result == cancel_result::claimed ? 1 : 0);
      ASSERT_TRUE(notifies || claim.finished == (runs == 1));
      if (it != nullptr) {
        ASSERT_EQ(it->cancelled(), result != cancel_result::too_late);
      }
      it.reset();
    }
  }
};

TEST(operation_stress, a_million_races) {
  duel all;
  const sync::actor_id requester = sync::spawn(
      {.name = "requester"}, [](void* at) { static_cast<duel*>(at)->requester(); }, &all);
  all.owner();
  if (HasFatalFailure()) std::abort();  // the requester would wait for ever
  sync::join(requester);
  EXPECT_EQ(all.won + all.cancelled, rounds);
  EXPECT_GT(all.won, 0u);
  EXPECT_GT(all.cancelled, 0u);
  RecordProperty("cancelled", static_cast<int>(all.cancelled));
}

/// Waiters on real futexes: each round somebody waits while another completes.
TEST(operation_stress, nobody_sleeps_for_ever) {
  struct meeting {
    operation* it = nullptr;
    turnstile start, end;
    int result = 0;
  } all;
  constexpr std::uint32_t meetings = 20'000;
  const sync::actor_id waiter = sync::spawn(
      {.name = "waiter"},
      [](void* at) {
        auto& with = *static_cast<meeting*>(at);
        for (std::uint32_t round = 1; round <= meetings; ++round) {
          with.start.pass(round);
          if (!with.it->wait() || with.result != static_cast<int>(round)) std::abort();
          with.end.open(round);
        }
      },
      &all);
  for (std::uint32_t round = 1; round <= meetings; ++round) {
    operation it;
    all.it = &it;
    all.start.open(round);
    for (std::uint32_t pause = round * 2654435761u >> 24; pause > 0; --pause) sync::relax();
    all.result = static_cast<int>(round);
    ASSERT_TRUE(it.complete(outcome::completed));
    all.end.pass(round);
  }
  sync::join(waiter);
}

}  // namespace
