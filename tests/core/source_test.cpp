// Sources, trees and shields, one call after the other.
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "belay/callback.hpp"
#include "belay/child_operation.hpp"
#include "belay/child_source.hpp"
#include "belay/fan_out_source.hpp"
#include "belay/shield.hpp"
#include "belay/wide_source.hpp"

namespace {

using belay::cancel_result;
using belay::handshake;
using belay::reason;
using belay::reason_kind;

template <class Base>
struct logging : Base {
  logging(std::vector<int>& to, int mine) : Base(&run), log(to), number(mine) {}
  static void run(belay::listener& self, reason) noexcept {
    auto& me = static_cast<logging&>(self);
    me.log.push_back(me.number);
  }
  std::vector<int>& log;
  int number;
};
using probe = logging<belay::listener>;

TEST(source, listeners_run_once_last_added_first) {
  std::vector<int> log;
  belay::source source;
  probe a(log, 1), b(log, 2), c(log, 3), d(log, 4);
  for (probe* each : {&a, &b, &c, &d}) EXPECT_TRUE(source.add(*each));
  EXPECT_EQ(source.remove(b), handshake::won);
  EXPECT_EQ(source.remove(d), handshake::won);
  EXPECT_EQ(source.remove(d), handshake::refused);
  EXPECT_TRUE(source.add(d));
  EXPECT_FALSE(source.cancelled());
  EXPECT_EQ(source.reason(), reason());
  EXPECT_EQ(source.cancel({reason_kind::overload, 9}), cancel_result::claimed);
  EXPECT_EQ(source.cancel(reason_kind::user), cancel_result::already_cancelled);
  EXPECT_EQ(log, (std::vector{4, 3, 1}));
  EXPECT_EQ(source.reason(), reason(reason_kind::overload, 9));
  EXPECT_EQ(source.remove(a), handshake::cancelled);
  EXPECT_FALSE(source.add(b));
  EXPECT_EQ(source.remove(b), handshake::refused);
  EXPECT_TRUE(source.is_canceller());
}

TEST(source, the_first_of_the_list_can_be_removed_from_anywhere) {
  std::vector<int> log;
  belay::source source;
  std::vector<std::unique_ptr<probe>> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(std::make_unique<probe>(log, i));
    source.add(*all.back());
  }
  for (const int i : {5, 0, 3, 4}) EXPECT_EQ(source.remove(*all[i]), handshake::won);
  source.cancel(reason_kind::user);
  EXPECT_EQ(log, (std::vector{2, 1}));
}

TEST(source, reset_while_nothing_is_attached) {
  std::vector<int> log;
  belay::source source;
  EXPECT_TRUE(source.try_reset());
  probe a(log, 1);
  source.add(a);
  EXPECT_FALSE(source.try_reset());
  source.remove(a);
  EXPECT_TRUE(source.try_reset());
  source.cancel(reason_kind::user);
  EXPECT_FALSE(source.try_reset());
}

TEST(callback, runs_in_the_constructor_when_it_is_late) {
  belay::source source;
  int with = 0, without = 0;
  belay::callback early(source, [&](reason why) { with += static_cast<int>(why.code()); });
  source.cancel({reason_kind::user, 3});
  belay::callback late(source, [&] { ++without; });
  EXPECT_EQ(with, 3);
  EXPECT_EQ(without, 1);
  EXPECT_EQ(late.remove(), handshake::refused);
  EXPECT_EQ(early.try_remove(), handshake::cancelled);
}

TEST(tree, a_child_knows_why_its_ancestor_was_cancelled) {
  belay::source root;
  belay::child_source middle(root), other(root);
  belay::child_source bottom(middle);
  belay::child_operation leaf(bottom);
  std::vector<int> log;
  probe at_root(log, 1), at_bottom(log, 2);
  bottom.add(at_bottom);
  root.add(at_root);
  other.cancel({reason_kind::user, 1});
  EXPECT_FALSE(root.cancelled());
  root.cancel({reason_kind::timeout, 7});
  EXPECT_EQ(leaf.reason().kind(), reason_kind::parent);
  EXPECT_EQ(leaf.reason().origin(), reason(reason_kind::timeout, 7));
  EXPECT_EQ(root.reason().kind(), reason_kind::timeout);
  EXPECT_EQ(other.reason(), reason(reason_kind::user, 1)) << "its own request came first";
  EXPECT_EQ(log, (std::vector{1, 2}));
  EXPECT_EQ(leaf.detach(), handshake::cancelled);
  belay::child_source late(bottom);
  EXPECT_EQ(late.reason().origin(), reason(reason_kind::timeout, 7));
  EXPECT_EQ(late.detach(), handshake::refused);
}

TEST(tree, a_detached_child_is_left_alone) {
  belay::source root;
  belay::child_source child(root);
  EXPECT_EQ(child.detach(), handshake::won);
  EXPECT_EQ(child.detach(), handshake::refused);
  root.cancel(reason_kind::user);
  EXPECT_FALSE(child.cancelled());
}

TEST(tree, a_child_detached_inside_still_runs_its_listeners) {
  belay::source root;
  belay::child_source child(root);
  std::vector<int> log;
  probe older(log, 1);
  child.add(older);
  handshake inside = handshake::won;
  belay::callback newer(child, [&] { inside = child.detach(); });
  root.cancel(reason_kind::user);
  EXPECT_EQ(inside, handshake::cancelled_inside);
  EXPECT_EQ(log, (std::vector{1}));
}

TEST(shield, defers_the_parents_cancellation) {
  belay::source root;
  belay::child_source child(root);
  {
    belay::shield outer(child);
    belay::shield inner(child);
    EXPECT_TRUE(outer.holds());
    EXPECT_FALSE(inner.holds());
    EXPECT_FALSE(inner.end());
    root.cancel(reason_kind::shutdown);
    EXPECT_TRUE(outer.pending());
    EXPECT_FALSE(child.cancelled());
  }
  EXPECT_EQ(child.reason().origin(), reason(reason_kind::shutdown));
}

TEST(shield, of_a_routine) {
  belay::notify_routine routine([](belay::routine&, reason) noexcept {});
  belay::operation operation(routine);
  {
    belay::routine_shield region(operation, routine);
    EXPECT_EQ(region.began(), handshake::won);
    EXPECT_TRUE(region.end());
    EXPECT_FALSE(region.end());
  }
  {
    belay::routine_shield region(operation, routine);
    EXPECT_EQ(operation.cancel(reason_kind::user), cancel_result::requested_nothing_armed);
    EXPECT_TRUE(region.pending());
    EXPECT_FALSE(region.end());
  }
}

template <class Source, class Listener>
void many() {
  std::vector<int> log;
  Source source;
  std::vector<std::unique_ptr<logging<Listener>>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_unique<logging<Listener>>(log, i));
    EXPECT_TRUE(source.add(*all.back()));
  }
  for (int i = 0; i < 100; i += 3) EXPECT_EQ(source.remove(*all[i]), handshake::won);
  EXPECT_EQ(source.cancel({reason_kind::shutdown, 1}), cancel_result::claimed);
  EXPECT_EQ(source.reason(), reason(reason_kind::shutdown, 1));
  EXPECT_EQ(log.size(), 66u);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(source.remove(*all[i]), i % 3 == 0 ? handshake::refused : handshake::cancelled);
  EXPECT_FALSE(source.add(*all[0]));
}
TEST(source, wide) { many<belay::wide_source, belay::wide_listener>(); }
TEST(source, fan_out) { many<belay::fan_out_source, belay::fan_out_listener>(); }

}  // namespace
