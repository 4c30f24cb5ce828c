// Interruptible calls: what each comes to when a request comes before, during, after, or not at
// all; and that nobody else's system call is disturbed.
#include "belay/interruptible.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "open_descriptors.hpp"
#include "threads.hpp"

namespace {

using belay::call_end;
using belay::call_result;
using belay::handshake;
using belay::interruptible;
using belay::operation;
using belay::outcome;
using belay::reason_kind;
using belay::source;
using edges_test::numbered_thread;
using edges_test::pipe_pair;
using edges_test::wait_until_blocked;
using edges_test::watchdog;

void expect_blocked(call_result got) {
  EXPECT_EQ(got.end, call_end::blocked);
  EXPECT_EQ(got.value, -ECANCELED);
  EXPECT_TRUE(got.is_cancelled() && got.is_error());
}
void expect_unstarted(call_result got) {
  EXPECT_EQ(got.end, call_end::unstarted);
  EXPECT_EQ(got.value, -ECANCELED);
}
void expect_returned(call_result got, long value) {
  EXPECT_EQ(got.end, call_end::returned);
  EXPECT_EQ(got.value, value);
}

/// Cancels `what` while another thread is blocked in the call that `make` makes.
template <class Target, class Make>
call_result cancel_while_blocked(Target& what, long system_call, Make make) {
  watchdog guard;
  call_result got{};
  numbered_thread caller([&] {
    interruptible calls(what);
    got = make(calls);
  });
  wait_until_blocked(caller.number(), system_call);
  what.cancel(reason_kind::user);
  caller.join();
  return got;
}

template <class Target>
class interruptible_by : public testing::Test {};
using targets = testing::Types<operation, source>;
TYPED_TEST_SUITE(interruptible_by, targets, );

TYPED_TEST(interruptible_by, nobody_returns_what_the_kernel_does) {
  TypeParam it;
  interruptible calls(it);
  pipe_pair line;
  char got = 0;
  line.put('a');
  expect_returned(calls.read(line.out(), &got, 1), 1);
  EXPECT_EQ(got, 'a');
  expect_returned(calls.write(line.in(), "bc", 2), 2);
  errno = ELOOP;
  expect_returned(calls.read(-1, &got, 1), -EBADF);
  EXPECT_TRUE(calls.read(-1, &got, 1).is_error());
  expect_returned(calls.call(SYS_getpid), getpid());
  expect_returned(calls.accept(line.out()), -ENOTSOCK);
  EXPECT_EQ(errno, ELOOP);
  EXPECT_FALSE(calls.cancelled());
  EXPECT_EQ(calls.unwatch(), handshake::won);
}

TYPED_TEST(interruptible_by, an_earlier_request_keeps_calls_from_starting) {
  pipe_pair line;
  line.put('a');
  char got = 0;
  TypeParam it;
  interruptible calls(it);
  it.cancel(reason_kind::user);
  for (int turn = 0; turn < 3; ++turn) expect_unstarted(calls.read(line.out(), &got, 1));
  EXPECT_TRUE(calls.cancelled());
  EXPECT_EQ(calls.unwatch(), handshake::cancelled);

  EXPECT_FALSE(calls.watch(it));
  expect_unstarted(calls.read(line.out(), &got, 1));
  EXPECT_EQ(calls.unwatch(), handshake::refused);
  expect_returned(calls.read(line.out(), &got, 1), 1);
  EXPECT_EQ(got, 'a') << "the data was left alone";
}

TYPED_TEST(interruptible_by, a_blocked_read) {
  pipe_pair line;
  TypeParam it;
  char got = 0;
  expect_blocked(cancel_while_blocked(
      it, SYS_read, [&](interruptible& calls) { return calls.read(line.out(), &got, 1); }));
}

TYPED_TEST(interruptible_by, a_blocked_futex_wait) {
  for (const belay::sync::nanoseconds deadline :
       {belay::sync::forever, belay::sync::now() + 3'600'000'000'000}) {
    std::uint32_t word = 7;
    TypeParam it;
    expect_blocked(cancel_while_blocked(
        it, SYS_futex, [&](interruptible& calls) { return calls.futex_wait(&word, 7, deadline); }));
  }
}

TEST(interruptible, a_blocked_accept_and_its_data) {
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(listen(listening, 1), 0);
  operation it;
  expect_blocked(cancel_while_blocked(
      it, SYS_accept4, [&](interruptible& calls) { return calls.accept(listening); }));

  sockaddr_in address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), size), 0);
  interruptible calls;
  const call_result connection = calls.accept(listening);
  ASSERT_GE(connection.value, 0);
  EXPECT_NE(fcntl(static_cast<int>(connection.value), F_GETFD) & FD_CLOEXEC, 0);
  operation other;
  char got = 0;
  expect_blocked(cancel_while_blocked(other, SYS_read, [&](interruptible& mine) {
    return mine.read(static_cast<int>(connection.value), &got, 1);
  }));
  close(static_cast<int>(connection.value));
  close(client);
  close(listening);
}

