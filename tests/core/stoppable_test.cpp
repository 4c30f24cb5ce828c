// Our tokens against the standard's concepts, and what the concepts cannot check.
#include "belay/stoppable.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include "belay/biased_operation.hpp"
#include "belay/child_operation.hpp"
#include "belay/child_source.hpp"
#include "belay/fan_out_source.hpp"
#include "belay/std_bridge.hpp"
#include "belay/tokens.hpp"
#include "belay/wide_source.hpp"

namespace {

using belay::cancel_on_stop;
using belay::cancel_result;
using belay::never_token;
using belay::operation;
using belay::operation_token;
using belay::outcome;
using belay::reason;
using belay::reason_kind;
using belay::source;
using belay::source_token;
using belay::std_stop;
using belay::stop_callback_for_t;
using belay::token_operation;
using belay::token_source;

// ---- what the concepts say

using wide_token = belay::basic_source_token<belay::wide_source, belay::wide_listener>;
using fan_out_token = belay::basic_source_token<belay::fan_out_source, belay::fan_out_listener>;
using biased_token = belay::basic_operation_token<belay::biased_operation>;
using wide_token_source = belay::with_token<belay::wide_source, wide_token>;
using token_child = belay::with_token<belay::child_source, source_token>;

template <class Token>
constexpr bool is_token =
    belay::stoppable_token<Token> && !belay::unstoppable_token<Token> &&
    std::is_nothrow_copy_constructible_v<Token> && std::is_nothrow_default_constructible_v<Token> &&
    std::is_nothrow_swappable_v<Token> && sizeof(Token) == sizeof(void*) &&
    belay::stoppable_callback_for<void (*)(), Token> &&
    belay::stoppable_callback_for<std::function<void()>, Token, void (*)()> &&
    !belay::stoppable_callback_for<void (*)(int), Token> &&
    !belay::stoppable_callback_for<void (*)(), Token, int>;
static_assert(is_token<source_token> && is_token<operation_token> && is_token<wide_token> &&
              is_token<fan_out_token> && is_token<biased_token>);

static_assert(belay::stoppable_token<never_token> && belay::unstoppable_token<never_token>);
static_assert(belay::stoppable_callback_for<void (*)(), never_token>);
static_assert(std::is_empty_v<never_token>);
static_assert(std::is_empty_v<stop_callback_for_t<never_token, void (*)()>>);
static_assert(!never_token::stop_requested() && never_token() == never_token());

static_assert(belay::stoppable_source<token_source> && belay::stoppable_source<token_operation> &&
              belay::stoppable_source<wide_token_source> && belay::stoppable_source<token_child>);
static_assert(!belay::stoppable_source<source> && !belay::stoppable_source<operation>);
static_assert(belay::stoppable_source<std::stop_source> == belay::stoppable_token<std::stop_token>);
static_assert(!belay::stoppable_token<int> && !belay::stoppable_token<source>);

template <class Fn>
using on_source = stop_callback_for_t<source_token, Fn>;
template <class Fn>
using on_operation = stop_callback_for_t<operation_token, Fn>;
static_assert(!std::is_copy_constructible_v<on_source<void (*)()>>);
static_assert(!std::is_move_constructible_v<on_operation<void (*)()>>);
static_assert(std::is_same_v<on_source<void (*)()>::callback_type, void (*)()>);

// ---- what they cannot

struct counting {
  int* runs;
  void operator()() const noexcept { ++*runs; }
};

/// Source, token and callback of one kind.
template <class Source, class Token>
struct kind {
  using source_type = Source;
  using token_type = Token;
  using callback = stop_callback_for_t<Token, counting>;
};
template <class Kind>
class each_stoppable : public testing::Test {};
using kinds =
    testing::Types<kind<token_source, source_token>, kind<token_operation, operation_token>,
                   kind<wide_token_source, wide_token>,
                   kind<belay::with_token<belay::fan_out_source, fan_out_token>, fan_out_token>,
                   kind<belay::with_token<belay::biased_operation, biased_token>, biased_token>>;
TYPED_TEST_SUITE(each_stoppable, kinds, );

TYPED_TEST(each_stoppable, only_the_first_request_wins) {
  typename TypeParam::source_type stop;
  const auto token = stop.get_token();
  EXPECT_TRUE(stop.stop_possible());
  EXPECT_TRUE(token.stop_possible());
  EXPECT_FALSE(stop.stop_requested());
  EXPECT_FALSE(token.stop_requested());
  EXPECT_EQ(token.reason(), reason());
  EXPECT_TRUE(stop.request_stop());
  EXPECT_FALSE(stop.request_stop());
  EXPECT_FALSE(stop.request_stop(reason_kind::shutdown));
  EXPECT_TRUE(stop.stop_requested());
  EXPECT_TRUE(token.stop_requested());
  EXPECT_TRUE(token.stop_possible());
  EXPECT_EQ(token.reason(), reason(reason_kind::user));
}

TYPED_TEST(each_stoppable, tokens_are_values) {
  typename TypeParam::source_type one, two;
  auto a = one.get_token(), b = two.get_token();
  const auto copy = a;
  EXPECT_EQ(copy, a);
  EXPECT_NE(a, b);
  std::swap(a, b);
  EXPECT_EQ(copy, b);
  a = copy;
  EXPECT_EQ(a, b);
  typename TypeParam::token_type none;
  EXPECT_NE(none, a);
  EXPECT_FALSE(none.stop_possible());
  EXPECT_FALSE(none.stop_requested());
  EXPECT_EQ(none.reason(), reason());
  int runs = 0;
  typename TypeParam::callback never(none, counting{&runs});
  one.request_stop();
  EXPECT_EQ(runs, 0);
}

TYPED_TEST(each_stoppable, callbacks_run_once_or_never) {
  typename TypeParam::source_type stop;
  int first = 0, second = 0, late = 0;
  { typename TypeParam::callback gone(stop.get_token(), counting{&first}); }
  {
    typename TypeParam::callback here(stop.get_token(), counting{&second});
    EXPECT_TRUE(stop.request_stop());
    EXPECT_EQ(second, 1) << "before request_stop() returns";
    EXPECT_FALSE(stop.request_stop());
  }
  typename TypeParam::callback inlined(stop.get_token(), counting{&late});
  EXPECT_EQ(late, 1) << "in the constructor";
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TYPED_TEST(each_stoppable, a_callback_may_destroy_itself) {
  typename TypeParam::source_type stop;
  int runs = 0;
  struct resetting {
    std::function<void()>* then;
    void operator()() const noexcept { (*then)(); }
  };
  std::function<void()> then;
  std::optional<stop_callback_for_t<typename TypeParam::token_type, resetting>> callback;
  then = [&] {
    ++runs;
    callback.reset();
  };
  callback.emplace(stop.get_token(), resetting{&then});
  EXPECT_TRUE(stop.request_stop());
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(callback.has_value());
}

TEST(source_token, takes_any_number_of_callbacks) {
  token_source stop;
  int runs = 0;
  on_source<counting> one(stop.get_token(), counting{&runs}),
      two(stop.get_token(), counting{&runs});
  EXPECT_TRUE(stop.request_stop({reason_kind::timeout, 4}));
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(stop.get_token().reason(), reason(reason_kind::timeout, 4));
}

TEST(source_token, of_a_child_inherits) {
  token_source parent;
  token_child child(parent);
  int runs = 0;
  on_source<counting> callback(child.get_token(), counting{&runs});
  EXPECT_TRUE(parent.request_stop({reason_kind::shutdown, 2}));
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(child.request_stop());
  EXPECT_EQ(child.get_token().reason().kind(), reason_kind::parent);
  EXPECT_EQ(child.get_token().reason().origin(), reason(reason_kind::shutdown, 2));
}

TEST(operation_token, knows_when_nothing_can_come_any_more) {
  token_operation it;
  const operation_token token = it.get_token();
  EXPECT_TRUE(it.complete(outcome::completed));
  EXPECT_FALSE(token.stop_possible());
  int runs = 0;
  on_operation<counting> callback(token, counting{&runs});
  EXPECT_FALSE(it.request_stop());
  EXPECT_EQ(runs, 0);
}

void two_callbacks() {
  token_operation it;
  int runs = 0;
  on_operation<counting> one(it.get_token(), counting{&runs}), two(it.get_token(), counting{&runs});
}
TEST(operation_token, a_second_callback_traps) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(two_callbacks(), "");
}

/// While one callback runs on another thread, another one can go; the running one's destructor
/// waits for it.
TEST(source_token, deregistration_waits_for_its_own_callback_only) {
  token_source stop;
  std::mutex mutex;
  std::condition_variable condition;
  bool inside = false, go_on = false;
  int other_runs = 0, result = 0;
  std::optional<on_source<counting>> other;
  other.emplace(stop.get_token(), counting{&other_runs});  // added first, it would run last
  std::optional<on_source<std::function<void()>>> slow;
  slow.emplace(stop.get_token(), [&] {
    std::unique_lock lock(mutex);
    inside = true;
    condition.notify_all();
    condition.wait(lock, [&] { return go_on; });
    result = 7;
  });
  std::thread requester([&] { stop.request_stop(); });
  {
    std::unique_lock lock(mutex);
    condition.wait(lock, [&] { return inside; });
  }
  other.reset();  // would hang if it waited for `slow`
  EXPECT_EQ(other_runs, 0);
  {
    std::unique_lock lock(mutex);
    go_on = true;
    condition.notify_all();
  }
  slow.reset();
  EXPECT_EQ(result, 7) << "its return happens before the end of the destructor";
  requester.join();
}

// ---- bridges

TEST(std_bridge, a_std_stop_cancels) {
  std::stop_source from;
  operation it;
  source all;
  belay::biased_operation biased;
  { cancel_on_stop gone(from.get_token(), all); }
  cancel_on_stop one(from.get_token(), it);
  cancel_on_stop two(from.get_token(), biased);
  EXPECT_FALSE(it.cancelled());
  EXPECT_TRUE(from.request_stop());
  EXPECT_EQ(it.reason(), reason(reason_kind::parent));
  EXPECT_TRUE(biased.cancelled());
  EXPECT_FALSE(all.cancelled());
  cancel_on_stop late(from.get_token(), all);
  EXPECT_EQ(all.reason().kind(), reason_kind::parent);
}

TEST(std_bridge, a_token_of_ours_hands_its_reason_down) {
  token_source from;
  operation it;
  cancel_on_stop follow(from.get_token(), it);
  from.cancel({reason_kind::overload, 8});
  EXPECT_EQ(it.reason().kind(), reason_kind::parent);
  EXPECT_EQ(it.reason().origin(), reason(reason_kind::overload, 8));
}

TEST(std_bridge, never_costs_nothing) {
  operation it;
  cancel_on_stop follow(never_token(), it);
  static_assert(sizeof follow == 1);
  std_stop out{never_token()};
  EXPECT_FALSE(out.get_token().stop_requested());
}

TEST(std_bridge, a_cancel_is_a_std_stop) {
  token_source from;
  token_operation it;
  std::optional<std_stop<source_token>> out(from.get_token());
  const std_stop also(it.get_token());
  const std::stop_token one = out->get_token(), two = also.get_token();
  EXPECT_TRUE(one.stop_possible());
  EXPECT_FALSE(one.stop_requested());
  from.cancel(reason_kind::user);
  it.cancel(reason_kind::user);
  EXPECT_TRUE(one.stop_requested());
  EXPECT_TRUE(two.stop_requested());
  EXPECT_TRUE(std_stop(from.get_token()).get_token().stop_requested()) << "it was cancelled before";
  token_source other;
  out.reset();
  std::stop_token outlives;
  {
    std_stop short_lived(other.get_token());
    outlives = short_lived.get_token();
  }
  other.request_stop();
  EXPECT_FALSE(outlives.stop_requested());
}

TEST(std_bridge, ends_a_wait_on_a_condition_variable) {
  token_source from;
  std::mutex mutex;
  std::condition_variable_any condition;
  bool waiting = false, got = true;
  std::thread waiter([&] {
    const std_stop stop(from.get_token());
    std::unique_lock lock(mutex);
    waiting = true;
    got = condition.wait(lock, stop.get_token(), [] { return false; });
  });
  for (bool ready = false; !ready; std::this_thread::yield()) {
    const std::lock_guard lock(mutex);
    ready = waiting;
  }
  from.cancel(reason_kind::shutdown);
  waiter.join();
  EXPECT_FALSE(got);
}

}  // namespace
