// The search as a whole: reductions lose nothing, budgets are kept, nondeterminism is noticed.
#include "explore/search.hpp"

#include <set>

#include <gtest/gtest.h>

#include "explore/explore.hpp"
#include "irp_model.hpp"
#include "sync/sync.hpp"

namespace {

using namespace belay::explore;
namespace sync = belay::sync;

/// Three actors, three shared words, and all final states that some interleaving reaches.
std::set<int> reachable(bool reduce, int bound) {
  static sync::atomic<int> x{0}, y{0}, z{0};
  static std::uint64_t lock = 0;
  std::set<int> states;
  program_under_test p;
  p.check_races(false);
  p.before([] { x.store(0), y.store(0), z.store(0), lock = 0; });
  p.actor("one", [] { x.store(1), z.store(y.load() * 2 + x.load()); });
  p.actor("two", [] {
    sync::acquire_word(&lock);
    y.store(1), x.fetch_add(z.load() + 3);
    sync::release_word(&lock);
  });
  p.actor("three", [] {
    z.fetch_add(5);
    sync::acquire_word(&lock);
    y.store(x.load());
    sync::release_word(&lock);
  });
  p.after([&] { states.insert(x.load() + 100 * y.load() + 10'000 * z.load()); });
  EXPECT_TRUE(exhaust(p, {.bound = bound, .prune = reduce, .coalesce = reduce}).complete);
  return states;
}

TEST(Search, PruningReachesEveryStateThatEnumerationReaches) {
  for (const int bound : {0, 1, 2, 3, bounded_search::unbounded}) {
    EXPECT_EQ(reachable(true, bound), reachable(false, bound)) << "bound " << bound;
  }
  EXPECT_GT(reachable(true, bounded_search::unbounded).size(), 20u);
}

TEST(Search, AnExhaustedBudgetIsNoVerdict) {
  sync::guest().forget();
  irp_model model(model_bug0_padding40);
  search_options options;
  options.bound = bounded_search::unbounded;
  options.prune = false;
  options.randomized = 10;
  options.most_executions = 5'000;
  const search_result result = search(model, options);
  EXPECT_EQ(result.what, verdict::inconclusive);
  EXPECT_NE(result.why.find("5000 executions"), std::string::npos) << result.why;
}

TEST(Search, AGuestThatDependsOnMoreThanItsScheduleIsReported) {
  static int runs;
  static sync::atomic<int> word{0};
  runs = 0;
  program_under_test p;
  p.check_races(false);
  p.actor("a", [] {
    for (int i = ++runs % 5; i >= 0; --i) word.store(i);
  });
  p.actor("b", [] { word.store(7); });
  EXPECT_EQ(search(p, {}).what, verdict::nondeterministic);
}

}  // namespace