TEST(interruptible, any_other_blocked_call) {
  operation poll_it, sleep_it, wait_it;
  pipe_pair line;
  pollfd both{line.out(), POLLIN, 0};
  expect_blocked(cancel_while_blocked(poll_it, SYS_ppoll, [&](interruptible& calls) {
    return calls.call(SYS_ppoll, &both, 1, nullptr, nullptr, 8);
  }));
  expect_blocked(cancel_while_blocked(sleep_it, SYS_clock_nanosleep, [](interruptible& calls) {
    const timespec hour{3600, 0};
    return calls.call(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &hour, nullptr);
  }));
  const pid_t child = fork();
  if (child == 0) {
    char got;
    _exit(::read(line.out(), &got, 1) == 1 ? 3 : 4);
  }
  expect_blocked(cancel_while_blocked(wait_it, SYS_wait4, [&](interruptible& calls) {
    return calls.call(SYS_wait4, child, nullptr, 0, nullptr);
  }));
  line.put();
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child) << "the child was not reaped by the cancelled call";
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST(interruptible, a_half_done_write_keeps_its_count) {
  pipe_pair line;
  const int room = fcntl(line.in(), F_GETPIPE_SZ);
  const std::vector<char> more(static_cast<std::size_t>(room) + 1000);
  operation it;
  expect_returned(cancel_while_blocked(it, SYS_write,
                                       [&](interruptible& calls) {
                                         return calls.write(line.in(), more.data(), more.size());
                                       }),
                  room);
  EXPECT_TRUE(it.cancelled());
}

// Exactly one of the two: the byte was read, or it is still there.
TEST(interruptible, data_that_arrived_is_not_lost) {
  watchdog guard;
  int read_anyway = 0;
  std::atomic<operation*> to_cancel{nullptr};
  pipe_pair line;
  std::thread canceller([&] {
    for (unsigned turn = 0;; ++turn) {
      operation* it = nullptr;
      while ((it = to_cancel.exchange(nullptr)) == nullptr) std::this_thread::yield();
      if (it->cancelled()) return;
      line.put();
      for (unsigned spins = turn % 64; spins != 0; --spins) belay::sync::relax();
      it->cancel(reason_kind::user);
      it->complete(outcome::canceled);
    }
  });
  for (int turn = 0; turn < 20'000; ++turn) {
    operation it;
    interruptible calls(it);
    to_cancel.store(&it);
    char got = 0;
    const call_result result = calls.read(line.out(), &got, 1);
    it.wait();
    calls.unwatch();
    if (result.is_cancelled()) {
      expect_returned(calls.read(line.out(), &got, 1), 1);
    } else {
      expect_returned(result, 1);
      ++read_anyway;
    }
    pollfd rest{line.out(), POLLIN, 0};
    ASSERT_EQ(poll(&rest, 1, 0), 0) << "one byte came, one byte was read";
  }
  operation last;
  last.cancel(reason_kind::user);
  to_cancel.store(&last);
  canceller.join();
  EXPECT_GT(read_anyway, 0);
}

TEST(interruptible, futex_wait_ends_as_the_kernel_has_it) {
  watchdog guard;
  operation it;
  interruptible calls(it);
  std::uint32_t word = 7;
  expect_returned(calls.futex_wait(&word, 8), -EAGAIN);
  expect_returned(calls.futex_wait(&word, 7, belay::sync::now() + 1000), -ETIMEDOUT);
  numbered_thread waker([&, waiter = edges_test::this_thread()] {
    wait_until_blocked(waiter, SYS_futex);
    belay::sync::wake_all(&word);
  });
  expect_returned(calls.futex_wait(&word, 7), 0);
}

