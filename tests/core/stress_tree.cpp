// Trees raced on real threads: children that come, go, leave and are shielded while an ancestor is
// cancelled, at several depths.
#include <optional>

#include "belay/child_operation.hpp"
#include "belay/child_source.hpp"
#include "belay/shield.hpp"
#include "stress_parts.hpp"

namespace {

using namespace core_tests;
using belay::cancel_result;
using belay::handshake;
using belay::outcome;
using belay::reason_kind;

constexpr std::uint32_t deepest = 4;

/// A child with a listener, which runs before what is below, or after it.
struct inner {
  inner(belay::source& parent, bool listens_first) : source(parent) {
    if (!listens_first) source.add(listener);
  }
  void listen() { source.add(listener); }
  belay::child_source source;
  heard<> listener;
};

/// An operation below something.
struct leaf {
  explicit leaf(belay::source& parent) : it(parent, routine) {}
  notified routine;
  belay::child_operation it;
};

/// A root, a chain of one to four levels below it, and an operation at the end.
struct chain {
  chain(std::uint32_t round, std::uint32_t levels) : depth(levels) {
    const bool listen_first = round % 2 == 0;  // what is added last runs first
    belay::source* tip = &root;
    if (!listen_first) root.add(beside);
    for (std::uint32_t i = 0; i < depth; ++i) {
      all[i] = new inner(*tip, listen_first);
      tip = &all[i]->source;
    }
    end = new leaf(*tip);
    if (!listen_first) return;
    for (std::uint32_t i = 0; i < depth; ++i) all[i]->listen();
    root.add(beside);
  }
  /// What is left of it, when nobody cancels (any more).
  ~chain() {
    delete end;
    for (std::uint32_t i = depth; i-- > 0;) {
      if (all[i] == nullptr) continue;
      all[i]->source.remove(all[i]->listener);
      delete all[i];
    }
    root.remove(beside);
  }
  belay::source root;
  heard<> beside;
  const std::uint32_t depth;
  inner* all[deepest] = {};
  leaf* end = nullptr;
};

bool is_inherited(belay::reason why, std::uint32_t round) {
  return why.kind() == reason_kind::parent &&
         why.origin() == reason_of(round, reason_kind::shutdown);
}

/// An owner takes the chain down from its end, and frees each part at once.
struct teardown_against_cancel {
  handicap late[deepest];
  chain* it = nullptr;
  int won = 0, cancelled = 0, ran = 0;  // in this round
  std::uint64_t all_won = 0, all_cancelled = 0, some = 0, detached = 0;

