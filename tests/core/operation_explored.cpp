// Every pair and triple of the operation's calls, in every interleaving.
//
// operation_counts.hpp pins how many there are: a change that moves a number changed which steps
// the operation takes, and must say why. `all` counts interleavings; `classes` counts one for those
// that differ only in the order of independent steps, which decides the same; the few programs that
// are too large for either are explored up to three preemptions.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "operation_counts.hpp"
#include "operation_world.hpp"

namespace operation_tests {
namespace {

using belay::operation;

const pinned* find(const std::string& name) {
  const auto* const at = std::find_if(std::begin(counts), std::end(counts),
                                      [&](const pinned& each) { return name == each.name; });
  return at != std::end(counts) ? at : nullptr;
}

void explore_all(routine_kind kind, int calls, bool armed) {
  for (const shape& each : shapes(kind, calls)) {
    if (each.armed != armed) continue;
    const pinned* const expected = find(each.name());
    ASSERT_NE(expected, nullptr) << each.name() << " is not in operation_counts.hpp";
    world<operation> program(each);
    const auto result = program.explore(
        {.bound = expected->mode == how::bounded ? 3 : belay::explore::bounded_search::unbounded,
         .prune = expected->mode == how::classes});
    EXPECT_TRUE(result.holds()) << each.name() << ": " << result.text();
    EXPECT_EQ(result.executions, expected->executions) << each.name();
  }
}

TEST(operation_explored, pairs_notify) {
  explore_all(routine_kind::notify, 2, false);
  explore_all(routine_kind::notify, 2, true);
}
TEST(operation_explored, pairs_claim) {
  explore_all(routine_kind::claim, 2, false);
  explore_all(routine_kind::claim, 2, true);
}
TEST(operation_explored, pairs_finishing) {
  explore_all(routine_kind::finishing, 2, false);
  explore_all(routine_kind::finishing, 2, true);
}
TEST(operation_explored, triples_notify_idle) { explore_all(routine_kind::notify, 3, false); }
TEST(operation_explored, triples_notify_armed) { explore_all(routine_kind::notify, 3, true); }
TEST(operation_explored, triples_claim_idle) { explore_all(routine_kind::claim, 3, false); }
TEST(operation_explored, triples_claim_armed) { explore_all(routine_kind::claim, 3, true); }
TEST(operation_explored, triples_finishing_idle) { explore_all(routine_kind::finishing, 3, false); }
TEST(operation_explored, triples_finishing_armed) { explore_all(routine_kind::finishing, 3, true); }

}  // namespace
}  // namespace operation_tests
