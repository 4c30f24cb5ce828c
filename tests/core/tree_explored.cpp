// Destruction from inside, deregistration at odd moments, trees and shields, in every interleaving.
// The counts are pinned; see source_explored.cpp. Programs with three levels, or with two that
// remove and one that cancels, count one for interleavings that differ only in the order of
// independent steps.
#include <gtest/gtest.h>

#include "tree_scenarios.hpp"

namespace source_tests {
namespace {

using traits = belay::source_traits;

void expect(const belay::explore::exhausted& result, std::uint64_t executions) {
  EXPECT_TRUE(result.holds()) << result.text();
  EXPECT_EQ(result.executions, executions);
}

TEST(source_explored, last_listener_destroys_all) {
  expect(last_listener_destroys_all<traits>(1), 1);
  expect(last_listener_destroys_all<traits>(2), 182);
}
TEST(source_explored, first_listener_destroys_all) {
  expect(first_listener_destroys_all<traits>(), 1);
}
TEST(source_explored, last_listener_hands_over) { expect(last_listener_hands_over<traits>(), 70); }
TEST(source_explored, first_listener_hands_over) {
  expect(first_listener_hands_over<traits>(), 11);
}
TEST(source_explored, listener_goes_after_a_wait_in_vain) {
  expect(listener_goes_after_a_wait_in_vain<traits>(), 15);
}
TEST(source_explored, remove_while_another_runs) { expect(remove_while_another_runs<traits>(), 5); }
TEST(source_explored, two_remove_one) {
  expect(two_remove_one<traits>(false), 6);
  expect(two_remove_one<traits>(true), 14'267);
}
TEST(source_explored, inside_an_inner_cancel) { expect(inside_an_inner_cancel<traits>(), 171); }
TEST(source_explored, sleep_until_cancelled) { expect(sleep_until_cancelled<traits>(), 175); }
TEST(source_explored, callback_against_cancel) {
  expect(callback_against_cancel<belay::callback<hook>, belay::source>(), 35);
}

TEST(tree_explored, attach_against_parent_cancel) {
  expect(attach_against_parent_cancel<traits, notify>(true), 6'285);
  expect(attach_against_parent_cancel<traits, notify>(false), 14'486);
  expect(attach_against_parent_cancel<traits, claim>(true), 4'345);
  expect(attach_against_parent_cancel<traits, claim>(false), 12'546);
}
TEST(tree_explored, child_source_against_parent_cancel) {
  expect(child_source_against_parent_cancel<traits>(), 473);
}
TEST(tree_explored, two_levels_cancelled) { expect(two_levels_cancelled<traits>(), 130); }
TEST(tree_explored, destroy_child_against_parent_cancel) {
  expect(destroy_child_against_parent_cancel<traits>(), 370);
}
TEST(tree_explored, listeners_destroy_the_tree) { expect(listeners_destroy_the_tree<traits>(), 1); }
TEST(tree_explored, listener_destroys_its_child) {
  expect(listener_destroys_its_child<traits>(), 722);
}
TEST(tree_explored, listener_detaches_its_ancestor) {
  expect(listener_detaches_its_ancestor<traits>(), 390);
}
TEST(tree_explored, deep_chain) { expect(deep_chain<traits>(20'000), 1); }

TEST(shield_explored, against_cancel) {
  expect(shield_against_cancel<traits, belay::child_source>(false), 4'040);
  expect(shield_against_cancel<traits, belay::child_operation>(false), 3'711);
  expect(shield_against_cancel<traits, belay::child_source>(true), 602);
}
TEST(shield_explored, routine_against_cancel) {
  expect(routine_shield_against_cancel<traits>(), 210);
}

}  // namespace
}  // namespace source_tests