  void prepare(std::uint32_t round) {
    won = cancelled = ran = 0;
    it = new chain(round, round % deepest + 1);
    for (std::uint32_t i = 0; i < it->depth; ++i) it->all[i]->listener.total = &ran;
    it->end->routine.total = &ran;
    it->end->routine.length = static_cast<int>(mixed(round) % 256);
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late[round % deepest].wait(party, round);
    if (party == 1) {
      must(it->root.cancel(reason_of(round, reason_kind::shutdown)) == cancel_result::claimed,
           "the only request", round);
      return;
    }
    end_leaf(round);
    for (std::uint32_t i = it->depth; i-- > 0;) end_level(it->all[i], (round + i) % 3 == 0, round);
  }
  void end_leaf(std::uint32_t round) {
    leaf& end = *it->end;
    if (end.it.complete(end.routine, outcome::completed) == handshake::won) {
      must(end.routine.runs == 0, "who wins is not told", round);
      ++won;
    } else {
      must(end.routine.ran_for(round) && is_inherited(end.routine.why, round), "it was told",
           round);
      must(end.it.complete(outcome::canceled), "one outcome", round);
      ++cancelled;
    }
    delete it->end;
    it->end = nullptr;
  }
  void end_level(inner*& level, bool detaches, std::uint32_t round) {
    const handshake how = level->source.remove(level->listener);
    if (how == handshake::won) {
      must(level->listener.runs == 0, "it never ran", round);
      ++won;
    } else {
      must(how == handshake::cancelled && level->listener.ran_for(round), "it ran", round);
      ++cancelled;
    }
    if (detaches) {
      const handshake left = level->source.detach();
      must(left == handshake::won || (left == handshake::cancelled && level->source.cancelled()),
           "it left before or after", round);
      detached += left == handshake::won;
    }
    delete level;
    level = nullptr;
  }
  void check(std::uint32_t round) {
    late[round % deepest].was_first(won * 2 > won + cancelled);
    must(static_cast<std::uint32_t>(won + cancelled) == it->depth + 1 && ran == cancelled,
         "each ran or was taken out", round);
    must(it->beside.ran_for(round), "what stands beside it is cancelled, too", round);
    ++(cancelled == 0 ? all_won : won == 0 ? all_cancelled : some);
    delete it;
  }
  bool met() const { return all_won > 0 && all_cancelled > 0 && some > 0 && detached > 0; }
};

TEST(stress_tree, teardown_against_cancel) {
  teardown_against_cancel race;
  const std::uint32_t rounds = run(race, scaled(300'000), 2, 3);
  EXPECT_EQ(race.all_won + race.all_cancelled + race.some, rounds);
}

/// What is attached to a tree that is being cancelled is cancelled, by whoever.
struct attach_against_cancel {
  handicap late;
  chain* it = nullptr;
  inner* level = nullptr;
  leaf* end = nullptr;
  bool listens = false;
  std::uint64_t before = 0, between = 0, after = 0;

  void prepare(std::uint32_t round) { it = new chain(round, round % deepest + 1); }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 1) {
      it->root.cancel(reason_of(round, reason_kind::shutdown));
      return;
    }
    level = new inner(it->all[it->depth - 1]->source, true);
    const bool was_cancelled = level->source.cancelled();
    end = new leaf(level->source);
    must(!was_cancelled || end->routine.runs == 1, "it ran inside", round);
    listens = level->source.add(level->listener);
    ++(was_cancelled ? after : listens ? before : between);
    late.was_first(listens);
  }
  void check(std::uint32_t round) {
    must(level->source.cancelled() && is_inherited(level->source.reason(), round), "cancelled",
         round);
    must(end->it.cancelled() && end->routine.ran_for(round), "as is what is below", round);
    must(level->listener.runs == (listens ? 1 : 0), "a listener ran if it was added", round);
    must(it->beside.ran_for(round) && it->end->routine.ran_for(round), "and all else", round);
    delete end;
    delete level;
    delete it;
  }
  bool met() const { return before > 0 && between > 0 && after > 0; }
};

TEST(stress_tree, attach_against_cancel) {
  attach_against_cancel race;
  const std::uint32_t rounds = run(race, scaled(300'000), 2, 3);
  EXPECT_EQ(race.before + race.between + race.after, rounds);
}

/// What leaves is out of reach, and can still be cancelled by itself.
struct detach_against_cancel {
  handicap late;
  chain* it = nullptr;
  std::uint64_t won = 0, cancelled = 0;

  void prepare(std::uint32_t round) { it = new chain(round, round % deepest + 1); }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 1) {
      it->root.cancel(reason_of(round, reason_kind::shutdown));
      return;
    }
    inner& first = *it->all[0];
    const handshake how = first.source.detach();
    if (how == handshake::won) {
      ++won;
      must(!first.source.cancelled() && !it->end->it.cancelled() && first.listener.runs == 0,
           "out of reach", round);
      must(first.source.cancel(reason_of(round, reason_kind::superseded)) == cancel_result::claimed,
           "but not out of its own", round);
      must(first.source.reason().kind() == reason_kind::superseded, "which says why", round);
    } else {
      ++cancelled;
      must(how == handshake::cancelled && is_inherited(first.source.reason(), round), "in time",
           round);
    }
    for (std::uint32_t i = 0; i < it->depth; ++i)
      must(it->all[i]->listener.ran_for(round), "all below has run", round);
    must(it->end->routine.ran_for(round), "to the end", round);
    late.was_first(how == handshake::won);
  }
  void check(std::uint32_t round) {
    must(it->beside.ran_for(round), "and what stands beside it", round);
    delete it;
  }
  bool met() const { return won > 0 && cancelled > 0; }
};

TEST(stress_tree, detach_against_cancel) {
  detach_against_cancel race;
  const std::uint32_t rounds = run(race, scaled(300'000));
  EXPECT_EQ(race.won + race.cancelled, rounds);
}

/// Two cancel, at different depths.
struct cancel_against_cancel {
  handicap late;
  chain* it = nullptr;
  cancel_result below{};
  std::uint64_t first = 0, second = 0;

  std::uint32_t where(std::uint32_t round) const { return mixed(round) % it->depth; }
  void prepare(std::uint32_t round) {
    it = new chain(round, round % deepest + 1);
    it->end->routine.length = 100;
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    std::uint32_t from = 0;
    if (party == 0) {
      from = where(round);
      below = it->all[from]->source.cancel(reason_of(round, reason_kind::superseded));
      if (below != cancel_result::claimed) return;
    } else {
      must(it->root.cancel(reason_of(round, reason_kind::shutdown)) == cancel_result::claimed,
           "nobody else cancels the root", round);
    }
    // Down to where the other's part begins.
    const std::uint32_t to = party == 0 ? it->depth : where(round) + 1;
    for (std::uint32_t i = from; i < to; ++i)
      must(it->all[i]->source.cancelled(), "all below is cancelled when it returns", round);
  }
  void check(std::uint32_t round) {
    const bool was_first = below == cancel_result::claimed;
    late.was_first(was_first);
    ++(was_first ? first : second);
    const auto kind = [&](const auto& of) { return of.reason().origin().kind(); };
    for (std::uint32_t i = 0; i < it->depth; ++i) {
      const bool is_below = i >= where(round);
      must(kind(it->all[i]->source) ==
               (is_below && was_first ? reason_kind::superseded : reason_kind::shutdown),
           "by whom it says", round);
      must(it->all[i]->listener.ran_for(round), "once", round);
    }
    must(it->end->routine.ran_for(round) && it->beside.ran_for(round), "once, too", round);
    delete it;
  }
  bool met() const { return first > 0 && second > 0; }
};

TEST(stress_tree, cancel_against_cancel) {
  cancel_against_cancel race;
  const std::uint32_t rounds = run(race, scaled(300'000), 2, 3);
  EXPECT_EQ(race.first + race.second, rounds);
}

/// A child and an operation, each shielded for a while; every other time they go at once.
struct shield_against_cancel {
  handicap late[2];
  belay::source* root = nullptr;
  inner* level = nullptr;
  leaf* end = nullptr;
  std::uint64_t too_late = 0, delivered = 0, in_reach = 0, pending = 0, gone_before = 0;

  void prepare(std::uint32_t) {
    root = new belay::source;
    level = new inner(*root, false);
    end = new leaf(*root);
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late[round % 2].wait(party, round);
    if (party == 1) {
      must(root->cancel(reason_of(round, reason_kind::shutdown)) == cancel_result::claimed,
           "the only request", round);
      return;
    }
    region(round);
    if (round % 2 != 0) end_both(round);
  }
  void region(std::uint32_t round) {
    belay::shield outer(level->source), again(level->source), of_leaf(end->it);
    must(!again.holds(), "one is enough", round);
    spin(static_cast<int>(mixed(round) % 256));
    if (outer.holds()) {
      must(!level->source.cancelled() && level->listener.runs == 0, "nothing came through", round);
    } else {
      must(root->cancelled(), "it was cancelled before", round);
    }
    if (of_leaf.holds()) must(!end->it.cancelled() && end->routine.runs == 0, "nor here", round);
    pending += outer.pending();
    const bool held = outer.holds();
    const bool came = outer.end();
    must(!came || level->listener.ran_for(round), "delivered here", round);
    ++(came ? delivered : held ? in_reach : too_late);
    late[round % 2].was_first(!came && held);
  }
  void end_both(std::uint32_t round) {
    const handshake how = level->source.remove(level->listener);
    must(level->listener.runs == (how == handshake::won ? 0 : 1), "it ran, or went", round);
    const bool won = end->it.complete(end->routine, outcome::completed) == handshake::won;
    must(end->routine.runs == (won ? 0 : 1), "it ran, or completed", round);
    gone_before += how == handshake::won;
    delete level;
    delete end;
    level = nullptr;
  }
  void check(std::uint32_t round) {
    if (level != nullptr) {
      must(level->source.cancelled() && level->listener.ran_for(round), "cancelled once", round);
      must(end->it.cancelled() && end->routine.ran_for(round), "the leaf, too", round);
      must(is_inherited(level->source.reason(), round), "by the root", round);
      level->source.remove(level->listener);
      delete level;
      delete end;
    }
    delete root;
  }
  bool met() const {
    return too_late > 0 && delivered > 0 && in_reach > 0 && pending > 0 && gone_before > 0;
  }
};

TEST(stress_tree, shield_against_cancel) {
  shield_against_cancel race;
  const std::uint32_t rounds = run(race, scaled(400'000), 2, 2);
  EXPECT_EQ(race.too_late + race.delivered + race.in_reach, rounds);
}

}  // namespace
