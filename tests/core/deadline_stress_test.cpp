// A million deadlines raced on real threads: an owner that arms and disarms against one that
// expires, in lockstep. What the explorer shows for every order of the steps,
// this shows for the processor's memory and the kernel's futex, and the sanitizers watch.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include <gtest/gtest.h>

#include "belay/deadline_service.hpp"
#include "belay/operation.hpp"
#include "turnstile.hpp"

namespace {

using belay::deadline;
using belay::handshake;
using belay::timer_wheel;
using core_tests::turnstile;
namespace sync = belay::sync;

constexpr sync::nanoseconds tick = timer_wheel::tick;

struct limited {
  static void fire(void* at) noexcept {
    auto& me = *static_cast<limited*>(at);
    me.effect = me.input;
    for (int i = 0; i < me.pause; ++i) sync::relax();
    ++me.runs;
  }
  deadline limit;
  int input = 0, effect = 0, runs = 0, pause = 0;  // plain: the handshake orders them
};

/// In each round an owner arms a deadline for the tick at which the other expires, and takes it
/// back in one of four ways. They meet before a round and after it.
struct race {
  static constexpr std::uint32_t rounds = 1'000'000;

  timer_wheel wheel{0};
  turnstile start, end;
  std::uint32_t won = 0, cancelled = 0, running = 0;

  static sync::nanoseconds time_of(std::uint32_t round) { return 2 * tick * round; }
  static int pause(std::uint32_t round, int bits) {
    return static_cast<int>(round * 2654435761u >> (32 - bits));
  }

  void expire() {
    for (std::uint32_t round = 1; round <= rounds; ++round) {
      start.pass(round);
      for (int i = pause(round, 5); i > 0; --i) sync::relax();
      wheel.expire(time_of(round));
      end.open(round);
    }
  }

  handshake take_back(deadline& limit, std::uint32_t round) {
    switch (round % 4) {
      case 0:
        return limit.try_disarm();
      case 1: {
        const handshake moved = limit.rearm(time_of(round) - tick);
        return moved == handshake::won ? limit.disarm() : moved;
      }
      case 2:
        return limit.disarm_until(sync::now() + 200);
      default:
        return limit.disarm();
    }
  }

  void owner() {
    auto it = std::make_unique<limited>();
    for (std::uint32_t round = 1; round <= rounds; ++round) {
      it->runs = it->effect = 0;
      it->input = static_cast<int>(round);
      it->pause = pause(round * 7, 4);
      it->limit.arm(wheel, time_of(round), &limited::fire, it.get());
      start.open(round);
      for (int i = pause(round * 3, 5); i > 0; --i) sync::relax();
      handshake how = take_back(it->limit, round);
      if (how == handshake::running) {
        ++running;
        how = it->limit.disarm();
        ASSERT_EQ(how, handshake::cancelled);
      }
      ASSERT_TRUE(how == handshake::won || how == handshake::cancelled);
      ++(how == handshake::won ? won : cancelled);
      ASSERT_EQ(it->runs, how == handshake::won ? 0 : 1);
      ASSERT_EQ(it->effect, how == handshake::won ? 0 : static_cast<int>(round));
      if (round % 8 == 0) it = std::make_unique<limited>();  // it may go at once
      end.pass(round);
    }
  }
};

TEST(deadline_stress, a_million_races) {
  race all;
  const sync::actor_id expiry = sync::spawn(
      {.name = "expiry"}, [](void* at) { static_cast<race*>(at)->expire(); }, &all);
  all.owner();
  if (HasFatalFailure()) std::abort();  // the other would wait for ever
  sync::join(expiry);
  EXPECT_EQ(all.won + all.cancelled, race::rounds);
  EXPECT_GT(all.won, 0u);
  EXPECT_GT(all.cancelled, 0u);
  RecordProperty("cancelled", static_cast<int>(all.cancelled));
  RecordProperty("running", static_cast<int>(all.running));
}

/// Real time: short deadlines on a service, each either disarmed or waited for.
TEST(deadline_stress, a_service) {
  belay::deadline_service service;
  ASSERT_TRUE(service.start());
  for (int round = 0; round < 200; ++round) {
    belay::operation it;
    deadline limit, later;
    const sync::nanoseconds now = sync::now();
    later.arm_in(service.wheel(), now, 60'000'000'000, it);
    limit.arm_in(service.wheel(), now, round % 4 == 0 ? tick : 60'000'000'000, it);
    if (round % 4 == 0) {
      struct waking : belay::notify_routine {
        waking() : notify_routine(&run) {}
        static void run(belay::routine& self, belay::reason) noexcept {
          static_cast<waking&>(self).woken.unpark();
        }
        sync::parking woken;
      } routine;
      if (it.arm(routine)) {
        routine.woken.park(sync::forever);
        EXPECT_NE(it.disarm(routine), handshake::won);
      }
      EXPECT_GE(sync::now(), now + tick);
      EXPECT_TRUE(it.cancelled());
      EXPECT_EQ(limit.disarm(), handshake::cancelled);
    } else {
      EXPECT_EQ(limit.disarm(), handshake::won);
    }
    EXPECT_EQ(later.disarm(), handshake::won);
  }
  service.stop();
  EXPECT_TRUE(service.start());
}

TEST(deadline_stress, the_default_wheel) {
  belay::operation it;
  deadline limit;
  limit.arm(belay::default_timer_wheel(), sync::now(), it);
  while (!it.cancelled()) sync::yield();
  EXPECT_EQ(limit.disarm(), handshake::cancelled);
}

/// Each is destroyed by its own callback while another thread arms the next.
TEST(deadline_stress, destroyed_inside) {
  struct one {
    static void fire(void* at) noexcept {
      auto* const me = static_cast<one*>(at);
      std::atomic<int>& gone = *me->gone;
      delete me;
      ++gone;
    }
    deadline limit;
    std::atomic<int>* gone;
  };
  constexpr int rounds = 100'000;
  struct state {
    timer_wheel wheel{0};
    std::atomic<int> gone{0};
  } all;
  const sync::actor_id expiry = sync::spawn(
      {.name = "expiry"},
      [](void* at) {
        auto& s = *static_cast<state*>(at);
        for (sync::nanoseconds now = 0; s.gone.load() < rounds; now += tick) s.wheel.expire(now);
      },
      &all);
  for (int i = 0; i < rounds; ++i) {
    auto* const it = new one{.limit = {}, .gone = &all.gone};
    it->limit.arm(all.wheel, 0, &one::fire, it);
  }
  sync::join(expiry);
  EXPECT_EQ(all.gone.load(), rounds);
}

}  // namespace
