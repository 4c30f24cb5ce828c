// The explored build's scheduler: one fiber an actor, every decision made inside the call that
// reaches a scheduling point, and a switch straight from fiber to fiber.
//
// Thread safety: one OS thread. Invariants: between two points exactly one actor runs; the state of
// the program is a function of the choices made so far (nothing here reads time, randomness or an
// address that varies between executions).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sync/explored/arena.hpp"
#include "sync/explored/context.hpp"
#include "sync/explored/history.hpp"
#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

class alarm;

/// Slot 0 is the clock: choosing it moves time to the next deadline.
inline constexpr actor_id clock_actor = 0;

/// What a chooser is asked: who goes on?
struct decision {
  std::uint64_t candidates;   ///< a bit for each actor that can; at least two
  std::uint64_t reluctant;    ///< those that would rather wait (optional, lingering, the clock)
  actor_id current;           ///< who ran last; no_actor at the start
  bool current_goes_on;       ///< it is a candidate and did not yield: choosing another preempts it
  std::uint64_t fingerprint;  ///< of the happens-before history so far, when it is kept
};

/// A strategy's part in one execution.
class chooser {
 public:
  static constexpr actor_id give_up = -2;  ///< ends the execution: it leads nowhere new
  virtual ~chooser() = default;
  virtual actor_id choose(const decision& what) = 0;
};

/// The default, which replay and reports measure deviations against: go on with whoever runs; else
/// the lowest of those that must run; else the clock; else the lowest of the rest.
inline actor_id default_choice(const decision& what) {
  if (what.current_goes_on) return what.current;
  const std::uint64_t must = what.candidates & ~what.reluctant;
  return __builtin_ctzll(must != 0 ? must : what.candidates);
}

enum class ending : std::uint8_t { finished, deadlock, step_limit, abandoned };

struct pending_access {
  std::uintptr_t address = 0;
  std::uint32_t size = 0;
  access_kind kind = access_kind::none;
};

struct actor {
  context::handle context = nullptr;
  pending_access next;
  gate opens = nullptr;  // with next.kind == wait or start; nullptr: open
  const void* gate_argument = nullptr;
  nanoseconds deadline = forever;
  std::uint64_t history = 0;
  std::uint64_t identity = 0;  // across executions
  std::uint32_t steps = 0;
  std::uint32_t steps_at_look = 0;
  std::uint32_t children = 0;
  std::uint8_t interrupt_level = 0;
  std::uint8_t seals = 0;
  std::uint8_t cpu = 0;
  bool started = false;
  entry run = nullptr;
  void* argument = nullptr;
  void* local = nullptr;
  const void* site = nullptr;   // where in the guest the current access is
  const char* doing = nullptr;  // the current library call
  const char* name = "";        // lives as long as the execution
};

/// Sees each step of an execution, to write it down. Called on the actor's stack.
class recorder {
 public:
  virtual ~recorder() = default;
  virtual void on_step(actor_id who, const pending_access& what, const void* site) = 0;
  virtual void on_note(actor_id who, const char* what, const void* object, const void* site) = 0;
};

class scheduler {
 public:
  // ---- set-up, between executions
  void set_chooser(chooser* strategy) { chooser_ = strategy; }
  void set_recorder(recorder* to) { recorder_ = to, observing_ = hashing_ || recorder_ != nullptr; }
  void set_hashing(bool on) { hashing_ = on, observing_ = hashing_ || recorder_ != nullptr; }
  void set_step_limit(std::uint64_t steps) { step_limit_ = steps; }
  void set_patience(std::uint32_t advances) { patience_ = advances; }
  void set_cpus(int cpus) { cpus_ = cpus; }

  /// One execution: `setup` runs on the caller's stack and spawns the first actors.
  ending run(entry setup, void* argument);

  // ---- after an execution
  std::uint64_t steps() const { return steps_; }
  /// Counts the executions of this process.
  std::uint64_t execution() const { return execution_; }
  std::uint64_t switches() const { return switches_; }
  /// Who was chosen at each step.
  const std::vector<std::uint8_t>& schedule() const { return schedule_; }
  const actor& at(actor_id who) const { return actors_[static_cast<std::size_t>(who)]; }
  std::uint64_t live() const { return live_; }
  /// The actors of this execution, and those of them that were free to do nothing.
  std::uint64_t used() const { return used_; }
  std::uint64_t optional() const { return ever_optional_; }
  std::uint64_t fingerprint() const { return histories_.fingerprint(); }

  // ---- within an execution
  bool running() const { return running_; }
  actor_id current() const { return current_; }
  actor& me() { return actors_[static_cast<std::size_t>(current_ < 0 ? 0 : current_)]; }
  bool alone() const { return (live_ & (live_ - 1)) == 0; }

