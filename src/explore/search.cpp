#include "explore/search.hpp"

#include <algorithm>
#include <cstdio>

#include "explore/deadlock.hpp"
#include "explore/minimise.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

double seconds_since(sync::nanoseconds start) {
  return static_cast<double>(sync::elapsed() - start) * 1e-9;
}

/// Follows the schedule of an execution that was.
class rerun final : public sync::chooser {
 public:
  explicit rerun(std::vector<std::uint8_t> schedule) : schedule_(std::move(schedule)) {}
  sync::actor_id choose(const sync::decision& what) override {
    const std::uint64_t step = sync::world().steps();
    return step < schedule_.size() ? schedule_[step] : sync::default_choice(what);
  }

 private:
  std::vector<std::uint8_t> schedule_;
};

class searcher {
 public:
  searcher(program& what, const search_options& options) : program_(what), options_(options) {}

  search_result run();

 private:
  enum class step : std::uint8_t { go_on, stop };

  /// Runs one execution of a phase. Stops at a violation and at the end of the budget.
  step one(sync::chooser& by, phase& in);
  bool out_of_budget();
  bool deterministic();
  step first_orders();
  step sweep_optional();
  void learn_in(std::uint64_t execution);
  step randomized(std::uint64_t executions, bool both);
  step bounded(int bound);
  step to_bound();
  void take(execution&& failed);
  phase& begin(const std::string& name);
  void end(phase& what, bool complete);

  program& program_;
  const search_options& options_;
  search_result result_;
  sync::nanoseconds start_ = sync::elapsed();
  sync::nanoseconds phase_start_ = 0;
  std::uint64_t seed_ = 0;
};

phase& searcher::begin(const std::string& name) {
  phase_start_ = sync::elapsed();
  for (phase& each : result_.phases) {
    if (each.name == name) return each;
  }
  result_.phases.push_back({name, 0, 0, false});
  return result_.phases.back();
}

void searcher::end(phase& what, bool complete) {
  what.seconds += seconds_since(phase_start_);
  what.complete = complete;
}

bool searcher::out_of_budget() {
  if (result_.executions >= options_.most_executions) {
    result_.why =
        "the budget of " + std::to_string(options_.most_executions) + " executions ran out";
    return true;
  }
  if ((result_.executions & 0xff) == 0 && seconds_since(start_) > options_.most_seconds) {
    char text[80];
    std::snprintf(text, sizeof text, "the budget of %g seconds ran out", options_.most_seconds);
    result_.why = text;
    return true;
  }
  return false;
}

searcher::step searcher::one(sync::chooser& by, phase& in) {
  if (out_of_budget()) return step::stop;
  execution it = execute(program_, by);
  ++result_.executions;
  ++in.executions;
  result_.steps += it.steps;
  result_.longest = std::max(result_.longest, it.steps);
  if (!it.found && it.how != sync::ending::finished && it.how != sync::ending::abandoned) {
    it.found = explain_ending(it.how);
  }
  if (!it.found) return step::go_on;
  result_.found_by = in.name;
  result_.found_at = result_.executions;
  result_.found_after = seconds_since(start_);
  take(std::move(it));
  return step::stop;
}

void searcher::take(execution&& failed) {
  sync::world().set_hashing(false);
  learn_in(0);  // the proof learns, even if this execution did not
  sync::guest().freeze(true);
  result_.what = verdict::violation;
  result_.shared = sync::guest().shared_set();
  const auto& schedule = sync::world().schedule();
  rerun same({schedule.begin(), schedule.begin() + static_cast<std::ptrdiff_t>(failed.steps)});
  recording_chooser recorded(same);
  const execution again = run_to_finding(program_, recorded);
  if (!again.found || again.found->signature() != failed.found->signature()) {
    result_.what = verdict::nondeterministic;
    result_.why =
        "running the failing schedule again gave another result; the guest depends on something "
        "outside its control (uninitialised memory, real time, a library it calls)";
    result_.found = std::move(failed.found);
    return;
  }
  result_.found = std::move(failed.found);
  result_.directives = recorded.directives();
  result_.preemptions = recorded.preemptions();
  if (options_.minimise) {
    minimised small = minimise(program_, *result_.found, result_.directives, result_.preemptions);
    result_.directives = std::move(small.directives);
    result_.preemptions = small.preemptions;
    result_.minimal = small.proved;
    result_.shared = std::move(small.shared);
    result_.found = std::move(small.found);
  }
}

bool searcher::deterministic() {
  sync::world().set_hashing(true);
  random_walk walk;
  bool same = true;
  for (std::uint64_t seed = 1; seed <= 3 && same; ++seed) {
    // What is shared is learned in the first runs; compare once it no longer grows.
    std::uint64_t fingerprint = 0, steps = 0;
    for (int attempt = 0; attempt < 8; ++attempt) {
      walk.start(seed);
      const execution it = execute(program_, walk);
      const std::uint64_t print = sync::world().fingerprint();
      if (it.found) return sync::world().set_hashing(false), true;  // the search will find it, too
      const bool grew = sync::guest().grew();
      if (attempt > 0 && !grew && steps == it.steps && fingerprint == print) break;
      if (attempt == 7) same = grew;
      fingerprint = print;
      steps = it.steps;
    }
  }
  sync::world().set_hashing(false);
  return same;
}

