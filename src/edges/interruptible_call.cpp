// The signal that interrupts a thread, and its handler.
//
// The handler is installed with the system call itself: ThreadSanitizer's sigaction would put off
// the handler to the thread's next call of libc, which a blocked thread does not make. For the same
// reason nothing here is instrumented that runs inside the handler.
#include "edges/interruptible_call.hpp"

#include <ucontext.h>
#include <unistd.h>

#include <cerrno>

#include <sys/syscall.h>

#if defined(__clang__)
#define BELAY_IN_HANDLER __attribute__((disable_sanitizer_instrumentation))
#else
#define BELAY_IN_HANDLER __attribute__((no_sanitize("thread", "address", "undefined")))
#endif

namespace belay::inline BELAY_BUILD::edges {

namespace {

/// As the kernel has it.
struct signal_action {
  void* handler;
  unsigned long flags;
  void (*restorer)() noexcept;
  unsigned long mask;
};

#if defined(__x86_64__)
constexpr unsigned long restorer_flag = 0x0400'0000;
constexpr auto restorer = &belay_interruptible_restore;
#else
constexpr unsigned long restorer_flag = 0;
constexpr void (*restorer)() noexcept = nullptr;
#endif

/// Whose handler it was before. Set before ours can run, and never again.
constinit signal_action before{};
constinit sync::atomic<int> wanted{0};

BELAY_IN_HANDLER long set_action(int number, const signal_action* to, signal_action* was) {
  return syscall(SYS_rt_sigaction, number, to, was, sizeof to->mask);
}

BELAY_IN_HANDLER void* as_handler(void (*what)(int)) { return reinterpret_cast<void*>(what); }

bool is_free(int number) {
  signal_action now{};
  return set_action(number, nullptr, &now) == 0 && now.handler == as_handler(SIG_DFL);
}

int install() {
  int number = wanted.load(sync::order::relaxed);
  if (number == 0) {
    number = SIGRTMAX - 8;  // valgrind and qemu-user keep the last ones for themselves
    while (number > SIGRTMIN && !is_free(number)) --number;
  }
  if (set_action(number, nullptr, &before) != 0) core::misused();
  const signal_action ours{reinterpret_cast<void*>(&on_interrupt),
                           SA_SIGINFO | SA_ONSTACK | restorer_flag, restorer, 0};
  if (set_action(number, &ours, nullptr) != 0) core::misused();
  return number;
}

unsigned long mask_of(int number) { return 1ul << (number - 1); }

bool change_mask(int how) {
  const unsigned long ours = mask_of(interrupt_signal());
  unsigned long was = 0;
  syscall(SYS_rt_sigprocmask, how, &ours, &was, sizeof ours);
  return (was & ours) != 0;
}

/// False when there is no room for it now.
BELAY_IN_HANDLER bool queue(int thread, int number, siginfo_t* info) {
  return syscall(SYS_rt_tgsigqueueinfo, info->si_pid, thread, number, info) == 0 || errno != EAGAIN;
}

BELAY_IN_HANDLER std::uintptr_t program_counter(const ucontext_t& of) {
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(of.uc_mcontext.gregs[REG_RIP]);
#else
  return of.uc_mcontext.pc;
#endif
}

BELAY_IN_HANDLER void go_on_at(const char* where, ucontext_t& of) {
#if defined(__x86_64__)
  of.uc_mcontext.gregs[REG_RIP] = reinterpret_cast<greg_t>(where);
#else
  of.uc_mcontext.pc = reinterpret_cast<std::uintptr_t>(where);
#endif
}

BELAY_IN_HANDLER interrupted_at where(std::uintptr_t at) {
  if (at < reinterpret_cast<std::uintptr_t>(belay_interruptible_begin) ||
      at >= reinterpret_cast<std::uintptr_t>(belay_interruptible_over))
    return interrupted_at::elsewhere;
  return at < reinterpret_cast<std::uintptr_t>(belay_interruptible_end)
             ? interrupted_at::before_call
             : interrupted_at::after_call;
}

/// A signal that a request sent to this thread, which is inside make() of `who`.
BELAY_IN_HANDLER void receive(int number, siginfo_t* info, ucontext_t& context) {
  auto& who = *static_cast<interruptible::state*>(info->si_value.sival_ptr);
  const interrupted_at at = where(program_counter(context));
  if (at == interrupted_at::elsewhere && !who.is_over) {
    // Perhaps a handler of the program interrupted the call first, and the call goes on when that
    // returns. So the signal shall come again then: whatever the interrupted code returns to, or
    // make() itself, has it unblocked.
    sigaddset(&context.uc_sigmask, number);
    while (!queue(who.thread, number, info)) syscall(SYS_sched_yield);
    return;
  }
  if (at == interrupted_at::before_call) go_on_at(belay_interruptible_unmade, context);
  who.received = true;
}

/// A signal that somebody else sent.
BELAY_IN_HANDLER void pass_on(int number, siginfo_t* info, void* context) {
  if (before.handler == as_handler(SIG_IGN)) return;
  if (before.handler == as_handler(SIG_DFL)) {  // it ends the process, as it would without us
    set_action(number, &before, nullptr);
    syscall(SYS_tgkill, getpid(), static_cast<pid_t>(syscall(SYS_gettid)), number);
  } else if ((before.flags & SA_SIGINFO) != 0) {
    reinterpret_cast<void (*)(int, siginfo_t*, void*)>(before.handler)(number, info, context);
  } else {
    reinterpret_cast<void (*)(int)>(before.handler)(number);
  }
}

}  // namespace

BELAY_IN_HANDLER void on_interrupt(int number, siginfo_t* info, void* context) noexcept {
  const int errno_before = errno;
  if (info->si_code == SI_QUEUE && info->si_uid == interrupt_mark)
    receive(number, info, *static_cast<ucontext_t*>(context));
  else
    pass_on(number, info, context);
  errno = errno_before;
}

int interrupt_signal() noexcept {
  static const int number = install();
  return number;
}

bool use_interrupt_signal(int number) noexcept {
  wanted.store(number, sync::order::relaxed);
  return interrupt_signal() == number;
}

void interrupt(interruptible::state& who) noexcept {
  const int errno_before = errno;
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = interrupt_mark;
  info.si_value.sival_ptr = &who;
  while (!queue(who.thread, interrupt_signal(), &info)) sync::yield();
  errno = errno_before;
}

bool unblock_interrupts() noexcept { return change_mask(SIG_UNBLOCK); }
void block_interrupts() noexcept { change_mask(SIG_BLOCK); }

}  // namespace belay::inline BELAY_BUILD::edges