  void point(access_kind kind, const volatile void* address, std::size_t size) {
    if (!running_) return;
    actor& self = me();
    self.next = {reinterpret_cast<std::uintptr_t>(address), static_cast<std::uint32_t>(size), kind};
    if (self.seals != 0) [[unlikely]]
      return observe();
    reschedule();
  }
  /// The current step touches `address`, too.
  void also(access_kind kind, std::uintptr_t address) {
    if (hashing_) histories_.commit(current_, me().history, kind, address, 1);
  }
  /// Blocks until `opens` or the deadline. True when it opened.
  bool wait(const volatile void* object, gate opens, const void* argument, nanoseconds deadline);
  void acquire(const volatile std::uint64_t* word);
  void linger();

  actor_id spawn(const actor_options& options, entry run, void* argument);
  void join(actor_id who);
  /// The optional actors that have not begun never will.
  void dismiss_optional();
  /// Another actor, which waits, never goes on. Its stack stays.
  void dismiss(actor_id who) {
    live_ &= ~bit(who);
    gated_ &= ~bit(who);
  }
  void note(const char* what, const void* object, const void* site) {
    actor& self = me();
    self.doing = what;
    if (site != nullptr) self.site = site;
    if (recorder_ != nullptr) [[unlikely]]
      recorder_->on_note(current_, what, object, site);
  }
  /// Ends the execution here.
  [[noreturn]] void abandon();

  nanoseconds now() const { return now_; }
  void add(alarm* what);
  void remove(alarm* what);

  /// Which actor each slot is for, by its identity across executions and processes; slots without
  /// one are 0.
  std::array<std::uint64_t, max_actors> identities() const;
  void set_identities(const std::array<std::uint64_t, max_actors>& identities);

  arena& memory() { return memory_; }
  const arena& memory() const { return memory_; }
  history_table& histories() { return histories_; }
  bool hashing() const { return hashing_; }
  /// What each blocked actor waits for, for the report of a deadlock.
  bool gate_is_open(const actor& who) const;
  std::uint64_t gated() const { return gated_; }

 private:
  friend void actor_entry();

  void reschedule() {
    const actor_id next = pick();
    if (next < 0) [[unlikely]]
      leave();
    if (next != current_) {
      actor& from = me();
      current_ = next;
      ++switches_;
      context::switch_to(from.context, actors_[static_cast<std::size_t>(next)].context);
    }
    if (observing_) [[unlikely]]
      observe();
  }
  actor_id pick();
  std::uint64_t idle(std::uint64_t candidates);
  std::uint64_t keep_to_processors(std::uint64_t candidates) const;
  std::uint64_t be_fair(std::uint64_t candidates, std::uint64_t reluctant);
  void advance_clock();
  nanoseconds next_deadline() const;
  void observe();
  [[noreturn]] void leave();
  [[noreturn]] void finish_current();
  actor_id slot_for(std::uint64_t identity);
  static std::uint64_t bit(actor_id who) { return std::uint64_t{1} << who; }

  std::array<actor, max_actors> actors_{};
  std::uint64_t live_ = 0;
  std::uint64_t used_ = 0;
  std::uint64_t ever_optional_ = 0;
  std::uint64_t gated_ = 0;      // whose pending access has a gate
  std::uint64_t optional_ = 0;   // not begun, and may never
  std::uint64_t lingering_ = 0;  // would rather wait
  actor_id current_ = no_actor;
  actor_id last_ = no_actor;  // chosen last; the clock has no stack and never is current_
  bool running_ = false;
  bool observing_ = false;
  bool hashing_ = false;
  ending ending_ = ending::finished;
  chooser* chooser_ = nullptr;
  recorder* recorder_ = nullptr;
  std::uint64_t steps_ = 0;
  std::uint64_t step_limit_ = 20'000;
  std::uint64_t next_look_ = 0;  // at who is kept waiting
  std::uint64_t could_go_ = 0;   // at the last look
  std::uint64_t switches_ = 0;
  std::uint64_t execution_ = 0;
  std::uint32_t patience_ = 4;
  std::uint32_t advances_ = 0;  // of the clock since something reluctant ran
  int cpus_ = 0;                // 0: one an actor
  nanoseconds now_ = 0;
  alarm* alarms_ = nullptr;
  context::handle main_context_ = nullptr;
  std::vector<std::uint8_t> schedule_;
  arena memory_;
  history_table histories_;
};

/// The one scheduler of the process: the guest's accesses arrive without a context.
extern scheduler the_scheduler;
inline scheduler& world() { return the_scheduler; }

}  // namespace belay::inline BELAY_BUILD::sync
