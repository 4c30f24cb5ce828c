// The IRP-cancel model: its interleavings counted, its bugs found, its fix proved.
#include "irp_model.hpp"

#include <gtest/gtest.h>

#include "explore/explore.hpp"
#include "explore/minimise.hpp"
#include "explore/search.hpp"

namespace {

using namespace belay::explore;
namespace sync = belay::sync;

// What is counted is the code that the compiler emitted: Clang reads a field once where GCC reads
// it twice.
#if defined(__clang__)
constexpr std::uint64_t bounded_executions[] = {6, 181, 2'383, 21'614};
constexpr std::uint64_t all_executions = 535;
#else
constexpr std::uint64_t bounded_executions[] = {6, 210, 2'962, 29'378};
constexpr std::uint64_t all_executions = 564;
#endif

class IrpModel : public ::testing::Test {
 protected:
  void SetUp() override {
    sync::guest().forget();
    sync::guest().set_every_access(true);
    install_crash_handlers();
  }
  void TearDown() override { sync::guest().set_every_access(false); }
};

// Every access a scheduling point, nothing left out: what a plain enumeration must count.
TEST_F(IrpModel, PreemptionBoundedCountsArePinned) {
  irp_model model(model_bug0_padding0);
  for (int bound = 0; bound < 4; ++bound) {
    const exhausted all = exhaust(model, {.bound = bound, .prune = false});
    EXPECT_TRUE(all.holds()) << all.text();
    EXPECT_EQ(all.executions, bounded_executions[bound]) << "bound " << bound;
  }
}

// With equivalent prefixes left out, the whole space; without a bound.
TEST_F(IrpModel, EveryInterleavingHolds) {
  irp_model model(model_bug0_padding0);
  const exhausted all = exhaust(model, {.prune = true});
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_EQ(all.executions, all_executions);
}

TEST_F(IrpModel, DoubleCompletionNeedsOnePreemption) {
  irp_model model(model_bug1_padding0);
  EXPECT_TRUE(exhaust(model, {.bound = 0}).holds());
  const exhausted all = exhaust(model, {.bound = 1});
  ASSERT_TRUE(all.found.has_value());
  search_options options;
  const search_result result = search(model, options);
  ASSERT_EQ(result.what, verdict::violation) << result.why;
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.preemptions, 1);
}

TEST_F(IrpModel, TouchAfterCompletionNeedsNone) {
  irp_model model(model_bug2_padding0);
  const search_result result = search(model, {});
  ASSERT_EQ(result.what, verdict::violation) << result.why;
  EXPECT_EQ(result.found->clause, "WDM-IRP-001");
  EXPECT_EQ(result.preemptions, 0);
  EXPECT_TRUE(result.minimal);
}

TEST_F(IrpModel, SameWithTheLearnedFilter) {
  sync::guest().set_every_access(false);
  irp_model right(model_bug0_padding0);
  search_options options;
  options.bound = bounded_search::unbounded;
  options.randomized = 2'000;
  const search_result holds = search(right, options);
  EXPECT_EQ(holds.what, verdict::holds) << holds.why;
  EXPECT_TRUE(holds.exhaustive);
  irp_model wrong(model_bug1_padding40);
  sync::guest().forget();
  const search_result found = search(wrong, {});
  EXPECT_EQ(found.what, verdict::violation) << found.why;
  EXPECT_LE(found.preemptions, 1);
}

// The same directives, the same execution: a thousand times.
TEST_F(IrpModel, ReplayIsExact) {
  irp_model model(model_bug1_padding40);
  const search_result result = search(model, {});
  ASSERT_EQ(result.what, verdict::violation);
  sync::guest().restore_shared_set(result.shared);
  std::uint64_t steps = 0;
  for (int i = 0; i < 1'000; ++i) {
    const execution again = replay(model, result.directives);
    ASSERT_TRUE(again.found.has_value());
    ASSERT_EQ(again.found->signature(), result.found->signature());
    if (i == 0) steps = again.steps;
    ASSERT_EQ(again.steps, steps);
  }
}

}  // namespace
