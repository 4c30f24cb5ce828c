#include "host/bug_check.hpp"

#include <execinfo.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "guest/bug_checks.hpp"
#include "kernel/exception.hpp"
#include "kernel/executive.hpp"
#include "sync/stack.hpp"
#include "sync/sync.hpp"
#include "wdm/irp_snapshot.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

struct {
  sync::inner_lock lock;
  bool taken = false;
  sync::actor_id by = sync::no_actor;
  bug_check what;
  void (*told)() = nullptr;
} state;

constexpr unsigned seconds_to_end = 20;

[[noreturn]] void sleep_for_good() {
  sync::parking forever;
  for (;;) forever.park(sync::forever);
}

bool first() {
  const kernel::guard hold(state.lock);
  const bool was = state.taken;
  if (!was) alarm(seconds_to_end);  // whatever is broken, the end comes
  state.taken = true;
  if (!was) state.by = sync::self();
  return !was;
}

// Our own frames between the driver and here are of no interest: the driver's begin at `site`.
void take_stack(const void* site) {
  void* frames[64];
  const int count = backtrace(frames, 64);
  auto& out = state.what.stack;
  int from = 0;
  for (int i = 0; i < count; ++i) {
    if (frames[i] == site) from = i;
  }
  if (site != nullptr && from == 0) out.push_back(reinterpret_cast<std::uint64_t>(site));
  for (int i = from; i < count; ++i) out.push_back(reinterpret_cast<std::uint64_t>(frames[i]));
}

void take_in_flight() {
  constexpr std::size_t most = 64;
  wdm::irp_view views[most];
  const std::size_t found = wdm::snapshot_irps(views, most);
  for (std::size_t i = 0; i < found && i < most; ++i) {
    const wdm::irp_view& each = views[i];
    state.what.in_flight.push_back(fmt::format("IRP {} major {:#x} {}{}{}", fmt::ptr(each.irp),
                                               each.major, wdm::name_of(each.state),
                                               each.cancel_requested ? ", cancel requested" : "",
                                               each.routine_armed ? ", cancel routine set" : ""));
  }
  if (found > most) state.what.in_flight.push_back(fmt::format("and {} more", found - most));
}

void violated(const kernel::violation& what) {
  if (!first()) sleep_for_good();
  bug_check& out = state.what;
  out.clause = what.clause;
  out.rule = what.rule;
  out.text = what.text;
  out.code = what.bug_check;
  std::memcpy(out.parameter, what.parameter, sizeof out.parameter);
  out.object = what.object;
  take_stack(what.site);
  take_in_flight();
  state.told();
  sleep_for_good();
}

