// One execution of a program under a chooser, and what it found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "explore/strategy.hpp"
#include "kernel/contract.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// What is explored: it starts the same way each time.
class program {
 public:
  virtual ~program() = default;
  /// Restores what the last execution changed outside the arena, then spawns the first actors. Runs
  /// on the caller's stack.
  virtual void start() = 0;
  /// After an execution in which every actor finished: the invariants that must hold then. Reports
  /// with `report_finding`.
  virtual void finish() {}
};

/// A broken rule, with where and how it came about.
struct finding {
  std::string clause;
  std::string rule;
  std::uint32_t bug_check = 0;
  std::uint64_t parameter[4] = {};
  std::uint64_t object = 0;
  std::string text;
  std::string actor;                 ///< who
  std::string call;                  ///< within which library call, or empty
  std::vector<std::uint64_t> stack;  ///< code addresses, innermost first
  std::uint64_t step = 0;

  /// Two findings with the same signature are the same bug to the minimiser.
  std::string signature() const { return clause; }
};

struct execution {
  sync::ending how = sync::ending::finished;
  std::uint64_t steps = 0;
  std::uint64_t switches = 0;
  std::optional<finding> found;
};

/// Runs `what` once. Not reentrant.
execution execute(program& what, sync::chooser& by);

/// Records a finding and, on an actor, ends the execution. From `program::finish` it returns.
void report_finding(const kernel::violation& what);

/// Code addresses from frame pointers, innermost first, of the actor that runs.
std::vector<std::uint64_t> walk_stack(const void* frame, const void* first, sync::actor_id who);

/// Turns a crash of the guest (SIGSEGV, SIGBUS, SIGILL, SIGFPE, its stack's end) and a guest that
/// spins without reaching a scheduling point into findings. Call once.
void install_crash_handlers();

/// A chooser that writes down where `inner` deviates from the default.
class recording_chooser final : public sync::chooser {
 public:
  explicit recording_chooser(sync::chooser& inner) : inner_(inner) {}
  sync::actor_id choose(const sync::decision& what) override;
  const std::vector<directive>& directives() const { return directives_; }
  int preemptions() const { return preemptions_; }
  /// For each directive, whether it preempts.
  const std::vector<bool>& preempting() const { return preempting_; }

 private:
  sync::chooser& inner_;
  std::vector<directive> directives_;
  std::vector<bool> preempting_;
  int preemptions_ = 0;
};

}  // namespace belay::inline BELAY_BUILD::explore
