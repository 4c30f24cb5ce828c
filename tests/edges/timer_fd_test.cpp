// One timerfd for a wheel: when the system's timer is set, to what, and that what is due comes.
#include "belay/timer_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "belay/operation.hpp"
#include "open_descriptors.hpp"

namespace {

using belay::deadline;
using belay::handshake;
using belay::operation;
using belay::timer_fd;
namespace sync = belay::sync;

constexpr sync::nanoseconds second = 1'000'000'000, tick = belay::timer_wheel::tick;

bool readable(const timer_fd& timers, int timeout_ms) {
  pollfd it{timers.descriptor(), POLLIN, 0};
  return poll(&it, 1, timeout_ms) == 1;
}

/// How long until the system's timer goes off, as the kernel has it; 0: it is not set.
sync::nanoseconds remaining(const timer_fd& timers) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(timers.descriptor()));
  for (std::string line; std::getline(info, line);) {
    long long seconds = 0, rest = 0;
    if (std::sscanf(line.c_str(), "it_value: (%lld, %lld)", &seconds, &rest) == 2)
      return seconds * second + rest;
  }
  ADD_FAILURE() << "the kernel does not say";
  return -1;
}

/// Whether the system's timer is set for `when`, rounded up to a tick.
void expect_set_for(const timer_fd& timers, sync::nanoseconds when) {
  const sync::nanoseconds before = sync::now();
  const sync::nanoseconds left = remaining(timers);
  const sync::nanoseconds after = sync::now();
  EXPECT_GE(after + left, when);
  EXPECT_LT(before + left, when + tick);
}

TEST(timer_fd, cancels_what_is_due) {
  timer_fd timers;
  ASSERT_TRUE(timers.valid());
  EXPECT_EQ(timers.error(), 0);
  EXPECT_FALSE(readable(timers, 0));
  operation it, other;
  deadline limit, later;
  const sync::nanoseconds now = sync::now();
  limit.arm_in(timers.wheel(), now, 2 * tick, it);
  later.arm_in(timers.wheel(), now, 3600 * second, other);
  while (!it.cancelled()) {
    ASSERT_TRUE(readable(timers, -1));
    timers.expire();
  }
  EXPECT_GE(sync::now(), now + 2 * tick);
  EXPECT_EQ(it.reason(), belay::reason(belay::reason_kind::timeout));
  EXPECT_FALSE(other.cancelled());
  EXPECT_FALSE(readable(timers, 0));
  EXPECT_EQ(limit.disarm(), handshake::cancelled);
  EXPECT_EQ(later.disarm(), handshake::won);
}

TEST(timer_fd, is_set_for_the_earliest) {
  timer_fd timers;
  EXPECT_EQ(remaining(timers), 0);
  operation it;
  deadline first, second_one, third;
  const sync::nanoseconds now = sync::now();
  first.arm_in(timers.wheel(), now, 1000 * second, it);
  expect_set_for(timers, now + 1000 * second);
  second_one.arm_in(timers.wheel(), now, 2000 * second, it);
  expect_set_for(timers, now + 1000 * second);
  third.arm_in(timers.wheel(), now, 500 * second, it);
  expect_set_for(timers, now + 500 * second);
  // Disarming leaves it as it is: it goes off once for nothing.
  EXPECT_EQ(third.disarm(), handshake::won);
  expect_set_for(timers, now + 500 * second);
  // A look finds that nothing is due then; at the latest it goes off for the next.
  EXPECT_LE(timers.expire(), now + 1000 * second + tick);
  EXPECT_GT(remaining(timers), 500 * second);
  EXPECT_EQ(first.rearm(now + 100 * second), handshake::won);
  expect_set_for(timers, now + 100 * second);
  EXPECT_FALSE(it.cancelled());
}

TEST(timer_fd, after_an_expiry_it_is_set_for_the_next) {
  timer_fd timers;
  operation it, other;
  deadline limit, later;
  const sync::nanoseconds now = sync::now();
  later.arm(timers.wheel(), now + 5000 * second, other);
  limit.arm(timers.wheel(), now, it);
  while (!it.cancelled()) {
    ASSERT_TRUE(readable(timers, -1));
    const sync::nanoseconds next = timers.expire();
    EXPECT_GT(next, sync::now() - 60 * second);
    EXPECT_LE(next, now + 5000 * second + tick);
  }
  EXPECT_NE(remaining(timers), 0) << "for the other, or for the slot in which it is";
}

TEST(timer_fd, many) {
  timer_fd timers;
  operation its[100];
  deadline limits[100];
  const sync::nanoseconds now = sync::now();
  for (int i = 0; i < 100; ++i)
    limits[i].arm_in(timers.wheel(), now, (100 - i) % 10 * tick / 3, its[i]);
  for (sync::nanoseconds next = 0; next != sync::forever;) {
    ASSERT_TRUE(readable(timers, -1));
    next = timers.expire();
  }
  for (const operation& each : its) EXPECT_TRUE(each.cancelled());
}

/// Another thread arms while this one sleeps in poll().
TEST(timer_fd, wakes_who_polls) {
  timer_fd timers;
  for (int round = 0; round < 200; ++round) {
    operation it, other;
    deadline far, near;
    std::atomic<bool> armed{false};
    far.arm_in(timers.wheel(), sync::now(), 3600 * second, other);
    std::thread arming([&] {
      near.arm_in(timers.wheel(), sync::now(), tick / 2, it);
      armed.store(true);
    });
    while (!it.cancelled()) {
      ASSERT_TRUE(readable(timers, -1));
      timers.expire();
    }
    arming.join();
    EXPECT_TRUE(armed.load());
    EXPECT_EQ(near.disarm(), handshake::cancelled);
    EXPECT_EQ(far.disarm(), handshake::won);
  }
}

TEST(timer_fd, closes_its_descriptor) {
  const int before = edges_test::open_descriptors();
  {
    timer_fd timers;
    EXPECT_EQ(edges_test::open_descriptors(), before + 1);
    EXPECT_NE(fcntl(timers.descriptor(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(fcntl(timers.descriptor(), F_GETFL) & O_NONBLOCK, 0);
  }
  EXPECT_EQ(edges_test::open_descriptors(), before);
}

TEST(timer_fd, says_why_there_is_none) {
  rlimit was{};
  getrlimit(RLIMIT_NOFILE, &was);
  rlimit none = was;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  {
    timer_fd timers;
    EXPECT_FALSE(timers.valid());
    EXPECT_EQ(timers.error(), EMFILE);
    EXPECT_EQ(timers.descriptor(), -1);
    operation it;
    deadline limit;
    limit.arm(timers.wheel(), sync::now(), it);
    while (!it.cancelled()) timers.expire();
    EXPECT_EQ(limit.disarm(), handshake::cancelled);
  }
  setrlimit(RLIMIT_NOFILE, &was);
}

}  // namespace
