// Sources raced on real threads: listeners that come and go while somebody cancels, and two that
// remove the same one.
#include "belay/callback.hpp"
#include "belay/fan_out_source.hpp"
#include "belay/source.hpp"
#include "belay/wide_source.hpp"
#include "stress_parts.hpp"

namespace {

using namespace core_tests;
using belay::cancel_result;
using belay::handshake;
using belay::reason_kind;

struct plain {
  using source = belay::source;
  using listener = belay::listener;
  static constexpr int size = 4;
};
struct wide {
  using source = belay::wide_source;
  using listener = belay::wide_listener;
  static constexpr int size = 4;
};
struct fan_out {
  using source = belay::fan_out_source;
  using listener = belay::fan_out_listener;
  static constexpr int size = 12;  // some of them are far enough to be fetched ahead
};

template <class Kind>
struct stress_sources : testing::Test {};
using kinds = testing::Types<plain, wide, fan_out>;
TYPED_TEST_SUITE(stress_sources, kinds);

/// An owner takes its listeners out in each way there is, in the order in which they run or against
/// it, and frees each at once.
template <class Kind>
struct remove_against_cancel {
  struct mine : heard<typename Kind::listener> {
    static void after(belay::listener& self, belay::reason) noexcept {
      auto& me = static_cast<mine&>(self);
      ++*me.afters;
      delete &me;
    }
    int* afters = nullptr;
  };
  static constexpr int size = Kind::size;
  handicap late[8];
  typename Kind::source* source = nullptr;
  mine* all[size] = {};
  cancel_result result{};
  int ran = 0, afters = 0, won = 0, cancelled = 0, left = 0;  // in this round
  std::uint64_t wins = 0, losses = 0, waited = 0, handed = 0;

