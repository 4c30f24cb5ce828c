// The descriptor that becomes readable: each order of watch and cancel, every way to poll it, and
// that it is closed only when no request can write to it any more.
#include "belay/event_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "open_descriptors.hpp"

namespace {

using belay::event_fd;
using belay::handshake;
using belay::operation;
using belay::outcome;
using belay::reason_kind;
using edges_test::open_descriptors;

/// Waits until `descriptor` is readable, or only looks.
bool readable(int descriptor, int timeout_ms) {
  pollfd it{descriptor, POLLIN, 0};
  return poll(&it, 1, timeout_ms) == 1 && (it.revents & POLLIN) != 0;
}
bool readable_now(const event_fd& it) { return readable(it.descriptor(), 0); }

template <class Target>
class event_fd_of : public testing::Test {};
using targets = testing::Types<operation, belay::source>;
TYPED_TEST_SUITE(event_fd_of, targets, );

TYPED_TEST(event_fd_of, is_readable_from_the_request_on) {
  TypeParam it;
  event_fd stop(it);
  ASSERT_TRUE(stop.valid());
  EXPECT_EQ(stop.error(), 0);
  EXPECT_FALSE(readable_now(stop));
  it.cancel(reason_kind::user);
  EXPECT_TRUE(readable_now(stop));
  EXPECT_TRUE(readable_now(stop)) << "it stays so";
  EXPECT_EQ(stop.unwatch(), handshake::cancelled);
  EXPECT_TRUE(readable_now(stop));
}

TYPED_TEST(event_fd_of, is_readable_at_once_when_cancelled_before) {
  TypeParam it;
  it.cancel(reason_kind::user);
  event_fd stop(it);
  EXPECT_TRUE(readable_now(stop));
  EXPECT_EQ(stop.unwatch(), handshake::refused);
  event_fd later;
  EXPECT_FALSE(later.watch(it));
  EXPECT_TRUE(readable_now(later));
}

TYPED_TEST(event_fd_of, stays_unreadable_when_unwatched_before) {
  TypeParam it;
  event_fd stop(it);
  EXPECT_EQ(stop.unwatch(), handshake::won);
  EXPECT_EQ(stop.unwatch(), handshake::refused);
  it.cancel(reason_kind::user);
  EXPECT_FALSE(readable_now(stop));
}

TYPED_TEST(event_fd_of, wakes_a_blocked_poll) {
  TypeParam it;
  event_fd stop(it);
  std::thread canceller([&] { it.cancel(reason_kind::user); });
  EXPECT_TRUE(readable(stop.descriptor(), -1));
  EXPECT_TRUE(it.cancelled()) << "the request is seen by whoever was woken";
  canceller.join();
}

TYPED_TEST(event_fd_of, is_an_epoll_member_like_any_other) {
  TypeParam it;
  event_fd stop(it);
  const int set = epoll_create1(EPOLL_CLOEXEC);
  epoll_event wanted{EPOLLIN | EPOLLET, {.u64 = 7}};
  ASSERT_EQ(epoll_ctl(set, EPOLL_CTL_ADD, stop.descriptor(), &wanted), 0);
  epoll_event came{};
  EXPECT_EQ(epoll_wait(set, &came, 1, 0), 0);
  std::thread canceller([&] { it.cancel(reason_kind::user); });
  EXPECT_EQ(epoll_wait(set, &came, 1, -1), 1);
  EXPECT_EQ(came.data.u64, 7u);
  canceller.join();
  close(set);
}

TYPED_TEST(event_fd_of, can_be_cleared_and_used_again) {
  event_fd stop;
  for (int turn = 0; turn < 1000; ++turn) {
    TypeParam it;
    ASSERT_TRUE(stop.watch(it));
    EXPECT_FALSE(stop.clear());
    it.cancel(reason_kind::user);
    EXPECT_EQ(stop.unwatch(), handshake::cancelled);
    EXPECT_TRUE(stop.clear());
    EXPECT_FALSE(readable_now(stop));
  }
}

TYPED_TEST(event_fd_of, leaves_the_cancellers_errno_alone) {
  TypeParam it;
  event_fd stop(it);
  errno = ELOOP;
  it.cancel(reason_kind::user);
  EXPECT_EQ(errno, ELOOP);
}

// The destructor returns only when the request is done with the descriptor: were it closed before,
// the write would fail and trap, or reach whatever has the number next.
TYPED_TEST(event_fd_of, is_closed_when_no_request_writes_any_more) {
  const int before = open_descriptors();
  for (int turn = 0; turn < 5000; ++turn) {
    TypeParam it;
    std::atomic<bool> go{false};
    std::thread canceller;
    {
      event_fd stop(it);
      canceller = std::thread([&] {
        go.store(true);
        it.cancel(reason_kind::user);
      });
      while (!go.load()) std::this_thread::yield();
    }
    canceller.join();
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(event_fd, completes_in_one_step) {
  operation it;
  event_fd stop(it);
  EXPECT_EQ(stop.complete(outcome::completed), handshake::won);
  EXPECT_EQ(it.outcome(), outcome::completed);
  EXPECT_FALSE(readable_now(stop));

  operation asked;
  EXPECT_TRUE(stop.watch(asked));
  asked.cancel(reason_kind::user);
  EXPECT_EQ(stop.complete(outcome::completed), handshake::cancelled);
  EXPECT_EQ(asked.outcome(), outcome::none) << "still the owner's to report";
  EXPECT_TRUE(asked.complete(outcome::canceled));
}

TEST(event_fd, is_close_on_exec_and_never_blocks) {
  event_fd stop;
  EXPECT_NE(fcntl(stop.descriptor(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(fcntl(stop.descriptor(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(event_fd, says_why_there_is_no_descriptor) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  operation it;
  {
    errno = ELOOP;
    event_fd stop(it);
    EXPECT_EQ(errno, ELOOP);
    EXPECT_FALSE(stop.valid());
    EXPECT_EQ(stop.error(), EMFILE);
    EXPECT_EQ(stop.descriptor(), -1);
    EXPECT_FALSE(stop.clear());
    EXPECT_EQ(stop.unwatch(), handshake::refused);
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(it.cancel(reason_kind::user), belay::cancel_result::requested_nothing_armed);
}

void watch_without_a_descriptor() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_NOFILE, &none);
  event_fd stop;
  operation it;
  stop.watch(it);
}

TEST(event_fd_death, watching_without_a_descriptor_traps) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(watch_without_a_descriptor(), "");
}

}  // namespace