struct crash_words {
  int signal;
  const char* rule;
  std::uint32_t exception;
  const char* text;
};
constexpr crash_words crashes[] = {
    {SIGSEGV, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED", 0xC0000005,
     "touched memory at {} that is not there"},
    {SIGBUS, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED", 0xC0000006,
     "touched memory at {} that is not there"},
    {SIGFPE, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED", 0xC0000094, "divided by zero"},
    {SIGILL, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED", 0xC000001D,
     "ran an illegal instruction or a trap"},
    {SIGTRAP, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED", 0x80000003,
     "ran an illegal instruction or a trap"},
};

#if defined(__x86_64__)
// A call of what is no code: the stack is walked from the caller, for here nothing can be read.
void step_out(ucontext_t* context) {
  constexpr greg_t page_fault_fetch = 16;
  greg_t* const at = context->uc_mcontext.gregs;
  if ((at[REG_ERR] & page_fault_fetch) == 0) return;
  at[REG_RIP] = *reinterpret_cast<const greg_t*>(at[REG_RSP]);
  at[REG_RSP] += 8;
}

// Memory beside the stack pointer that is not there is what lies below a stack.
bool ran_out_of_stack(std::uintptr_t address, const ucontext_t* context) {
  constexpr std::uintptr_t near = 64 << 10;
  const auto top = static_cast<std::uintptr_t>(context->uc_mcontext.gregs[REG_RSP]);
  return address - (top - near) < 2 * near;
}

// Goes on in kernel::raise_fault, on the stack of the faulting code, when the handler returns.
bool raised(siginfo_t* info, ucontext_t* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (!kernel::catches_fault(address)) return false;
  constexpr greg_t red_zone = 128, page_fault_write = 2;
  greg_t* const at = context->uc_mcontext.gregs;
  at[REG_RDI] = static_cast<greg_t>(address);
  at[REG_RSI] = (at[REG_ERR] & page_fault_write) != 0;
  at[REG_RDX] = at[REG_RIP];
  at[REG_RSP] = ((at[REG_RSP] - red_zone) & ~greg_t{15}) - 8;
  at[REG_RIP] = reinterpret_cast<greg_t>(
      static_cast<void (*)(std::uintptr_t, bool, const void*)>(&kernel::raise_fault));
  return true;
}
#else
void step_out(ucontext_t*) {}
bool ran_out_of_stack(std::uintptr_t, const ucontext_t*) { return false; }
bool raised(siginfo_t*, ucontext_t*) { return false; }
#endif

void crashed(int signal, siginfo_t* info, void* data) {
  auto* const context = static_cast<ucontext_t*>(data);
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const bool no_stack = signal == SIGSEGV && ran_out_of_stack(address, context);
  if (signal == SIGSEGV && !no_stack && raised(info, context)) return;
  if (!first()) {
    if (state.by == sync::self()) state.told();  // while it was written down: what there is will do
    sleep_for_good();
  }
  if (signal == SIGSEGV) step_out(context);
  bug_check& out = state.what;
  out.clause = "WDM-IRP-014";
  for (const crash_words& each : crashes) {
    if (each.signal != signal) continue;
    const std::uint8_t level = kernel::irql();
    if (level >= kernel::dispatch_level && signal == SIGSEGV) {
      out.code = 0xD1;
      out.rule = "DRIVER_IRQL_NOT_LESS_OR_EQUAL";
      out.parameter[0] = address;
      out.parameter[1] = level;
    } else {
      out.code = 0x7E;
      out.rule = each.rule;
      out.parameter[0] = each.exception;
      out.parameter[1] = address;
    }
    out.text = "the driver " + fmt::format(fmt::runtime(each.text), info->si_addr);
  }
  if (no_stack) {
    out.clause = "WDM-IRP-015";
    out.code = 0x7F;
    out.rule = "UNEXPECTED_KERNEL_MODE_TRAP";
    out.parameter[0] = 8;  // a double fault
    out.parameter[1] = 0;
    out.text = "the stack has run out";
  }
  out.object = info->si_addr;
  take_stack(nullptr);
  take_in_flight();
  state.told();
  sleep_for_good();
}

std::vector<driver_frame> frames_at(const std::vector<std::uint64_t>& return_addresses,
                                    const std::vector<driver_image>& drivers) {
  std::vector<driver_frame> out;
  for (const std::uint64_t address : return_addresses) {
    for (const driver_image& each : drivers) {
      if (!each.contains(address)) continue;
      if (each.names == nullptr) {
        out.push_back({each.service, fmt::format("{:#x}", address - each.low), "", 0});
        continue;
      }
      for (const guest::stack_frame& frame : each.names->frames(address)) {
        out.push_back({each.service, frame.where.function, frame.where.file,
                       static_cast<unsigned>(frame.where.line)});
      }
    }
  }
  return out;
}

std::string text_of(const driver_frame& frame) {
  if (frame.file.empty()) return fmt::format("{}!{}", frame.driver, frame.function);
  return fmt::format("{}!{} at {}:{}", frame.driver, frame.function, frame.file, frame.line);
}

}  // namespace

void catch_bug_checks(void (*told)()) {
  void* warm[4];
  backtrace(warm, 4);  // loads what it needs while nothing is broken
  state.told = told;
  kernel::set_violation_sink(&violated);
  struct sigaction action {};
  action.sa_sigaction = &crashed;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  sync::keep_signal_stacks();
  for (const crash_words& each : crashes) sigaction(each.signal, &action, nullptr);
}

const bug_check& the_bug_check() { return state.what; }

std::vector<driver_frame> frames_of(const bug_check& what,
                                    const std::vector<driver_image>& drivers) {
  std::vector<driver_frame> out = frames_at(what.stack, drivers);
  if (!out.empty()) return out;
  // A rule that is looked at when a routine has returned: the parameters name the routine.
  std::vector<std::uint64_t> named;
  for (const std::uint64_t each : what.parameter) named.push_back(each + 1);
  out = frames_at(named, drivers);
  std::erase_if(out, [](const driver_frame& each) { return each.file.empty(); });
  return out;
}

std::string screen_of(const bug_check& what, const std::vector<driver_image>& drivers) {
  std::string out = fmt::format("\n*** {}: {}\n", what.clause, what.text);
  if (what.code != 0) {
    const char* const name = guest::bug_check_name(what.code);
    out +=
        fmt::format("*** STOP: 0x{:08X} (0x{:016X}, 0x{:016X}, 0x{:016X}, 0x{:016X})\n", what.code,
                    what.parameter[0], what.parameter[1], what.parameter[2], what.parameter[3]);
    if (name != nullptr) out += fmt::format("*** {}\n", name);
  }
  if (!what.rule.empty()) out += fmt::format("*** rule: {}\n", what.rule);
  out += "\n";
  int shown = 0;
  for (const driver_frame& each : frames_of(what, drivers)) {
    out += fmt::format("    {}  {}\n", shown++, text_of(each));
  }
  if (shown == 0) out += "    (no frame of the driver on the stack)\n";
  if (!what.in_flight.empty()) {
    out += fmt::format("\nIRPs in flight: {}\n", what.in_flight.size());
    for (const std::string& each : what.in_flight) out += "    " + each + "\n";
  }
  return out +
         fmt::format("\nnext: belay explain {}; belay check finds the way there\n", what.clause);
}

}  // namespace belay::inline BELAY_BUILD::host
