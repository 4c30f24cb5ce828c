// Nothing on the path of an operation's life takes memory from the heap: the global allocator of
// this program counts, and the count stays at zero over everything that the core and its edges
// offer, alone and raced.
//
// One thing does allocate, and the first test says how often: a thread that sync did not start
// becomes an actor at its first call. That costs the C library's note of what to run at the end of
// the thread, once a thread, and a block of 1024 records, once for so many actors.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "allocations.hpp"
#include "belay/biased_operation.hpp"
#include "belay/callback.hpp"
#include "belay/deadline_service.hpp"
#include "belay/event_fd.hpp"
#include "belay/fan_out_source.hpp"
#include "belay/interruptible.hpp"
#include "belay/operation_table.hpp"
#include "belay/scope.hpp"
#include "belay/timer_fd.hpp"
#include "belay/wide_source.hpp"
#include "partner.hpp"

namespace {

using belay::handshake;
using belay::outcome;
using belay::reason_kind;
using core_tests::allocations_in;
using core_tests::counts_malloc;
using core_tests::partner;
namespace sync = belay::sync;

constexpr sync::nanoseconds tick = belay::timer_wheel::tick;

/// Every test starts on a thread that is an actor already.
struct no_allocation : testing::Test {
  static void SetUpTestSuite() { sync::self(); }
  /// Inside what is counted: no assertion of GoogleTest, which might allocate.
  void sure(bool holds, int line = __builtin_LINE()) {
    if (!holds && wrong_at == 0) wrong_at = line;
  }
  void TearDown() override { EXPECT_EQ(wrong_at, 0) << "the first line that did not hold"; }
  int wrong_at = 0;
  static constexpr int rounds = 2000;
};

struct notified : belay::notify_routine {
  notified() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    auto& me = static_cast<notified&>(self);
    for (int i = 0; i < me.pause; ++i) sync::relax();
    ++me.runs;
  }
  static void after(belay::routine& self, belay::reason) noexcept {
    static_cast<notified&>(self).afters.store(1, std::memory_order_release);
  }
  int pause = 0, runs = 0;
  sync::atomic<int> afters{0};
};

struct claimed : belay::claim_routine {
  explicit claimed(belay::operation& mine) : claim_routine(&run), of(mine) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    static_cast<claimed&>(self).of.complete(outcome::canceled);
  }
  belay::operation& of;
};

template <class Base = belay::listener>
struct heard : Base {
  heard() : Base(&run) {}
  static void run(belay::listener& self, belay::reason) noexcept {
    auto& me = static_cast<heard&>(self);
    for (int i = 0; i < me.pause; ++i) sync::relax();
    ++me.runs;
  }
  static void after(belay::listener& self, belay::reason) noexcept {
    static_cast<heard&>(self).afters.store(1, std::memory_order_release);
  }
  int pause = 0, runs = 0;
  sync::atomic<int> afters{0};
};

/// What a thread that others started pays to become an actor.
constexpr long cost_of_a_thread = counts_malloc ? 1 : 0;

TEST_F(no_allocation, but_for_the_first_use_of_a_foreign_thread) {
  constexpr int threads = 1200;
  long first = 0, later = 0;
  for (int i = 0; i < threads; ++i) {
    std::thread([&] {
      first += allocations_in([] { sync::self(); });
      later += allocations_in([] {
        sync::self();
        sync::level();
      });
    }).join();
  }
  // Slots rest behind 1024 others before they are used again: there is a second block of them.
  EXPECT_EQ(first, threads * cost_of_a_thread + 1);
  EXPECT_EQ(later, 0);

  struct actor {
    long all = -1;
    static void main(void* self) {
      static_cast<actor*>(self)->all = allocations_in([] { sync::self(); });
    }
  } ours;
  sync::join(sync::spawn({}, &actor::main, &ours));
  EXPECT_EQ(ours.all, 0) << "a thread that sync started is an actor from the beginning";
}

/// Keeps the compiler from leaving out what is taken and given back at once.
void* escaping(void* block) {
  asm volatile("" : "+r"(block) : : "memory");
  return block;
}

