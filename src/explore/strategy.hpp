// Strategies: what to explore, one chooser each.
//
// Thread safety: as the scheduler's. Invariants: a strategy's choices are a function of its seed
// and of the program; it keeps nothing of an execution but what the next one needs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sync/explored/scheduler.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// xorshift64*; small, fast, the same everywhere.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) { reseed(seed); }
  void reseed(std::uint64_t seed) {
    state_ = seed * 0x9E3779B97F4A7C15u + 0x1234567;
    if (state_ == 0) state_ = 1;
    next();
    next();
  }
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  /// Uniform in [0, n).
  std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(((next() >> 32) * n) >> 32);
  }

 private:
  std::uint64_t state_ = 1;
};

/// One deviation from the default choice: when `actor` is at its `step`-th step, `to` goes on. An
/// actor's steps count from one; `actor` is no_actor at the very start.
struct directive {
  sync::actor_id actor;
  std::uint32_t step;
  sync::actor_id to;

  friend bool operator==(const directive&, const directive&) = default;
};

/// At each point, any candidate with the same probability.
class random_walk final : public sync::chooser {
 public:
  void start(std::uint64_t seed) { random_.reseed(seed); }
  sync::actor_id choose(const sync::decision& what) override;

 private:
  random_source random_{1};
};

/// Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): random priorities, lowered
/// at `depth` - 1 random steps of about `steps`. Priorities are unfair: who waits in a loop for one
/// of lower priority would wait for ever. So an execution twice as long as `steps` goes on as a
/// random walk.
class priority_walk final : public sync::chooser {
 public:
  void start(std::uint64_t seed, int depth, std::uint64_t steps);
  sync::actor_id choose(const sync::decision& what) override;

 private:
  std::uint64_t priority_of(sync::actor_id who);

  random_source random_{1};
  std::uint64_t priority_[sync::max_actors] = {};
  std::uint64_t lowest_ = 0;
  std::uint64_t fair_after_ = 0;
  std::uint64_t change_at_[16] = {};
  int changes_ = 0;
};

/// Follows directives, and the default choice elsewhere.
class directed final : public sync::chooser {
 public:
  void start(std::span<const directive> directives) {
    directives_ = directives;
    next_ = 0;
  }
  sync::actor_id choose(const sync::decision& what) override;

 private:
  std::span<const directive> directives_;
  std::size_t next_ = 0;
};

/// Fires one actor at one step of the default order.
class sweep final : public sync::chooser {
 public:
  void start(sync::actor_id who, std::uint64_t at) {
    who_ = who;
    at_ = at;
    fired_ = false;
  }
  bool fired() const { return fired_; }
  sync::actor_id choose(const sync::decision& what) override;

 private:
  sync::actor_id who_ = sync::no_actor;
  std::uint64_t at_ = 0;
  bool fired_ = false;
};

/// What a bounded search may leave out, each without losing a reachable state.
struct reductions {
  /// Prefixes whose happens-before history was seen with as many preemptions left.
  bool histories = true;
  /// Preemptions where they make no difference: right after a step without effect (an actor's
  /// start, a yield), where the same schedule without the preemption exists; and before the release
  /// of a lock, which can be moved before whatever others would do in between.
  bool moves = true;
};

/// Depth-first over all schedules with at most `bound` preemptions (Musuvathi and Qadeer, PLDI
/// 2007).
class bounded_search final : public sync::chooser {
 public:
  static constexpr int unbounded = 1 << 20;

  void start(int bound, reductions leave_out);
  /// Before each execution.
  void begin() { depth_ = 0, preemptions_ = 0, pruned_ = false, quiet_actor_ = sync::no_actor; }
  /// After each execution: moves to the next schedule. False: there is none.
  bool advance();
  bool pruned() const { return pruned_; }
  /// True once the bound kept it from a choice: there is more to explore with a higher one.
  bool limited() const { return limited_; }
  /// False when the memory for seen histories ran out; the search stays exhaustive but is slower.
  std::size_t states() const { return seen_used_; }
  sync::actor_id choose(const sync::decision& what) override;

 private:
  struct node {
    std::uint64_t untried;
    std::int8_t current;  // whose going on costs nothing; -1: any
    std::int8_t chosen;
  };
  struct seen {
    std::uint64_t key;
    std::uint32_t left;
  };

  bool known(std::uint64_t key, std::uint32_t left);
  bool makes_no_difference(sync::actor_id who) const;
  sync::actor_id take(sync::actor_id who);

  int bound_ = 0;
  reductions leave_out_;
  sync::actor_id quiet_actor_ = sync::no_actor;  // chosen for a step without effect,
  std::uint32_t quiet_step_ = 0;                 // which is this one of its steps
  bool pruned_ = false;
  bool limited_ = false;
  std::size_t depth_ = 0;
  int preemptions_ = 0;
  std::vector<node> path_;
  std::vector<seen> seen_;
  std::size_t seen_used_ = 0;
};

}  // namespace belay::inline BELAY_BUILD::explore
