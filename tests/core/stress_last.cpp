// The last listener takes the source with it, and a child's last listener the tree, while the
// canceller is on its way out; on real threads.
#include <pthread.h>

#include <memory>
#include <vector>

#include "belay/child_source.hpp"
#include "stress_parts.hpp"

namespace {

using namespace core_tests;
using belay::cancel_result;
using belay::handshake;
using belay::reason_kind;

/// A canceller whose source goes while it is on its way out. One of two listeners sees to it, by
/// itself or through an heir, who is the other party.
struct the_last_takes_all {
  struct mine : belay::listener {
    explicit mine(the_last_takes_all& in, int number) : listener(&run), in(in), number(number) {}
    static void run(belay::listener& self, belay::reason) noexcept {
      auto& me = static_cast<mine&>(self);
      ++me.in.runs;
      me.in.run(me.number);
    }
    the_last_takes_all& in;
    const int number;
  };
  enum way : std::uint32_t {
    alone_inside,      // the only one frees all
    alone_handed,      // … has it freed
    alone_left,        // … and does not remove itself: the heir does, and waits for it
    first_inside,      // the first of two removes the other, then itself, and frees all
    first_handed,      // … has it freed
    itself_first,      // the first removes itself, then the other, and frees all
    one_by_one,        // each frees itself, the last one the source
    heir_removes_all,  // the heir removes both, and waits for the last
    ways
  };
  handicap late;
  belay::source* source = nullptr;
  mine* all[2] = {};
  std::uint32_t round = 0;
  int runs = 0, expected = 0;
  bool gone = false;  // written by who frees it
  sync::atomic<std::uint32_t> handed{0};
  std::uint64_t of[ways] = {}, both_removed = 0;

