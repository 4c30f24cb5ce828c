#include "explore/execution.hpp"

#include "kernel/exception.hpp"

#include <ucontext.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/time.h>

namespace belay::inline BELAY_BUILD::explore {

namespace {

struct {
  program* running = nullptr;
  std::optional<finding> found;
} state;

const void* frame_of_caller() { return __builtin_frame_address(0); }

void fill_in(const kernel::violation& what, const void* frame) {
  const sync::scheduler& s = sync::world();
  finding it;
  it.clause = what.clause;
  it.rule = what.rule;
  it.bug_check = what.bug_check;
  for (int i = 0; i < 4; ++i) it.parameter[i] = what.parameter[i];
  it.object = reinterpret_cast<std::uint64_t>(what.object);
  it.text = what.text;
  it.step = s.steps();
  if (s.running() && s.current() >= 0) {
    const sync::actor& who = s.at(s.current());
    it.actor = who.name;
    if (who.doing != nullptr) it.call = who.doing;
    it.stack = walk_stack(frame, what.site != nullptr ? what.site : who.site, s.current());
  } else if (what.site != nullptr) {
    it.stack.push_back(reinterpret_cast<std::uint64_t>(what.site));
  }
  state.found = std::move(it);
}

// ---- crashes

const void* crash_address = nullptr;
const void* crash_site = nullptr;
const void* crash_frame = nullptr;
int crash_signal = 0;
bool crash_wrote = false;

/// What a guarded block of the guest may handle: a fault on a user's address, a division.
void raise_in_guest() {
  const auto address = reinterpret_cast<std::uintptr_t>(crash_address);
  const bool segment = crash_signal == SIGSEGV || crash_signal == SIGBUS;
  const bool divides = crash_signal == SIGFPE && kernel::in_guarded_block();
  if (!divides && !(segment && kernel::catches_fault(address))) return;
  crash_signal = 0;
  if (divides) kernel::raise_exception(kernel::status_integer_divide_by_zero, crash_site);
  kernel::raise_fault(address, crash_wrote, crash_site);
}

// Runs on the crashed actor's stack, or on its last page for a stack that ran out.
void after_crash() {
  kernel::violation what;
  const sync::scheduler& s = sync::world();
  const auto address = reinterpret_cast<std::uintptr_t>(crash_address);
  if (!s.memory().mapped() || !s.memory().in_guard(address)) raise_in_guest();
  what.site = crash_site;
  what.object = crash_address;
  what.parameter[0] = address;
  what.parameter[3] = reinterpret_cast<std::uintptr_t>(crash_site);
  if (crash_signal == SIGALRM) {
    what.clause = "WDM-IRP-016";
    what.rule = "DPC_WATCHDOG_VIOLATION";
    what.bug_check = 0x133;
    std::snprintf(what.text, sizeof what.text,
                  "the driver spins: for two seconds it reached no call and no shared memory");
  } else if (s.memory().mapped() && s.memory().in_guard(address)) {
    what.clause = "WDM-IRP-015";
    what.rule = "UNEXPECTED_KERNEL_MODE_TRAP";
    what.bug_check = 0x7F;
    what.parameter[0] = 8;
    std::snprintf(what.text, sizeof what.text, "the stack ran out (%zu KiB): endless recursion?",
                  sync::arena::stack_size / 1024);
  } else if (crash_signal == SIGFPE) {
    what.clause = "WDM-IRP-014";
    what.rule = "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED";
    what.bug_check = 0x7E;
    what.parameter[0] = 0xC0000094;
    std::snprintf(what.text, sizeof what.text, "the driver divided by zero");
  } else if (crash_signal == SIGILL) {
    what.clause = "WDM-IRP-014";
    what.rule = "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED";
    what.bug_check = 0x7E;
    what.parameter[0] = 0xC000001D;
    std::snprintf(what.text, sizeof what.text, "the driver ran an illegal instruction or a trap");
  } else {
    what.clause = "WDM-IRP-014";
    const std::uint8_t level = s.at(s.current()).interrupt_level;
    if (level >= 2) {
      what.rule = "DRIVER_IRQL_NOT_LESS_OR_EQUAL";
      what.bug_check = 0xD1;
      what.parameter[1] = level;
    } else {
      what.rule = "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED";
      what.bug_check = 0x7E;
      what.parameter[0] = 0xC0000005;
      what.parameter[1] = reinterpret_cast<std::uintptr_t>(crash_site);
    }
    std::snprintf(what.text, sizeof what.text,
                  "the driver touched memory that is not there: %s (%p)",
                  address < 0x10000 ? "a null pointer" : "a wild pointer", crash_address);
  }
  report_finding(what);
}

void redirect(ucontext_t* context, int signal) {
  greg_t* const registers = context->uc_mcontext.gregs;
  crash_signal = signal;
  crash_wrote = (registers[REG_ERR] & 2) != 0;
  // Sites are return addresses: just behind the instruction's first byte counts as one.
  crash_site = reinterpret_cast<const void*>(registers[REG_RIP] + 1);
  crash_frame = reinterpret_cast<const void*>(registers[REG_RBP]);
  const sync::scheduler& s = sync::world();
  // A call through a bad pointer: the site is the caller.
  if (reinterpret_cast<const void*>(registers[REG_RIP]) == crash_address) {
    crash_site = *reinterpret_cast<void* const*>(registers[REG_RSP]);
  }
  auto stack = static_cast<std::uintptr_t>(registers[REG_RSP]);
  const auto top = reinterpret_cast<std::uintptr_t>(s.memory().stack_top(s.current()));
  const std::uintptr_t low = top - sync::arena::stack_size + sync::arena::guard_size;
  // The report needs room; what a run-out stack holds at its top is of no more use.
  if (stack < low + 64 * 1024) stack = top - 64 * 1024;
  registers[REG_RSP] = static_cast<greg_t>((stack - 256) & ~std::uintptr_t{15}) - 8;
  registers[REG_RIP] = reinterpret_cast<greg_t>(&after_crash);
}

void on_crash(int signal, siginfo_t* info, void* context) {
  const sync::scheduler& s = sync::world();
  if (!s.running() || s.current() <= 0) {
    // Ours: let it be seen.
    std::signal(signal, SIG_DFL);
    return;
  }
  crash_address = info->si_addr;
  redirect(static_cast<ucontext_t*>(context), signal);
}

std::uint64_t last_seen_execution = 0;
std::uint64_t last_seen_steps = 0;
int ticks_without_progress = 0;
int ticks_of_a_spin = 4;

void on_tick(int, siginfo_t*, void* context) {
  const sync::scheduler& s = sync::world();
  const bool same =
      s.running() && s.execution() == last_seen_execution && s.steps() == last_seen_steps;
  last_seen_execution = s.execution();
  last_seen_steps = s.steps();
  ticks_without_progress = same ? ticks_without_progress + 1 : 0;
  if (ticks_without_progress < ticks_of_a_spin || s.current() <= 0) return;
  ticks_without_progress = 0;
  ticks_of_a_spin = 1;  // what follows are repetitions, to make the finding smaller and to record it
  crash_address = nullptr;
  redirect(static_cast<ucontext_t*>(context), SIGALRM);
}

}  // namespace

void install_crash_handlers() {
  static char alternate[64 * 1024];
  stack_t stack{};
  stack.ss_sp = alternate;
  stack.ss_size = sizeof alternate;
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP})
    sigaction(signal, &action, nullptr);
  action.sa_sigaction = on_tick;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigaction(SIGVTALRM, &action, nullptr);
  const itimerval every_half_second{{0, 500'000}, {0, 500'000}};
  setitimer(ITIMER_VIRTUAL, &every_half_second, nullptr);
}

