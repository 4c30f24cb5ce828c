// The race between a request and the system call's instruction: at every instruction, under stress,
// and what a plain look-then-call makes of it.
#include <ucontext.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include <gtest/gtest.h>

#include "belay/interruptible.hpp"
#include "edges/interruptible_call.hpp"
#include "threads.hpp"

namespace {

using belay::call_end;
using belay::call_result;
using belay::interruptible;
using belay::operation;
using belay::reason_kind;
using edges_test::numbered_thread;
using edges_test::pipe_pair;
using edges_test::this_thread;
using edges_test::wait_until_blocked;
using edges_test::watchdog;

using address = std::uintptr_t;
address of(const char* label) { return reinterpret_cast<address>(label); }
address code_begin() { return reinterpret_cast<address>(&belay_interruptible_call); }

address program_counter(const ucontext_t& from) {
#if defined(__x86_64__)
  return static_cast<address>(from.uc_mcontext.gregs[REG_RIP]);
#else
  return from.uc_mcontext.pc;
#endif
}
void set_program_counter(ucontext_t& to, address where) {
#if defined(__x86_64__)
  to.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(where);
#else
  to.uc_mcontext.pc = where;
#endif
}

/// What a request to `who` sends.
siginfo_t signal_for(interruptible::state& who) {
  who.thread = this_thread();
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = belay::edges::interrupt_mark;
  info.si_value.sival_ptr = &who;
  return info;
}

// What the handler decides for a thread that was interrupted at each address of the code.
TEST(interruptible_race, the_handler_at_every_address) {
  const int number = interruptible::signal();
  int moved = 0;
  for (address at = of(belay_interruptible_begin); at < of(belay_interruptible_over); ++at) {
    interruptible::state who;
    siginfo_t info = signal_for(who);
    ucontext_t context{};
    set_program_counter(context, at);
    belay::edges::on_interrupt(number, &info, &context);
    const bool call_was_made = at >= of(belay_interruptible_end);
    EXPECT_EQ(program_counter(context), call_was_made ? at : of(belay_interruptible_unmade));
    EXPECT_TRUE(who.received);
    EXPECT_EQ(sigismember(&context.uc_sigmask, number), 0);
    moved += call_was_made ? 0 : 1;
  }
  EXPECT_EQ(moved, of(belay_interruptible_end) - of(belay_interruptible_begin));
}

// Anywhere else, with the call not over, the signal shall come again when the interrupted code is
// done; with the call over there is nothing to do.
TEST(interruptible_race, the_handler_elsewhere) {
  const int number = interruptible::signal();
  interruptible unblocks_it;
  for (const address at : {code_begin(), of(belay_interruptible_begin) - 1,
                           of(belay_interruptible_over), address{4096}}) {
    interruptible::state who;
    siginfo_t info = signal_for(who);
    ucontext_t context{};
    set_program_counter(context, at);

    belay::edges::block_interrupts();
    belay::edges::on_interrupt(number, &info, &context);
    EXPECT_EQ(program_counter(context), at);
    EXPECT_FALSE(who.received);
    EXPECT_EQ(sigismember(&context.uc_sigmask, number), 1);
    who.is_over = true;
    EXPECT_TRUE(belay::edges::unblock_interrupts());
    EXPECT_TRUE(who.received) << "it came again";
  }
}

#if defined(__x86_64__)
// The processor traps after every instruction, from before the call until after it, and the trap's
// handler cancels at one of them: the real request, the real signal, the real system call.
namespace stepping {

constexpr greg_t trap_flag = 0x100;
volatile bool stop = false;
std::size_t target = 0;  // the step at which to cancel; 0: never
operation* to_cancel = nullptr;
std::vector<address> steps;  // where each trap was, in the order they came

void start(int, siginfo_t*, void* context) {
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= trap_flag;
}
void step(int, siginfo_t*, void* context) {
  auto& at = *static_cast<ucontext_t*>(context);
  if (steps.size() < steps.capacity()) steps.push_back(program_counter(at));
  if (steps.size() == target) to_cancel->cancel(reason_kind::user);
  if (stop) at.uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
}

/// The result of a read with a request at that step.
call_result cancel_at(std::size_t which, bool with_data) {
  pipe_pair line;
  if (with_data) line.put();
  operation it;
  interruptible calls(it);
  target = which;
  to_cancel = &it;
  steps.clear();
  stop = false;
  char byte = 0;
  raise(SIGUSR1);
  const call_result got = calls.read(line.out(), &byte, 1);
  stop = true;
  EXPECT_EQ(it.cancelled(), which != 0);
  return got;
}

void install(int number, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  sigaction(number, &action, nullptr);
}

}  // namespace stepping

TEST(interruptible_race, a_request_before_every_instruction) {
  if (edges_test::under_tsan)
    GTEST_SKIP() << "the trap would step through ThreadSanitizer's own code";
  watchdog guard;
  stepping::install(SIGUSR1, &stepping::start);
  stepping::install(SIGTRAP, &stepping::step);
  stepping::steps.reserve(10'000);
  for (int turn = 0; turn < 2; ++turn) {  // the first resolves what libraries resolve once
    const call_result undisturbed = stepping::cancel_at(0, true);
    EXPECT_EQ(undisturbed.end, call_end::returned);
    EXPECT_EQ(undisturbed.value, 1);
  }
  const std::vector<address> whole = stepping::steps;
  const auto steps_in_code = std::count_if(whole.begin(), whole.end(), [](address at) {
    return at >= code_begin() && at < of(belay_interruptible_end);
  });
  EXPECT_GE(steps_in_code, 12) << "nine loads, the look, the branch, the call";
  const auto call = std::find(whole.begin(), whole.end(), of(belay_interruptible_end) - 2);
  ASSERT_NE(call, whole.end()) << "the system call's instruction has two bytes";
  const auto last_before = static_cast<std::size_t>(call - whole.begin()) + 1;
  for (std::size_t which = 1; which <= whole.size(); ++which) {
    const bool call_was_made = which > last_before;
    const call_result got = stepping::cancel_at(which, call_was_made);
    EXPECT_EQ(got.end, call_was_made ? call_end::returned : call_end::unstarted) << which;
    EXPECT_EQ(got.value, call_was_made ? 1 : -ECANCELED) << which;
  }
  RecordProperty("before", static_cast<int>(last_before));
  RecordProperty("all", static_cast<int>(whole.size()));
  signal(SIGTRAP, SIG_DFL);
}
#endif

/// Cancels one operation after the other, each at another moment.
class canceller {
 public:
  canceller() : thread_([this] { run(); }) {}
  ~canceller() {
    next_.store(&over_);
    thread_.join();
  }
  /// Returns at once; `it` is cancelled soon, and `it.wait()` returns when that is done.
  void cancel(operation& it) { next_.store(&it); }

 private:
  void run() {
    for (unsigned turn = 0;; ++turn) {
      operation* it = nullptr;
      for (int spins = 0; (it = next_.load()) == nullptr; ++spins)
        spins < 1000 ? belay::sync::relax() : std::this_thread::yield();
      if (it == &over_) return;
      next_.store(nullptr);
      for (unsigned spins = turn % 64; spins != 0; --spins) belay::sync::relax();
      it->cancel(reason_kind::user);
      it->complete(belay::outcome::canceled);
    }
  }
  operation over_;
  std::atomic<operation*> next_{nullptr};
  std::thread thread_;
};

// Each lost wake-up would block for good: the pipe stays empty.
TEST(interruptible_race, two_hundred_thousand_requests_none_lost) {
  watchdog guard(600);
  constexpr int turns = 200'000;
  pipe_pair line;
  interruptible calls;
  canceller other;
  int unstarted = 0, blocked = 0;
  for (int turn = 0; turn < turns; ++turn) {
    operation it;
    ASSERT_TRUE(calls.watch(it));
    other.cancel(it);
    for (int spins = turn % 61; spins != 0; --spins) belay::sync::relax();
    char byte = 0;
    const call_result got = calls.read(line.out(), &byte, 1);
    unstarted += got.end == call_end::unstarted ? 1 : 0;
    blocked += got.end == call_end::blocked ? 1 : 0;
    it.wait();
    EXPECT_EQ(calls.unwatch(), belay::handshake::cancelled);
  }
  EXPECT_EQ(unstarted + blocked, turns);
  EXPECT_GT(blocked, 0);
  RecordProperty("unstarted", unstarted);
  RecordProperty("blocked", blocked);
}

// The same without the code: a look at a flag, then read(2), which a signal interrupts. A request
// that comes between the two, here from a hook, is lost: the thread sleeps with the flag set.
struct look_then_read : belay::notify_routine {
  look_then_read() : notify_routine(&on_request), thread(this_thread()) {}
  static void on_request(belay::routine& self, belay::reason) noexcept {
    auto& me = static_cast<look_then_read&>(self);
    me.asked.store(true);
    syscall(SYS_tgkill, getpid(), me.thread, SIGUSR2);
  }
  template <class Hook>
  long read(int from, char& byte, Hook between) const {
    if (asked.load()) return -ECANCELED;
    between();
    const long got = syscall(SYS_read, from, &byte, 1);
    return got < 0 ? -errno : got;
  }
  std::atomic<bool> asked{false};
  int thread;
};

TEST(interruptible_race, a_plain_look_then_call_loses_it) {
  if (edges_test::under_tsan)
    GTEST_SKIP() << "ThreadSanitizer would put off the handler of this signal";
  watchdog guard;
  struct sigaction quiet {};
  quiet.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR2, &quiet, nullptr), 0);
  pipe_pair line;
  long lost = 0, before = 0;
  numbered_thread reader([&] {
    char byte = 0;
    const auto read_while_cancelled_in_between = [&] {
      operation it;
      look_then_read plain;
      it.arm(plain);
      const long got = plain.read(line.out(), byte, [&] { it.cancel(reason_kind::user); });
      EXPECT_TRUE(it.cancelled());
      EXPECT_EQ(it.disarm(plain), belay::handshake::cancelled);
      return got;
    };
    operation it;
    look_then_read plain;
    it.arm(plain);
    it.cancel(reason_kind::user);
    before = plain.read(line.out(), byte, [] {});
    lost = read_while_cancelled_in_between();
  });
  wait_until_blocked(reader.number(), SYS_read);  // though cancelled: nobody will wake it
  line.put();
  reader.join();
  EXPECT_EQ(before, -ECANCELED);
  EXPECT_EQ(lost, 1) << "only the byte woke it";
}

}  // namespace