  way now() const { return static_cast<way>(round % ways); }
  void prepare(std::uint32_t number) {
    round = number;
    runs = 0;
    gone = false;
    source = new belay::source;
    for (int i = 1; i >= 0; --i) all[i] = new mine(*this, i);  // the first runs first
    if (now() > alone_left) source->add(*all[1]);
    source->add(*all[0]);
    expected = now() == one_by_one ? 2 : 1;
  }
  void remove_inside(int number) {
    must(source->remove(*all[number]) == handshake::cancelled_inside, "it is inside", round);
  }
  void take(int number) {
    must(source->remove(*all[number]) == handshake::won, "it has yet to run", round);
  }
  void free_all() {
    delete source;
    delete all[0];
    delete all[1];
    gone = true;
  }
  void hand_over() { handed.store(round, std::memory_order_release); }
  void run(int number) {
    switch (now()) {
      case alone_inside:
        remove_inside(0);
        return free_all();
      case alone_handed:
        remove_inside(0);
        return hand_over();
      case alone_left:
        return hand_over();
      case first_inside:
        take(1);
        remove_inside(0);
        return free_all();
      case first_handed:
        take(1);
        remove_inside(0);
        return hand_over();
      case itself_first:
        remove_inside(0);
        take(1);
        return free_all();
      case one_by_one:
        remove_inside(number);
        if (number == 1) return free_all();
        delete all[0];
        all[0] = nullptr;
        return;
      default:
        return;
    }
  }
  void act(std::uint32_t party, std::uint32_t number) {
    late.wait(party, number);
    if (party == 1) {
      must(source->cancel(reason_of(number, reason_kind::user)) == cancel_result::claimed,
           "the only request", number);
    } else if (now() == heir_removes_all) {
      inherit_by_removing();
    } else if (now() == alone_handed || now() == alone_left || now() == first_handed) {
      while (handed.load(std::memory_order_acquire) != number) sync::relax();
      if (now() == alone_left)
        must(source->remove(*all[0]) == handshake::cancelled, "it has returned", number);
      free_all();
    }
  }
  void inherit_by_removing() {
    const int first = round / ways % 2;
    const handshake one = source->remove(*all[first]), two = source->remove(*all[1 - first]);
    expected = (one == handshake::cancelled) + (two == handshake::cancelled);
    must((one == handshake::won) + (two == handshake::won) + expected == 2, "either", round);
    late.was_first(expected == 0);
    both_removed += expected == 0;
    if (expected != 0) free_all();  // else cancel() may have yet to begin
  }
  void check(std::uint32_t number) {
    must(runs == expected, "those ran that were to", number);
    if (!gone) free_all();
    ++of[now()];
  }
  bool met() const { return both_removed > 0 && both_removed < of[heir_removes_all]; }
};

TEST(stress_last, takes_the_source) {
  the_last_takes_all race;
  const std::uint32_t rounds = run(race, scaled(500'000));
  std::uint64_t sum = 0;
  for (const std::uint64_t each : race.of) sum += each;
  EXPECT_EQ(sum, rounds);
}

/// A tree whose only listener is at its end, one to three levels down. It, or an heir, takes down
/// everything from there to the root.
struct the_last_takes_the_tree {
  static constexpr std::uint32_t deepest = 3;
  struct mine : belay::listener {
    explicit mine(the_last_takes_the_tree& in) : listener(&run), in(in) {}
    static void run(belay::listener& self, belay::reason) noexcept {
      static_cast<mine&>(self).in.run();
    }
    the_last_takes_the_tree& in;
  };
  belay::source* root = nullptr;
  belay::child_source* all[deepest] = {};
  mine *last = nullptr, *other = nullptr;
  std::uint32_t round = 0, depth = 0;
  int runs = 0;
  sync::atomic<std::uint32_t> handed{0};
  std::uint64_t inside = 0, by_heir = 0;

  void prepare(std::uint32_t number) {
    round = number;
    runs = 0;
    depth = number % deepest + 1;
    root = new belay::source;
    other = new mine(*this);
    last = new mine(*this);
    if (has_other()) root->add(*other);  // it would run after all that is below
    belay::source* tip = root;
    for (std::uint32_t i = 0; i < depth; ++i) tip = all[i] = new belay::child_source(*tip);
    tip->add(*last);
  }
  bool has_other() const { return round / 3 % 2 != 0; }
  std::uint32_t way() const { return round / 6 % 3; }
  belay::source& end() { return *all[depth - 1]; }
  void free_all() {
    for (std::uint32_t i = depth; i-- > 0;) delete all[i];
    delete root;
    delete last;
    delete other;
  }
  void run() {
    ++runs;
    if (has_other()) must(root->remove(*other) == handshake::won, "it has yet to run", round);
    if (way() < 2) must(end().remove(*last) == handshake::cancelled_inside, "it is inside", round);
    if (way() == 0) {
      ++inside;
      free_all();
    } else {
      handed.store(round, std::memory_order_release);
    }
  }
  void act(std::uint32_t party, std::uint32_t number) {
    if (party == 1) {
      must(root->cancel(reason_of(number, reason_kind::shutdown)) == cancel_result::claimed,
           "the only request", number);
    } else if (way() != 0) {
      while (handed.load(std::memory_order_acquire) != number) sync::relax();
      if (way() == 2) must(end().remove(*last) == handshake::cancelled, "it is over", number);
      ++by_heir;
      free_all();
    }
  }
  void check(std::uint32_t number) { must(runs == 1, "one ran", number); }
  bool met() const { return inside > 0 && by_heir > 0; }
};

TEST(stress_last, takes_the_tree) {
  the_last_takes_the_tree race;
  const std::uint32_t rounds = run(race, scaled(300'000));
  EXPECT_EQ(race.inside + race.by_heir, rounds);
}

constexpr int length_of_chain = 100'000;

/// Cancelled from the root and taken down from the end, on a thread with a small stack.
TEST(stress_last, a_chain_of_a_hundred_thousand) {
  struct work {
    belay::source root;
    std::vector<std::unique_ptr<belay::child_source>> all;
    std::vector<std::unique_ptr<heard<>>> listeners;
    int ran = 0;
    bool in_time = true;

    void build() {
      belay::source* tip = &root;
      for (int i = 0; i < length_of_chain; ++i) {
        tip = all.emplace_back(std::make_unique<belay::child_source>(*tip)).get();
        if (i % 100 != 99) continue;
        listeners.push_back(std::make_unique<heard<>>());
        listeners.back()->total = &ran;
        tip->add(*listeners.back());
      }
    }
    static void* main(void* self) {
      auto& me = *static_cast<work*>(self);
      me.root.cancel(reason_of(7, reason_kind::shutdown));
      for (const auto& each : me.all)
        me.in_time = me.in_time && each->cancelled() && each->reason().code() == 7;
      for (std::size_t i = me.all.size(); i-- > 0; me.all.pop_back()) {
        if (i % 100 == 99) me.all[i]->remove(*me.listeners[i / 100]);
      }
      return nullptr;
    }
  } it;
  it.build();
  pthread_attr_t small;
  ASSERT_EQ(pthread_attr_init(&small), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&small, 64 * 1024), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &small, &work::main, &it), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&small);
  EXPECT_TRUE(it.in_time);
  EXPECT_EQ(it.ran, length_of_chain / 100);
  EXPECT_TRUE(it.all.empty());
}

}  // namespace