std::vector<std::uint64_t> walk_stack(const void* frame, const void* first, sync::actor_id who) {
  std::vector<std::uint64_t> out;
  if (first != nullptr) out.push_back(reinterpret_cast<std::uint64_t>(first));
  const auto top = reinterpret_cast<std::uintptr_t>(sync::world().memory().stack_top(who));
  const std::uintptr_t low = top - sync::arena::stack_size;
  auto at = reinterpret_cast<std::uintptr_t>(frame);
  std::vector<std::uint64_t> rest;
  while (at >= low && at + 16 <= top && (at & 7) == 0 && rest.size() < 64) {
    const auto* const words = reinterpret_cast<const std::uint64_t*>(at);
    if (words[1] == 0) break;
    if (words[1] == reinterpret_cast<std::uint64_t>(first)) {
      rest.clear();  // the frames between are our own
    } else {
      rest.push_back(words[1]);
    }
    if (words[0] <= at) break;
    at = words[0];
  }
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

void report_finding(const kernel::violation& what) {
  const bool crashed = crash_signal != 0;
  if (!state.found) fill_in(what, crashed ? crash_frame : frame_of_caller());
  crash_signal = 0;
  sync::scheduler& s = sync::world();
  if (s.running()) s.abandon();
}

execution execute(program& what, sync::chooser& by) {
  sync::scheduler& s = sync::world();
  s.set_chooser(&by);
  state.running = &what;
  state.found.reset();
  sync::guest().begin_execution();
  sync::races().reset();
  kernel::set_violation_sink(&report_finding);
  execution out;
  out.how = s.run([](void* p) { static_cast<program*>(p)->start(); }, &what);
  if (out.how == sync::ending::finished) what.finish();
  out.steps = s.steps();
  out.switches = s.switches();
  out.found = std::move(state.found);
  state.found.reset();
  return out;
}

sync::actor_id recording_chooser::choose(const sync::decision& what) {
  const sync::actor_id chosen = inner_.choose(what);
  if (chosen >= 0 && chosen != sync::default_choice(what)) {
    const std::uint32_t step = what.current < 0 ? 0 : sync::world().at(what.current).steps;
    directives_.push_back({what.current, step, chosen});
    preempting_.push_back(what.current_goes_on);
    if (what.current_goes_on) ++preemptions_;
  }
  return chosen;
}

}  // namespace belay::inline BELAY_BUILD::explore
