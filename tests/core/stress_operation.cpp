// Operations raced on real threads: an owner against a requester, waiters, and requesters against
// each other.
#include "belay/biased_operation.hpp"
#include "belay/operation.hpp"
#include "belay/operation_table.hpp"
#include "stress_parts.hpp"

namespace {

using namespace core_tests;
using belay::cancel_result;
using belay::handshake;
using belay::operation;
using belay::outcome;
using belay::reason_kind;

/// An owner arms, disarms, replaces and completes in eight ways; a requester asks.
struct owner_against_request {
  static constexpr std::uint32_t variants = 8;
  struct counts {
    std::uint32_t won = 0, ran = 0, unarmed = 0, running = 0;
  };
  handicap late[variants];
  counts all;
  operation* it = nullptr;
  notified *a = nullptr, *b = nullptr;
  bool won = false;
  int runs = 0;
  cancel_result result{};

  void prepare(std::uint32_t round) {
    a = new notified;
    b = new notified;
    a->length = static_cast<int>(mixed(round) % 256);
    it = round % variants < 5 ? new operation(*a) : new operation;
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late[round % variants].wait(party, round);
    if (party == 1) {
      result = it->cancel(reason_of(round, reason_kind::user));
      return;
    }
    won = owner(round);
    runs = a->runs + b->runs;
    must(won ? runs == 0 : it->cancelled(), "who lost was asked", round);
    if (won) return;
    must(it->reason().code() == (round & 0xff'ffff), "with the reason", round);
    must(a->effect == a->runs && b->effect == b->runs, "the routine's work is seen", round);
    ++(runs == 0 ? all.unarmed : all.ran);
    must(it->complete(outcome::canceled) && !it->complete(outcome::failed), "one outcome", round);
    free();  // the requester may still be on its way out
  }
  bool completes(notified& with) {
    return it->complete(with, outcome::completed) == handshake::won;
  }
  bool takes_back(notified& what, std::uint32_t round) {
    handshake how = round % 3 == 0   ? it->try_disarm(what)
                    : round % 3 == 1 ? it->disarm_until(what, sync::now() + 300)
                                     : it->disarm(what);
    if (how == handshake::running) {
      ++all.running;
      how = it->disarm(what);
      must(how == handshake::cancelled, "running was cancelled", round);
    }
    return how == handshake::won;
  }
  bool replaces(std::uint32_t round) {
    handshake how = it->replace(*a, *b);
    if (how == handshake::running) how = it->disarm(*a);
    must(how == handshake::won || how == handshake::cancelled, "one or the other", round);
    return how == handshake::won;
  }
  bool owner(std::uint32_t round) {
    switch (round % variants) {
      case 0:
      case 1:
        return completes(*a);
      case 2:
        return takes_back(*a, round) && it->arm(*b) && completes(*b);
      case 3:
        return replaces(round) && completes(*b);
      case 4:
        return takes_back(*a, round) && it->arm(*a) && takes_back(*a, round) && it->arm(*b) &&
               completes(*b);
      case 5:
        return it->arm(*a) && completes(*a);
      case 6:
        return it->arm(*a) && takes_back(*a, round) && it->arm(*a) && completes(*a);
      default:
        return it->arm(*a) && replaces(round) && takes_back(*b, round) && it->arm(*a) &&
               replaces(round) && completes(*b);
    }
  }
  void check(std::uint32_t round) {
    late[round % variants].was_first(won);
    all.won += won;
    if (won) {
      must(result == cancel_result::too_late, "it had its outcome", round);
      must(it->outcome() == outcome::completed && it->reason().code() == 0, "and no other", round);
      free();
    } else {
      must(result == (runs == 1 ? cancel_result::claimed : cancel_result::requested_nothing_armed),
           "it ran once, or nothing was armed", round);
    }
  }
  void free() {
    delete it;
    delete a;
    delete b;
  }
  bool met() const { return all.won > 0 && all.ran > 0 && all.unarmed > 0 && all.running > 0; }
};

TEST(stress_operation, owner_against_request) {
  owner_against_request race;
  const std::uint32_t rounds = run(race, scaled(1'500'000));
  EXPECT_EQ(race.all.won + race.all.ran + race.all.unarmed, rounds);
  RecordProperty("ran", static_cast<int>(race.all.ran));
}

/// A claim routine reports the outcome, for which the owner waits; or it hands the right to do so
/// on.
struct complete_against_claim {
  struct box : belay::claim_routine {
    explicit box(bool hands_on) : claim_routine(&run), it(*this), hands_on(hands_on) {}
    static void run(belay::routine& self, belay::reason) noexcept {
      auto& me = static_cast<box&>(self);
      ++*me.runs;
      me.effect = 1;
      if (!me.hands_on) me.it.complete(outcome::canceled);  // from here on the owner may free it
    }
    operation it;
    int* runs = nullptr;
    int effect = 0;
    const bool hands_on;
  };
  handicap late[2];
  box* it = nullptr;
  int runs = 0;
  bool won = false;
  cancel_result result{};
  std::uint32_t wins = 0, losses = 0;

  void prepare(std::uint32_t round) {
    runs = 0;
    it = new box(round % 2 == 0);
    it->runs = &runs;
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late[round % 2].wait(party, round);
    if (party == 1) {
      result = it->it.cancel(reason_of(round, reason_kind::user));
      return;
    }
    const bool waits = round % 2 != 0;
    won = it->it.complete(*it, outcome::completed) == handshake::won;
    if (won || !waits) return;
    must(it->it.wait(), "it has an outcome", round);
    must(it->effect == 1 && it->it.outcome() == outcome::canceled, "which is seen", round);
    delete it;
  }
  void check(std::uint32_t round) {
    late[round % 2].was_first(won);
    ++(won ? wins : losses);
    must(runs == (won ? 0 : 1), "it ran unless the owner won", round);
    must(result == (won ? cancel_result::too_late : cancel_result::claimed), "so it says", round);
    if (!won && round % 2 != 0) return;
    must(it->it.complete(outcome::canceled) != won, "one outcome", round);
    delete it;
  }
  bool met() const { return wins > 0 && losses > 0; }
};

TEST(stress_operation, complete_against_claim) {
  complete_against_claim race;
  const std::uint32_t rounds = run(race, scaled(1'200'000));
  EXPECT_EQ(race.wins + race.losses, rounds);
}

/// The owner does not wait for a running routine, but leaves the rest to who runs it.
struct disarm_async_against_request {
  struct box : notified {
    static void after(belay::routine& self, belay::reason) noexcept {
      auto& me = static_cast<box&>(self);
      ++*me.afters;
      *me.ran = me.runs;
      delete &me;
    }
    operation it{*this};
    int *afters = nullptr, *ran = nullptr;
  };
  handicap late;
  box* it = nullptr;
  int afters = 0, ran = 0;
  handshake how{};
  cancel_result result{};
  std::uint32_t won = 0, cancelled = 0, running = 0;

  void prepare(std::uint32_t round) {
    afters = ran = 0;
    it = new box;
    it->length = static_cast<int>(mixed(round) % 1024);
    it->afters = &afters;
    it->ran = &ran;
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 1) {
      result = it->it.cancel(reason_of(round, reason_kind::user));
      return;
    }
    how = it->it.disarm_async(*it, &box::after);
    if (how != handshake::cancelled) return;
    ran = it->runs;
    delete it;
  }
  void check(std::uint32_t round) {
    late.was_first(how == handshake::won);
    must(afters == (how == handshake::running ? 1 : 0), "once after running", round);
    if (how == handshake::won) {
      ++won;
      must(result == cancel_result::requested_nothing_armed, "nothing was armed", round);
      must(it->runs == 0, "it never ran", round);
      delete it;
    } else {
      ++(how == handshake::running ? running : cancelled);
      must(ran == 1 && result == cancel_result::claimed, "it ran once", round);
    }
  }
  bool met() const { return won > 0 && cancelled > 0 && running > 0; }
};

TEST(stress_operation, disarm_async_against_request) {
  disarm_async_against_request race;
  const std::uint32_t rounds = run(race, scaled(600'000));
  EXPECT_EQ(race.won + race.cancelled + race.running, rounds);
}

/// One of two requests counts, and its reason.
struct request_against_request {
  handicap late;
  operation* it = nullptr;
  notified* routine = nullptr;
  cancel_result result[2]{};
  std::uint32_t first = 0, second = 0;

  void prepare(std::uint32_t) {
    routine = new notified;
    it = new operation(*routine);
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    result[party] =
        it->cancel(reason_of(round, party == 0 ? reason_kind::user : reason_kind::overload));
    must(it->cancelled(), "it is asked for when either returns", round);
  }
  void check(std::uint32_t round) {
    const bool was_first = result[0] == cancel_result::claimed;
    late.was_first(was_first);
    ++(was_first ? first : second);
    must(result[was_first ? 0 : 1] == cancel_result::claimed, "one counts", round);
    must(result[was_first ? 1 : 0] == cancel_result::already_cancelled, "one does not", round);
    must(it->reason().kind() == (was_first ? reason_kind::user : reason_kind::overload),
         "the reason is the first one's", round);
    must(it->disarm(*routine) == handshake::cancelled && routine->runs == 1, "it ran", round);
    delete it;
    delete routine;
  }
  bool met() const { return first > 0 && second > 0; }
};

TEST(stress_operation, request_against_request) {
  request_against_request race;
  const std::uint32_t rounds = run(race, scaled(800'000));
  EXPECT_EQ(race.first + race.second, rounds);
}

/// Who waits frees the operation as soon as it has its outcome.
struct wait_against_complete {
  struct box {
    operation it;
    std::uint32_t effect = 0;
  };
  box* it = nullptr;
  std::uint32_t timeouts = 0, ended = 0;

  void prepare(std::uint32_t) { it = new box; }
  void act(std::uint32_t party, std::uint32_t round) {
    if (party == 1) {
      spin(static_cast<int>(mixed(round) % 4096));
      it->effect = round;
      if (!it->it.complete(outcome::completed)) std::abort();
      return;
    }
    spin(static_cast<int>(mixed(~round) % 2048));
    if (round % 4 == 0 && !it->it.wait(sync::now() + 200)) ++timeouts;
    must(it->it.wait(), "it ends", round);
    must(it->effect == round, "what was done before is seen", round);
    ++ended;
    delete it;
  }
  void check(std::uint32_t) {}
  bool met() const { return timeouts > 0 && timeouts < ended / 4; }
};

TEST(stress_operation, wait_against_complete) {
  wait_against_complete race;
  const std::uint32_t rounds = run(race, scaled(50'000));
  EXPECT_EQ(race.ended, rounds);
}

/// An owner, a requester and a waiter.
struct three_at_once {
  handicap late;
  operation* it = nullptr;
  notified* routine = nullptr;
  bool won = false;
  cancel_result result{};
  std::uint32_t wins = 0, losses = 0, waited = 0;

  void prepare(std::uint32_t round) {
    routine = new notified;
    routine->length = static_cast<int>(mixed(round) % 256);
    it = new operation(*routine);
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 1) {
      result = it->cancel(reason_of(round, reason_kind::user));
    } else if (party == 2) {
      must(it->wait(), "it ends", round);
      must(it->outcome() == (it->cancelled() ? outcome::canceled : outcome::completed), "as asked",
           round);
      must(routine->runs == (it->cancelled() ? 1 : 0), "and the routine has returned", round);
      ++waited;
    } else {
      won = it->complete(*routine, outcome::completed) == handshake::won;
      if (!won) it->complete(outcome::canceled);
    }
  }
  void check(std::uint32_t round) {
    late.was_first(won);
    ++(won ? wins : losses);
    must(routine->runs == (result == cancel_result::claimed ? 1 : 0), "it ran once", round);
    must(won == (result == cancel_result::too_late), "or not at all", round);
    delete it;
    delete routine;
  }
  bool met() const { return wins > 0 && losses > 0; }
};

TEST(stress_operation, three_at_once) {
  three_at_once race;
  const std::uint32_t rounds = run(race, scaled(20'000), 3);
  EXPECT_EQ(race.wins + race.losses, rounds);
  EXPECT_EQ(race.waited, rounds);
}

/// A request by number against an owner that frees what the number names.
struct cancel_by_number {
  belay::operation_slot slots[2];
  belay::operation_table table{slots};
  handicap late;
  operation* it = nullptr;
  notified* routine = nullptr;
  belay::operation_id id;
  int runs = 0;
  std::optional<cancel_result> result;
  std::uint32_t stale = 0, claimed = 0, too_late = 0;

  void prepare(std::uint32_t) {
    routine = new notified;
    it = new operation(*routine);
    id = table.insert(*it);
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 1) {
      result = table.cancel(id, reason_of(round, reason_kind::user));
      return;
    }
    if (round % 2 == 0) {
      it->complete(*routine, outcome::completed);
      must(table.release(id), "it was live", round);
    } else {
      must(table.release(id), "it was live", round);
      it->complete(*routine, outcome::completed);
    }
    runs = routine->runs;
    delete it;
    delete routine;
  }
  void check(std::uint32_t round) {
    late.was_first(!result.has_value() || result == cancel_result::too_late);
    ++(!result.has_value() ? stale : result == cancel_result::claimed ? claimed : too_late);
    must(runs == (result == cancel_result::claimed ? 1 : 0), "it ran if it was asked", round);
    must(!table.release(id) && !table.cancel(id, {}).has_value(), "the number is stale", round);
  }
  bool met() const { return stale > 0 && claimed > 0 && too_late > 0; }
};

TEST(stress_operation, cancel_by_number) {
  cancel_by_number race;
  const std::uint32_t rounds = run(race, scaled(600'000));
  EXPECT_EQ(race.stale + race.claimed + race.too_late, rounds);
}

struct biased_against_request {
  handicap late;
  belay::biased_operation* it = nullptr;
  notified* routine = nullptr;
  bool won = false;
  cancel_result result{};
  std::uint32_t wins = 0, ran = 0, unarmed = 0;

  void prepare(std::uint32_t) {
    routine = new notified;
    it = new belay::biased_operation;
  }
  void act(std::uint32_t party, std::uint32_t round) {
    late.wait(party, round);
    if (party == 1) {
      result = it->cancel(reason_of(round, reason_kind::user));
      return;
    }
    won = true;
    for (std::uint32_t i = mixed(round) % 64; won && i > 0; --i)
      won = it->arm(*routine) && it->disarm(*routine) == handshake::won;
    won = won && it->arm(*routine) && it->complete(*routine, outcome::completed) == handshake::won;
    must(won || it->complete(outcome::canceled), "one outcome", round);
  }
  void check(std::uint32_t round) {
    late.was_first(won);
    ++(won ? wins : routine->runs == 1 ? ran : unarmed);
    must(routine->runs == (result == cancel_result::claimed ? 1 : 0), "it ran once", round);
    must(won == (result == cancel_result::too_late), "or not at all", round);
    delete it;
    delete routine;
  }
  bool met() const { return wins > 0 && ran > 0; }
};

TEST(stress_operation, biased_against_request) {
  biased_against_request race;
  const std::uint32_t rounds = run(race, scaled(30'000));
  EXPECT_EQ(race.wins + race.ran + race.unarmed, rounds);
}

/// At the end of all races.
struct total : testing::Environment {
  void TearDown() override {
    std::printf("%llu operations were raced\n", static_cast<unsigned long long>(raced));
  }
};
[[maybe_unused]] testing::Environment* const the_total =
    testing::AddGlobalTestEnvironment(new total);

}  // namespace
