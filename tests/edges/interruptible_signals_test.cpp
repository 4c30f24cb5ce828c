// Interruptible calls and signals: those of others, those for a thread that is not in a call, and
// what becomes of masks and handlers.
#include <cerrno>
#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "belay/interruptible.hpp"
#include "threads.hpp"

namespace {

using belay::call_end;
using belay::call_result;
using belay::handshake;
using belay::interruptible;
using belay::operation;
using belay::reason_kind;
using edges_test::numbered_thread;
using edges_test::pipe_pair;
using edges_test::this_thread;
using edges_test::wait_until_blocked;
using edges_test::watchdog;

constexpr const char* tsan_delays =
    "ThreadSanitizer runs the handlers of others only in calls of libc that it knows";

void install(int number, int flags, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ASSERT_EQ(sigaction(number, &action, nullptr), 0);
}
void send(int thread, int number) { ASSERT_EQ(syscall(SYS_tgkill, getpid(), thread, number), 0); }
bool is_blocked(int number) {
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  return sigismember(&now, number) == 1;
}
bool is_pending(int number) {
  sigset_t now;
  sigpending(&now);
  return sigismember(&now, number) == 1;
}

std::atomic<int> handled{0};
operation* of_handler = nullptr;
void count(int) { handled.fetch_add(1); }
void cancel_here(int) {
  of_handler->cancel(reason_kind::user);
  handled.fetch_add(1);
}

TEST(interruptible_signals, somebody_elses_is_passed_on_as_eintr) {
  if (edges_test::under_tsan) GTEST_SKIP() << tsan_delays;
  watchdog guard;
  install(SIGUSR1, 0, &count);
  pipe_pair line;
  operation it;
  call_result got{};
  numbered_thread reader([&] {
    interruptible calls(it);
    char byte = 0;
    got = calls.read(line.out(), &byte, 1);
  });
  wait_until_blocked(reader.number(), SYS_read);
  send(reader.number(), SIGUSR1);
  reader.join();
  EXPECT_EQ(got.end, call_end::returned);
  EXPECT_EQ(got.value, -EINTR);
  EXPECT_FALSE(it.cancelled());
}

TEST(interruptible_signals, a_restarted_call_can_still_be_cancelled) {
  if (edges_test::under_tsan) GTEST_SKIP() << tsan_delays;
  watchdog guard;
  install(SIGUSR1, SA_RESTART, &count);
  pipe_pair line;
  operation it;
  call_result got{};
  numbered_thread reader([&] {
    interruptible calls(it);
    char byte = 0;
    got = calls.read(line.out(), &byte, 1);
  });
  for (int turn = 0; turn < 100; ++turn) {
    wait_until_blocked(reader.number(), SYS_read);
    const int before = handled.load();
    send(reader.number(), SIGUSR1);
    while (handled.load() == before) std::this_thread::yield();
  }
  wait_until_blocked(reader.number(), SYS_read);
  it.cancel(reason_kind::user);
  reader.join();
  EXPECT_EQ(got.end, call_end::blocked);
}

// The kernel has set the read up to be made again when the program's handler returns; the request
// comes inside that handler, where its signal finds the thread outside of the call.
TEST(interruptible_signals, a_request_inside_a_handler_that_restarts_the_call) {
  if (edges_test::under_tsan) GTEST_SKIP() << tsan_delays;
  watchdog guard;
  install(SIGUSR1, SA_RESTART, &cancel_here);
  for (int turn = 0; turn < 200; ++turn) {
    pipe_pair line;
    operation it;
    of_handler = &it;
    call_result got{};
    bool stays_blocked = true;
    numbered_thread reader([&] {
      interruptible calls(it);
      char byte = 0;
      got = calls.read(line.out(), &byte, 1);
      stays_blocked = is_blocked(interruptible::signal());
    });
    wait_until_blocked(reader.number(), SYS_read);
    send(reader.number(), SIGUSR1);
    reader.join();
    EXPECT_TRUE(got.is_cancelled());
    EXPECT_FALSE(stays_blocked);
  }
}

TEST(interruptible_signals, a_thread_that_is_in_no_call_is_left_alone) {
  watchdog guard;
  pipe_pair line;
  operation it;
  ssize_t plain = 0;
  int plain_errno = 0;
  call_result got{};
  numbered_thread reader([&] {
    interruptible calls(it);
    char byte = 0;
    plain = read(line.out(), &byte, 1);  // not one of ours
    plain_errno = errno;
    got = calls.read(line.out(), &byte, 1);
  });
  wait_until_blocked(reader.number(), SYS_read);
  it.cancel(reason_kind::user);
  wait_until_blocked(reader.number(), SYS_read);
  line.put();
  reader.join();
  EXPECT_EQ(plain, 1) << "errno " << plain_errno;
  EXPECT_EQ(got.end, call_end::unstarted);
}

TEST(interruptible_signals, a_thread_that_ended_gets_none) {
  operation it;
  std::thread([&] { interruptible calls(it); }).join();
  EXPECT_EQ(it.cancel(reason_kind::user), belay::cancel_result::requested_nothing_armed);
  belay::source all;
  std::thread([&] { interruptible calls(all); }).join();
  EXPECT_EQ(all.cancel(reason_kind::user), belay::cancel_result::claimed);
}

TEST(interruptible_signals, the_threads_mask_comes_back) {
  const int number = interruptible::signal();
  sigset_t everything, before;
  sigfillset(&everything);
  pthread_sigmask(SIG_SETMASK, &everything, &before);
  {
    interruptible outer;
    EXPECT_FALSE(is_blocked(number));
    EXPECT_TRUE(is_blocked(SIGUSR1));
    {
      interruptible inner;
      EXPECT_FALSE(is_blocked(number));
    }
    EXPECT_FALSE(is_blocked(number));
  }
  EXPECT_TRUE(is_blocked(number));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  {
    interruptible calls;
    EXPECT_FALSE(is_blocked(number));
  }
  EXPECT_FALSE(is_blocked(number));
}

// The signal of a request that came has been received when the call returns, wherever it came.
TEST(interruptible_signals, none_is_left_pending) {
  watchdog guard;
  pipe_pair line;
  for (int turn = 0; turn < 1000; ++turn) {
    operation it;
    bool pending = true;
    numbered_thread reader([&] {
      interruptible calls(it);
      char byte = 0;
      EXPECT_TRUE(calls.read(line.out(), &byte, 1).is_cancelled());
      pending = is_pending(interruptible::signal());
    });
    it.cancel(reason_kind::user);
    reader.join();
    EXPECT_FALSE(pending);
  }
}

TEST(interruptible_signals, no_room_for_a_signal_delays_it_only) {
  watchdog guard;
  pipe_pair line;
  operation it;
  call_result got{};
  numbered_thread reader([&] {
    interruptible calls(it);
    char byte = 0;
    got = calls.read(line.out(), &byte, 1);
  });
  wait_until_blocked(reader.number(), SYS_read);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_SIGPENDING, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_SIGPENDING, &none), 0);
  std::atomic<bool> returned{false};
  std::thread canceller([&] {
    it.cancel(reason_kind::user);
    returned.store(true);
  });
  while (!it.cancelled()) std::this_thread::yield();
  for (int turn = 0; turn < 1000; ++turn) std::this_thread::yield();
  EXPECT_FALSE(returned.load());
  ASSERT_EQ(setrlimit(RLIMIT_SIGPENDING, &before), 0);
  canceller.join();
  reader.join();
  EXPECT_EQ(got.end, call_end::blocked);
}

