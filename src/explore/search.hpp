// Searching a program's schedules: exhaustively to a preemption bound, then at random; and making
// what was found small.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "explore/execution.hpp"
#include "explore/strategy.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// What was done in one part of a search.
struct phase {
  std::string name;  ///< "bound 1", "random walk", …
  std::uint64_t executions = 0;
  double seconds = 0;
  bool complete = false;  ///< a systematic phase reached its end
};

enum class verdict : std::uint8_t { holds, violation, inconclusive, nondeterministic };

struct search_options {
  int bound = 2;  ///< preemptions; bounded_search::unbounded: all interleavings
  std::uint64_t randomized =
      10'000;  ///< executions of random walk and PCT together, after the bound
  std::uint64_t most_executions = 20'000'000;
  double most_seconds = 300;
  std::uint64_t seed = 1;
  bool prune = true;  ///< leave out prefixes whose happens-before history was seen
  bool minimise = true;
  /// Only this strategy: "", "bounded", "random", "pct".
  std::string only;
};

struct search_result {
  verdict what = verdict::inconclusive;
  std::string why;  ///< for inconclusive and nondeterministic: one sentence
  std::uint64_t executions = 0;
  std::uint64_t steps = 0;
  double seconds = 0;
  std::vector<phase> phases;
  int complete_bound = -1;    ///< every schedule with that many preemptions was explored
  bool exhaustive = false;    ///< every schedule was
  std::uint64_t longest = 0;  ///< steps of the longest execution
  // for a violation
  std::optional<finding> found;
  std::string found_by;               ///< the phase
  std::uint64_t found_at = 0;         ///< its execution number, from 1
  double found_after = 0;             ///< seconds
  std::vector<directive> directives;  ///< minimal when `minimal`
  int preemptions = 0;
  std::vector<std::uint64_t> shared;  ///< shared memory that the directives count on
  bool minimal = false;               ///< proved: no schedule with fewer preemptions fails
};

/// Looks for a violation. Explores non-preemptive orders first, then a sweep that fires each
/// optional actor at each step, a burst of random and PCT executions, then each bound in turn, then
/// the rest of the randomized executions. Learns which memory is shared on the way and starts a
/// bound again when it learned more, so that a completed bound is complete.
search_result search(program& what, const search_options& options);

/// Runs `what` along `directives`.
execution replay(program& what, const std::vector<directive>& directives);

}  // namespace belay::inline BELAY_BUILD::explore