// A closed descriptor is the kernel's to judge: a read that it has begun goes on, until the
// request.
TEST(interruptible, a_read_of_what_was_closed_meanwhile) {
  watchdog guard;
  const int before = edges_test::open_descriptors();
  {
    pipe_pair line;
    const int copy = dup(line.out());
    operation it;
    char bytes[2];
    call_result blocked{}, after{};
    numbered_thread reader([&] {
      interruptible calls(it);
      blocked = calls.read(copy, bytes, 1);
      calls.unwatch();
      after = calls.read(copy, bytes, 1);
    });
    wait_until_blocked(reader.number(), SYS_read);
    close(copy);
    it.cancel(reason_kind::user);
    reader.join();
    expect_blocked(blocked);
    expect_returned(after, -EBADF);
  }
  EXPECT_EQ(edges_test::open_descriptors(), before);
}

TEST(interruptible, many_uses_leave_nothing_behind) {
  const int before = edges_test::open_descriptors();
  pipe_pair line;
  interruptible calls;
  char got = 0;
  for (int turn = 0; turn < 10'000; ++turn) {
    operation it;
    ASSERT_TRUE(calls.watch(it));
    line.put();
    expect_returned(calls.read(line.out(), &got, 1), 1);
    if (turn % 2 == 0) {
      it.cancel(reason_kind::user);
      expect_unstarted(calls.read(line.out(), &got, 1));
      EXPECT_EQ(calls.complete(outcome::completed), handshake::cancelled);
    } else {
      EXPECT_EQ(calls.complete(outcome::completed), handshake::won);
      EXPECT_EQ(it.outcome(), outcome::completed);
    }
  }
  EXPECT_EQ(edges_test::open_descriptors(), before + 2);
}

TEST(interruptible, each_thread_for_itself) {
  watchdog guard;
  pipe_pair line[2];
  operation it[2];
  call_result got[2];
  const auto read_one = [&](int which) {
    interruptible calls(it[which]);
    char byte = 0;
    got[which] = calls.read(line[which].out(), &byte, 1);
  };
  numbered_thread first([&] { read_one(0); }), second([&] { read_one(1); });
  wait_until_blocked(first.number(), SYS_read);
  wait_until_blocked(second.number(), SYS_read);
  it[0].cancel(reason_kind::user);
  first.join();
  expect_blocked(got[0]);
  wait_until_blocked(second.number(), SYS_read);
  line[1].put();
  second.join();
  expect_returned(got[1], 1);
}

TEST(interruptible, one_request_ends_the_calls_of_many_threads) {
  watchdog guard;
  pipe_pair line;
  source all;
  call_result got[8];
  {
    std::vector<std::unique_ptr<numbered_thread>> readers;
    for (call_result& mine : got)
      readers.push_back(std::make_unique<numbered_thread>([&] {
        interruptible calls(all);
        char byte = 0;
        mine = calls.read(line.out(), &byte, 1);
      }));
    for (const auto& reader : readers) wait_until_blocked(reader->number(), SYS_read);
    all.cancel(reason_kind::shutdown);
  }
  for (const call_result& each : got) expect_blocked(each);
}

TEST(interruptible, an_outer_request_leaves_an_inner_call_alone) {
  watchdog guard;
  pipe_pair line;
  operation outer_it, inner_it;
  call_result from_inner{}, from_outer{};
  numbered_thread reader([&] {
    interruptible outer(outer_it);
    char byte = 0;
    {
      interruptible inner(inner_it);
      from_inner = inner.read(line.out(), &byte, 1);
    }
    from_outer = outer.read(line.out(), &byte, 1);
  });
  wait_until_blocked(reader.number(), SYS_read);
  outer_it.cancel(reason_kind::user);
  wait_until_blocked(reader.number(), SYS_read);
  line.put();
  reader.join();
  expect_returned(from_inner, 1);
  expect_unstarted(from_outer);
}

}  // namespace