  void prepare(std::uint32_t round) {
    ran = afters = won = cancelled = left = 0;
    source = new typename Kind::source;
    for (int i = 0; i < size; ++i) {
      all[i] = new mine;
      all[i]->length = static_cast<int>(mixed(round + i) % 128);
      all[i]->total = &ran;
      all[i]->afters = &afters;
      must(source->add(*all[i]), "nobody has asked", round);
    }
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late[round % 8].wait(party, round);
    if (party == 1) {
      result = source->cancel(reason_of(round, reason_kind::user));
      return;
    }
    for (int i = 0; i < size; ++i)
      take_out(*all[round % 2 == 0 ? i : size - 1 - i], round / 2 + i, round);
  }
  void take_out(mine& which, std::uint32_t way, std::uint32_t round) {
    handshake how = begin(which, way);
    if (way % 4 == 3 && how == handshake::running) {
      ++left;  // it is the canceller's
      return;
    }
    if (how == handshake::running) {
      ++waited;
      how = source->remove(which);
      must(how == handshake::cancelled, "what was running has run", round);
    }
    if (how == handshake::won) {
      must(which.runs == 0, "it never ran", round);
      ++won;
    } else {
      must(how == handshake::cancelled && which.ran_for(round), "it ran", round);
      ++cancelled;
    }
    delete &which;
  }
  handshake begin(mine& which, std::uint32_t way) {
    switch (way % 4) {
      case 0:
        return source->try_remove(which);
      case 1:
        return source->remove_until(which, sync::now() + 300);
      case 2:
        return source->remove(which);
      default:
        if constexpr (std::is_same_v<Kind, plain>) {
          return source->remove_async(which, &mine::after);
        } else {
          return source->remove(which);
        }
    }
  }
  void check(std::uint32_t round) {
    late[round % 8].was_first(won * 2 >= size);
    must(result == cancel_result::claimed, "the only request", round);
    must(won + cancelled + left == size && afters == left, "each is accounted for", round);
    must(ran == size - won, "those ran that were not taken out", round);
    wins += won;
    losses += cancelled;
    handed += left;
    delete source;
  }
  bool met() const {
    return wins > 0 && losses > 0 && waited > 0 && (handed > 0 || !std::is_same_v<Kind, plain>);
  }
};

TYPED_TEST(stress_sources, remove_against_cancel) {
  remove_against_cancel<TypeParam> race;
  constexpr int size = TypeParam::size;
  const std::uint32_t rounds = run(race, scaled(800'000 / size), 2, size);
  EXPECT_EQ(race.wins + race.losses + race.handed, std::uint64_t{rounds} * size);
}

/// Every other time an owner takes out at once what it added.
template <class Kind>
struct add_against_cancel {
  static constexpr int size = Kind::size;
  handicap late[2];
  typename Kind::source* source = nullptr;
  heard<typename Kind::listener>* all[size] = {};
  bool in[size] = {};
  std::uint64_t added = 0, refused = 0, won = 0, cancelled = 0;

  void prepare(std::uint32_t) {
    source = new typename Kind::source;
    for (auto& each : all) each = new heard<typename Kind::listener>;
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late[round % 2].wait(party, round);
    if (party == 1) {
      must(source->cancel(reason_of(round, reason_kind::user)) == cancel_result::claimed,
           "the only request", round);
      return;
    }
    for (int i = 0; i < size; ++i) {
      in[i] = source->add(*all[i]);
      ++(in[i] ? added : refused);
      must(in[i] || source->cancelled(), "refused because somebody asked", round);
      if (round % 2 != 0) take_out(i, round);
    }
  }
  void take_out(int i, std::uint32_t round) {
    const handshake how = source->remove(*all[i]);
    must(in[i] == (how != handshake::refused), "what was added is removed", round);
    must(all[i]->runs == (how == handshake::cancelled ? 1 : 0), "it ran, or was removed", round);
    won += how == handshake::won;
    cancelled += how == handshake::cancelled;
    delete all[i];
    all[i] = nullptr;
  }
  void check(std::uint32_t round) {
    late[round % 2].was_first(in[size / 2]);
    for (int i = 0; i < size; ++i) {
      if (all[i] == nullptr) continue;
      must(in[i] ? all[i]->ran_for(round) : all[i]->runs == 0, "added, so it ran", round);
      delete all[i];
    }
    delete source;
  }
  bool met() const { return won > 0 && cancelled > 0 && refused > 0; }
};

TYPED_TEST(stress_sources, add_against_cancel) {
  add_against_cancel<TypeParam> race;
  constexpr int size = TypeParam::size;
  const std::uint32_t rounds = run(race, scaled(600'000 / size), 2, size);
  EXPECT_EQ(race.added + race.refused, std::uint64_t{rounds} * size);
}

/// Two remove the same listeners, from the same end or from both; with three parties somebody
/// cancels meanwhile.
template <class Kind>
struct remove_against_remove {
  static constexpr int size = Kind::size;
  explicit remove_against_remove(bool cancels) : cancels(cancels) {}
  const bool cancels;
  handicap late;
  typename Kind::source* source = nullptr;
  heard<typename Kind::listener>* all[size] = {};
  handshake how[2][size] = {};
  std::uint64_t first = 0, second = 0, neither = 0;

  void prepare(std::uint32_t) {
    source = new typename Kind::source;
    for (auto& each : all) {
      each = new heard<typename Kind::listener>;
      source->add(*each);
    }
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 2) {
      spin(static_cast<int>(mixed(round) % 512));
      source->cancel(reason_of(round, reason_kind::user));
      return;
    }
    for (int i = 0; i < size; ++i) {
      const int at = party == 1 && round % 2 != 0 ? size - 1 - i : i;
      how[party][at] = source->remove(*all[at]);
    }
  }
  void check(std::uint32_t round) {
    late.was_first(how[0][0] == handshake::won);
    for (int i = 0; i < size; ++i) {
      const handshake a = how[0][i], b = how[1][i];
      if (a == handshake::won || b == handshake::won) {
        must((a == handshake::won ? b : a) == handshake::refused, "one took it out", round);
        must(all[i]->runs == 0, "so it never runs", round);
        ++(a == handshake::won ? first : second);
      } else {
        must(cancels && a == handshake::cancelled && b == handshake::cancelled, "or neither",
             round);
        must(all[i]->ran_for(round), "and it ran", round);
        ++neither;
      }
      delete all[i];
    }
    delete source;
  }
  bool met() const { return first > 0 && second > 0 && (neither > 0 || !cancels); }
};

TYPED_TEST(stress_sources, remove_against_remove) {
  remove_against_remove<TypeParam> race(false);
  constexpr int size = TypeParam::size;
  const std::uint32_t rounds = run(race, scaled(500'000 / size), 2, size);
  EXPECT_EQ(race.first + race.second, std::uint64_t{rounds} * size);
}

TYPED_TEST(stress_sources, remove_against_remove_against_cancel) {
  remove_against_remove<TypeParam> race(true);
  constexpr int size = TypeParam::size;
  const std::uint32_t rounds = run(race, scaled(40'000 / size), 3, size);
  EXPECT_EQ(race.first + race.second + race.neither, std::uint64_t{rounds} * size);
}

/// Somebody else removes what a listener of the same cancellation removes.
struct remove_against_listener {
  struct removing : belay::listener {
    explicit removing(remove_against_listener& in) : listener(&run), in(in) {}
    static void run(belay::listener& self, belay::reason) noexcept {
      auto& in = static_cast<removing&>(self).in;
      spin(100);
      in.inside = in.source->remove(*in.victim);
    }
    remove_against_listener& in;
  };
  handicap late;
  belay::source* source = nullptr;
  heard<>* victim = nullptr;
  removing* remover = nullptr;
  handshake inside{}, outside{};
  std::uint32_t first = 0, second = 0;

  void prepare(std::uint32_t) {
    source = new belay::source;
    victim = new heard<>;
    source->add(*victim);
    remover = new removing(*this);
    source->add(*remover);
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 1)
      source->cancel(reason_of(round, reason_kind::user));
    else
      outside = source->remove(*victim);
  }
  void check(std::uint32_t round) {
    const bool was_first = outside == handshake::won;
    late.was_first(was_first);
    must((was_first ? inside : outside) == handshake::refused, "one is refused", round);
    must((was_first ? outside : inside) == handshake::won, "one wins", round);
    must(victim->runs == 0, "it never runs", round);
    ++(was_first ? first : second);
    delete source;
    delete victim;
    delete remover;
  }
  bool met() const { return first > 0 && second > 0; }
};

TEST(stress_source, remove_against_listener) {
  remove_against_listener race;
  const std::uint32_t rounds = run(race, scaled(200'000));
  EXPECT_EQ(race.first + race.second, rounds);
}

/// A function object that is registered for a scope.
struct callback_against_cancel {
  handicap late;
  belay::source* source = nullptr;
  std::uint32_t won = 0, cancelled = 0, at_once = 0;

  void prepare(std::uint32_t) { source = new belay::source; }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 1) {
      source->cancel(reason_of(round, reason_kind::user));
      return;
    }
    int runs = 0;
    std::uint32_t code = 0;
    handshake how;
    {
      belay::callback on_stop(*source, [&](belay::reason why) {
        ++runs;
        code = why.code();
      });
      spin(static_cast<int>(mixed(round) % 64));
      how = round % 2 == 0 ? on_stop.remove() : on_stop.try_remove();
    }
    if (how == handshake::running) how = handshake::cancelled;
    must(runs == (how == handshake::won ? 0 : 1), "it ran once, or was removed", round);
    must(runs == 0 || code == (round & 0xff'ffff), "with the reason", round);
    ++(how == handshake::won ? won : how == handshake::cancelled ? cancelled : at_once);
    late.was_first(how == handshake::won);
  }
  void check(std::uint32_t) { delete source; }
  bool met() const { return won > 0 && cancelled > 0 && at_once > 0; }
};

TEST(stress_source, callback_against_cancel) {
  callback_against_cancel race;
  const std::uint32_t rounds = run(race, scaled(400'000));
  EXPECT_EQ(race.won + race.cancelled + race.at_once, rounds);
}

}  // namespace