TEST_F(no_allocation, is_what_the_counter_would_see) {
  EXPECT_EQ(allocations_in([] { ::operator delete(escaping(::operator new(1))); }), 1);
  EXPECT_EQ(allocations_in([] { ::operator delete[](escaping(::operator new[](1))); }), 1);
  constexpr auto line = std::align_val_t(64);
  EXPECT_EQ(allocations_in([] { ::operator delete(escaping(::operator new(9, line)), line); }), 1);
  EXPECT_EQ(allocations_in([] { ::operator delete(escaping(::operator new(1, std::nothrow))); }),
            1);
  EXPECT_EQ(allocations_in([] { std::make_shared<int>(); }), 1);
  constexpr long one = counts_malloc ? 1 : 0;
  EXPECT_EQ(allocations_in([] { std::free(escaping(std::malloc(1))); }), one);
  EXPECT_EQ(allocations_in([] { std::free(escaping(std::calloc(1, 1))); }), one);
  EXPECT_EQ(allocations_in([] { std::free(escaping(std::aligned_alloc(64, 64))); }), one);
  partner other;
  const auto there = [&] {
    other.both([] {}, [] { ::operator delete(escaping(::operator new(1))); });
  };
  EXPECT_EQ(allocations_in(there), 1) << "on another thread";
}

template <class Operation>
void one_operation(no_allocation& test) {
  notified a, b;
  Operation plain, armed(a);
  test.sure(plain.arm(a) && plain.disarm(a) == handshake::won);
  test.sure(plain.arm(a) && plain.try_disarm(a) == handshake::won);
  test.sure(plain.arm(a) && plain.disarm_until(a, sync::now()) == handshake::won);
  test.sure(!plain.cancelled() && plain.reason().kind() == reason_kind::none);
  test.sure(plain.complete(outcome::completed) && !plain.complete(outcome::failed));
  test.sure(plain.try_reset() && plain.arm(a));
  test.sure(plain.complete(a, outcome::completed) == handshake::won && plain.wait());
  test.sure(plain.cancel(reason_kind::user) == belay::cancel_result::too_late);
  test.sure(!armed.wait(sync::now() + 1000));
  test.sure(armed.cancel(reason_kind::user) == belay::cancel_result::claimed);
  test.sure(armed.disarm(a) == handshake::cancelled && !armed.arm(b) && !armed.try_reset());
  test.sure(armed.complete(outcome::canceled) && armed.wait(sync::now()));
}

TEST_F(no_allocation, in_an_operation_s_life) {
  EXPECT_EQ(allocations_in([&] { one_operation<belay::operation>(*this); }), 0);
  const auto further = [&] {
    notified a, b;
    belay::operation replaced(a), asked;
    sure(replaced.replace(a, b) == handshake::won);
    belay::routine_shield(replaced, b);
    sure(replaced.disarm_async(b, &notified::after) == handshake::won);
    sure(replaced.arm(b) &&
         replaced.run(replaced.request(reason_kind::user)) == belay::cancel_result::claimed);
    belay::operation claimable;
    claimed c(claimable);
    sure(claimable.arm(c) && claimable.cancel(reason_kind::user) == belay::cancel_result::claimed);
    sure(claimable.wait() && claimable.outcome() == outcome::canceled);
    sure(asked.cancel(reason_kind::user) == belay::cancel_result::requested_nothing_armed);
  };
  EXPECT_EQ(allocations_in(further), 0);
}

