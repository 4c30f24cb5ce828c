// Exploring a few lambdas: for tests of our own concurrent code.
//
//   explore::program_under_test p;
//   p.before([&] { op.emplace(); });                 // each execution starts here
//   p.actor("owner", [&] { … });
//   p.actor("canceller", [&] { … });
//   p.after([&] { explore::require(done == 1, "completed once"); });
//   auto all = explore::exhaust(p);
//   EXPECT_TRUE(all.holds()) << all.text();  EXPECT_EQ(all.executions, 42u);
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "explore/execution.hpp"

namespace belay::inline BELAY_BUILD::explore {

class program_under_test final : public program {
 public:
  /// Runs before each execution, outside it: build the objects anew here.
  void before(std::function<void()> setup) { before_ = std::move(setup); }
  void actor(const char* name, std::function<void()> body) {
    actors_.push_back({name, std::move(body)});
  }
  /// Runs after each execution in which every actor finished.
  void after(std::function<void()> check) { after_ = std::move(check); }
  /// Checks accesses to sync::checked variables for data races. On by default.
  void check_races(bool on) { races_ = on; }

  void start() override;
  void finish() override;

 private:
  struct body {
    const char* name;
    std::function<void()> run;
  };
  std::function<void()> before_, after_;
  std::vector<body> actors_;
  bool races_ = true;
};

/// Within an actor or `after`: when `condition` is false the execution fails with `text`.
void require(bool condition, const char* text);

struct exhaust_options {
  int bound = bounded_search::unbounded;  ///< preemptions
  bool prune = false;     ///< true: count one execution for equivalent interleavings
  bool coalesce = false;  ///< leave out preemptions that make no difference
  std::uint64_t most_executions = 20'000'000;
};

struct exhausted {
  std::uint64_t executions = 0;  ///< interleavings; with pruning, those run to their end
  bool complete = false;         ///< all were explored
  std::optional<finding> found;  ///< the first failure; exploration stops there
  std::vector<directive> directives;
  bool holds() const { return complete && !found; }
  /// The failure and the schedule that leads to it, for a test's message.
  std::string text() const;
};

/// Explores every interleaving of `what` at the granularity of its scheduling points.
exhausted exhaust(program& what, const exhaust_options& options = {});

}  // namespace belay::inline BELAY_BUILD::explore