searcher::step searcher::first_orders() {
  phase& orders = begin("default order");
  directed straight;
  for (int i = 0; i < 2; ++i) {
    straight.start({});
    if (one(straight, orders) == step::stop) return step::stop;
  }
  end(orders, true);
  return step::go_on;
}

searcher::step searcher::sweep_optional() {
  phase& swept = begin("cancel sweep");
  const std::uint64_t optional = sync::world().optional();
  sweep fire;
  constexpr std::uint64_t most = 2'000;
  const std::uint64_t before = swept.executions;
  for (std::uint64_t rest = optional; rest != 0; rest &= rest - 1) {
    const sync::actor_id who = __builtin_ctzll(rest);
    for (std::uint64_t at = 0;; ++at) {
      fire.start(who, at);
      if (swept.executions - before > most) break;
      if (one(fire, swept) == step::stop) return step::stop;
      if (!fire.fired()) break;
    }
  }
  end(swept, true);
  return step::go_on;
}

searcher::step searcher::randomized(std::uint64_t executions, bool both) {
  random_walk walk;
  priority_walk priorities;
  const bool random = both || options_.only == "random";
  const bool pct = both || options_.only == "pct";
  const std::uint64_t share = random && pct ? executions / 2 : executions;
  if (pct) {
    phase& part = begin("PCT");
    // Too small an estimate of the steps means never; err high.
    const std::uint64_t steps = std::max<std::uint64_t>(result_.longest * 5 / 4, 64);
    for (std::uint64_t i = 0; i < share; ++i) {
      learn_in(i);
      priorities.start(options_.seed + ++seed_, 2 + static_cast<int>(i % 4), steps);
      if (one(priorities, part) == step::stop) return end(part, false), step::stop;
    }
    end(part, true);
  }
  if (random) {
    phase& part = begin("random walk");
    for (std::uint64_t i = 0; i < share; ++i) {
      learn_in(i);
      walk.start(options_.seed + ++seed_);
      if (one(walk, part) == step::stop) return end(part, false), step::stop;
    }
    end(part, true);
  }
  learn_in(0);
  return step::go_on;
}

// Watching for races costs as much as the rest; of many random executions, a part may teach.
void searcher::learn_in(std::uint64_t execution) {
  if (sync::guest().every_access()) return;
  const bool learn = execution < 500 || execution % 8 == 0;
  sync::guest().freeze(!learn);
  learn ? sync::races().watch() : sync::races().switch_off();
}

searcher::step searcher::bounded(int bound) {
  const std::string name =
      bound >= bounded_search::unbounded ? "every order" : "bound " + std::to_string(bound);
  bounded_search search;
  for (;;) {  // again when more memory turned out to be shared
    static_cast<void>(sync::guest().grew());
    search.start(bound, {.histories = options_.prune});
    sync::world().set_hashing(options_.prune);
    phase& part = begin(name);
    bool more = true;
    while (more) {
      search.begin();
      if (one(search, part) == step::stop) {
        sync::world().set_hashing(false);
        return end(part, false), step::stop;
      }
      more = search.advance();
    }
    sync::world().set_hashing(false);
    end(part, true);
    if (!sync::guest().grew()) break;
  }
  result_.complete_bound = bound;
  result_.exhaustive = !search.limited();
  return step::go_on;
}

searcher::step searcher::to_bound() {
  static_cast<void>(sync::guest().grew());
  const int first = options_.bound >= bounded_search::unbounded ? options_.bound : 0;
  for (int bound = first; bound <= options_.bound; ++bound) {
    if (bounded(bound) == step::stop) return step::stop;
    if (result_.exhaustive) break;
  }
  return step::go_on;
}

search_result searcher::run() {
  if (!sync::guest().every_access() && !sync::races().is_on()) sync::races().watch();
  if (!deterministic()) {
    result_.what = verdict::nondeterministic;
    result_.why =
        "the same schedule gave two different executions; the guest depends on something outside "
        "its control (uninitialised memory, real time, a library it calls)";
    return result_;
  }
  const bool everything = options_.only.empty();
  const auto search = [&] {
    if (first_orders() == step::stop) return step::stop;
    if (!everything && options_.only != "bounded") return randomized(options_.randomized, false);
    if (everything) {
      if (sweep_optional() == step::stop) return step::stop;
      if (randomized(std::min<std::uint64_t>(options_.randomized, 1'000), true) == step::stop)
        return step::stop;
    }
    if (to_bound() == step::stop) return step::stop;
    if (everything && options_.randomized > 1'000 && !result_.exhaustive) {
      if (randomized(options_.randomized - 1'000, true) == step::stop) return step::stop;
      // Did these reach memory that was not known to be shared? Then the bound has more to explore.
      if (sync::guest().grew() && to_bound() == step::stop) return step::stop;
    }
    return step::go_on;
  };
  if (search() == step::go_on) result_.what = verdict::holds;
  result_.seconds = seconds_since(start_);
  return result_;
}

}  // namespace

search_result search(program& what, const search_options& options) {
  return searcher(what, options).run();
}

execution replay(program& what, const std::vector<directive>& directives) {
  directed by;
  by.start(directives);
  return run_to_finding(what, by);
}

}  // namespace belay::inline BELAY_BUILD::explore