TEST_F(no_allocation, in_raced_operations) {
  partner other;
  const auto races = [&] {
    for (int i = 0; i < rounds; ++i) {
      notified a;
      a.pause = i % 4 == 3 ? 20'000 : i % 128;  // 20'000: others sleep in the kernel
      belay::operation it(a);
      const auto owner = [&] {
        switch (i % 4) {
          case 0:
            if (it.complete(a, outcome::completed) != handshake::won)
              it.complete(outcome::canceled);
            break;
          case 1:
            while (it.disarm_until(a, sync::now() + 500) == handshake::running) {
            }
            break;
          case 2:
            if (it.disarm_async(a, &notified::after) == handshake::running)
              while (a.afters.load(std::memory_order_acquire) == 0) sync::relax();
            break;
          default:
            it.wait(sync::now() + 50'000);
            it.disarm(a);
        }
      };
      other.both(owner, [&] { it.cancel(reason_kind::user); });
    }
    for (int i = 0; i < rounds; ++i) {
      belay::operation it;
      claimed c(it);
      sure(it.arm(c));
      other.both([&] { sure(it.complete(c, outcome::completed) == handshake::won || it.wait()); },
                 [&] { it.cancel(reason_kind::user); });
    }
  };
  EXPECT_EQ(allocations_in(races), 0);
}

TEST_F(no_allocation, in_operations_by_number_and_biased_ones) {
  partner other;
  const auto all = [&] {
    belay::operation_slot slots[4];
    belay::operation_table table(slots);
    for (int i = 0; i < rounds; ++i) {
      notified a;
      belay::operation it(a);
      const belay::operation_id id = table.insert(it);
      other.both(
          [&] {
            sure(table.release(id));
            it.disarm(a);
          },
          [&] { table.cancel(id, reason_kind::user); });
      sure(!table.cancel(id, reason_kind::user).has_value());
    }
    for (int i = 0; i < rounds; ++i) {
      notified a;
      belay::biased_operation it(a);
      sure(it.disarm(a) == handshake::won && it.arm(a));
      other.both([&] { it.complete(a, outcome::completed); },
                 [&] { it.cancel(reason_kind::user); });
    }
    notified a, b;
    belay::biased_operation first(a), second(b), reset;
    belay::biased_operation* both[] = {&first, &second};
    sure(belay::biased_operation::cancel_all(both, reason_kind::shutdown) == 2);
    sure(reset.complete(outcome::completed) && reset.try_reset() && !reset.wait(sync::now()));
  };
  EXPECT_EQ(allocations_in(all), 0);
}

template <class Source, class Listener>
void one_source(no_allocation& test) {
  Source stop;
  Listener a, b, c;
  test.sure(stop.add(a) && stop.add(b) && stop.add(c));
  test.sure(stop.remove(b) == handshake::won && stop.remove(b) == handshake::refused);
  test.sure(stop.add(b) && stop.try_remove(a) == handshake::won);
  test.sure(stop.add(a) && stop.remove_until(c, sync::now()) == handshake::won);
  test.sure(stop.cancel(reason_kind::user) == belay::cancel_result::claimed);
  test.sure(a.runs == 1 && b.runs == 1 && c.runs == 0 && !stop.add(c));
  test.sure(stop.remove(a) == handshake::cancelled && stop.cancelled() && stop.is_canceller());
}

TEST_F(no_allocation, in_sources) {
  EXPECT_EQ(allocations_in([&] { one_source<belay::source, heard<>>(*this); }), 0);
  EXPECT_EQ(
      allocations_in([&] { one_source<belay::wide_source, heard<belay::wide_listener>>(*this); }),
      0);
  EXPECT_EQ(allocations_in(
                [&] { one_source<belay::fan_out_source, heard<belay::fan_out_listener>>(*this); }),
            0);
  const auto further = [&] {
    belay::source stop;
    heard<> a, b;
    sure(stop.add(a) && stop.replace(a, b) &&
         stop.remove_async(b, &heard<>::after) == handshake::won);
    sure(stop.try_reset());
    std::array<char, 256> large{};
    int ran = 0;
    belay::callback on_stop(stop, [&ran, large] { ran += 1 + large[0]; });
    belay::callback with_reason(stop, [&](belay::reason) { ++ran; });
    sure(with_reason.remove() == handshake::won);
    stop.cancel(reason_kind::user);
    belay::callback at_once(stop, [&] { ++ran; });
    sure(ran == 2);
  };
  EXPECT_EQ(allocations_in(further), 0);
}

TEST_F(no_allocation, in_raced_sources) {
  partner other;
  const auto races = [&] {
    for (int i = 0; i < rounds; ++i) {
      belay::source stop;
      heard<> all[4];
      for (int k = 0; k < 4; ++k) {
        all[k].pause =
            k == 3 && i % 4 == 3 ? 20'000 : (i + k) % 64;  // else it sleeps in the kernel
        stop.add(all[k]);
      }
      const auto owner = [&] {
        sure(stop.remove(all[3]) != handshake::refused);
        while (stop.try_remove(all[2]) == handshake::running) {
        }
        while (stop.remove_until(all[1], sync::now() + 500) == handshake::running) {
        }
        if (stop.remove_async(all[0], &heard<>::after) == handshake::running)
          while (all[0].afters.load(std::memory_order_acquire) == 0) sync::relax();
      };
      other.both(owner, [&] { stop.cancel(reason_kind::user); });
    }
  };
  EXPECT_EQ(allocations_in(races), 0);
}

/// A chain of children, each with a listener and an operation below.
struct level {
  explicit level(belay::source& parent) : node(parent), leaf(node, routine) { node.add(listener); }
  ~level() { node.remove(listener); }
  belay::child_source node;
  notified routine;
  belay::child_operation leaf;
  heard<> listener;
};

TEST_F(no_allocation, in_trees) {
  constexpr int depth = 1000;
  const auto chain = std::make_unique<std::array<std::optional<level>, depth>>();
  partner other;
  const auto tree = [&] {
    for (int turn = 0; turn < 8; ++turn) {
      belay::source root;
      belay::source* parent = &root;
      const auto build = [&] {
        for (auto& each : *chain) parent = &each.emplace(*parent).node;
        belay::child_operation late(*parent);
        sure(late.detach() != handshake::running);
      };
      const auto cancel = [&] { root.cancel({reason_kind::shutdown, 3}); };
      if (turn % 2 == 0) {
        build();
        cancel();
      } else {
        other.both(build, cancel);
      }
      for (auto& each : *chain) sure(each->leaf.cancelled() && each->node.cancelled());
      const auto destroy = [&] {
        for (int i = depth; i-- > 0;) (*chain)[i].reset();
      };
      turn % 4 == 1 ? other.both([] {}, destroy) : destroy();
    }
  };
  EXPECT_EQ(allocations_in(tree), 0);

  const auto shields = [&] {
    for (int i = 0; i < rounds; ++i) {
      belay::source root;
      belay::child_source child(root);
      belay::child_operation leaf(child);
      const auto owner = [&] {
        belay::shield outer(child), inner(leaf), again(child);
        sure(!again.holds());
        sync::relax();
        inner.end();
        sure(!outer.pending() || root.cancelled());
      };
      other.both(owner, [&] { root.cancel(reason_kind::user); });
      sure(child.cancelled() && leaf.cancelled());
    }
  };
  EXPECT_EQ(allocations_in(shields), 0);
}

TEST_F(no_allocation, in_deadlines_and_scopes) {
  belay::deadline_service service;
  ASSERT_TRUE(service.start());
  const auto all = [&] {
    belay::timer_wheel wheel(0);
    belay::operation it;
    belay::deadline limits[64];
    for (int i = 0; i < 64; ++i) limits[i].arm(wheel, tick * (1LL << i % 30), it);
    sure(limits[0].disarm() == handshake::won && limits[1].rearm(5 * tick) == handshake::won);
    for (int i = 0; i < 30; ++i) wheel.expire(tick * (1LL << i));
    for (auto& each : limits) each.try_disarm();
    sure(it.cancelled() && wheel.next_due() != 0);
    for (int i = 0; i < 20; ++i) {
      notified routine;
      belay::operation reading(routine);
      belay::deadline limit;
      limit.arm(service.wheel(), sync::now() + (i % 2 == 0 ? tick : 60'000'000'000), reading);
      if (i % 2 == 0)
        while (!reading.cancelled()) sync::yield();
      limit.disarm();
      reading.disarm(routine);
    }
    belay::root_scope request(wheel, tick << 34);
    belay::scope query(request, tick << 33), row(query);
    sure(row.deadline() == query.deadline() && row.try_reset(tick << 31));
    belay::shielded_scope cleanup(row, tick << 32);
    wheel.expire(tick << 33);
    sure(query.cancelled() && row.cancelled() && !request.cancelled());
    sure(cleanup.cancelled() && request.cancel(reason_kind::user) == belay::cancel_result::claimed);
  };
  EXPECT_EQ(allocations_in(all), 0);
}

TEST_F(no_allocation, in_the_edges) {
  partner other;
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const auto all = [&] {
    belay::timer_fd timers;
    for (int i = 0; i < 100; ++i) {
      belay::operation it;
      belay::source stop;
      belay::event_fd event(it), of_source(stop);
      belay::deadline limit;
      limit.arm(timers.wheel(), sync::now() + tick, it);
      other.both(
          [&] {
            pollfd at = {event.descriptor(), POLLIN, 0};
            sure(::poll(&at, 1, -1) == 1 && event.unwatch() == handshake::cancelled);
          },
          [&] {
            it.cancel(reason_kind::user);
            stop.cancel(reason_kind::user);
          });
      sure(event.clear() && of_source.unwatch() == handshake::cancelled);
      timers.expire();
      limit.disarm();
      belay::operation reading;
      char byte;
      other.both(
          [&] {
            belay::interruptible calls(reading);
            sure(calls.read(pipe[0], &byte, 1).is_cancelled());
          },
          [&] { reading.cancel(reason_kind::user); });
    }
  };
  EXPECT_EQ(allocations_in(all), 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