/// Runs one interruptible call to its cancellation.
bool cancels_a_read() {
  pipe_pair line;
  operation it;
  call_result got{};
  numbered_thread reader([&] {
    interruptible calls(it);
    char byte = 0;
    got = calls.read(line.out(), &byte, 1);
  });
  wait_until_blocked(reader.number(), SYS_read);
  it.cancel(reason_kind::user);
  reader.join();
  return got.end == call_end::blocked;
}

// Its parts run in a process of their own: the signal is chosen once.
[[noreturn]] void share_a_signal(int flags) {
  const int number = SIGRTMIN + 3;
  install(number, flags, &count);
  bool right = interruptible::use_signal(number) && interruptible::signal() == number &&
               !interruptible::use_signal(number + 1) && cancels_a_read() && handled.load() == 0;
  raise(number);
  sigqueue(getpid(), number, {});
  right = right && handled.load() == 2 && cancels_a_read() && handled.load() == 2;
  _exit(right ? 0 : 1);
}
TEST(interruptible_signals_death, a_handler_there_before_gets_what_others_send) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(share_a_signal(SA_RESTART), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(share_a_signal(SA_SIGINFO), testing::ExitedWithCode(0), "");
}

[[noreturn]] void get_one_from_others(bool ignored) {
  const int number = SIGRTMIN + 4;
  if (ignored) signal(number, SIG_IGN);
  interruptible::use_signal(number);
  raise(number);
  _exit(cancels_a_read() ? 0 : 1);
}
TEST(interruptible_signals_death, the_default_action_is_kept) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(get_one_from_others(false), testing::KilledBySignal(SIGRTMIN + 4), "");
  EXPECT_EXIT(get_one_from_others(true), testing::ExitedWithCode(0), "");
}

void call_on_another_thread() {
  interruptible calls;
  std::thread([&] { calls.call(SYS_getpid); }).join();
}
TEST(interruptible_signals_death, calls_are_for_the_thread_that_made_it) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(call_on_another_thread(), "");
}

}  // namespace
