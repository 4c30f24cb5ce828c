#include "explore/strategy.hpp"

#include <algorithm>

namespace belay::inline BELAY_BUILD::explore {

using sync::actor_id;
using sync::decision;

namespace {

std::uint64_t bit(actor_id who) { return std::uint64_t{1} << who; }

actor_id any_of(std::uint64_t candidates, random_source& random) {
  const auto count = static_cast<std::uint32_t>(__builtin_popcountll(candidates));
  for (std::uint32_t skip = random.below(count); skip != 0; --skip) candidates &= candidates - 1;
  return __builtin_ctzll(candidates);
}

}  // namespace

actor_id random_walk::choose(const decision& what) { return any_of(what.candidates, random_); }

void priority_walk::start(std::uint64_t seed, int depth, std::uint64_t steps) {
  random_.reseed(seed);
  std::fill(std::begin(priority_), std::end(priority_), std::uint64_t{0});
  lowest_ = std::uint64_t{1} << 40;
  fair_after_ = 2 * steps;
  changes_ = std::min(depth - 1, 16);
  for (int i = 0; i < changes_; ++i) {
    change_at_[i] = 1 + random_.below(static_cast<std::uint32_t>(steps));
  }
}

std::uint64_t priority_walk::priority_of(actor_id who) {
  std::uint64_t& at = priority_[who];
  if (at == 0) at = (std::uint64_t{1} << 41) + (random_.next() >> 8);
  return at;
}

actor_id priority_walk::choose(const decision& what) {
  const auto highest = [&] {
    actor_id best = sync::no_actor;
    std::uint64_t best_priority = 0;
    for (std::uint64_t rest = what.candidates; rest != 0; rest &= rest - 1) {
      const actor_id who = __builtin_ctzll(rest);
      const std::uint64_t priority = priority_of(who);
      if (best < 0 || priority > best_priority) best = who, best_priority = priority;
    }
    return best;
  };
  const std::uint64_t step = sync::world().steps() + 1;
  if (step > fair_after_) return any_of(what.candidates, random_);
  // One who yields lets the others go first.
  if (what.current >= 0 && !what.current_goes_on && (what.candidates & bit(what.current)) != 0) {
    priority_[what.current] = lowest_--;
  }
  actor_id best = highest();
  for (int i = 0; i < changes_; ++i) {
    if (change_at_[i] == step) {
      priority_[best] = lowest_--;
      best = highest();
    }
  }
  return best;
}

actor_id directed::choose(const decision& what) {
  const std::uint32_t step = what.current < 0 ? 0 : sync::world().at(what.current).steps;
  // A directive whose moment passed while there was nothing to choose is skipped.
  if (next_ < directives_.size()) {
    const directive& next = directives_[next_];
    if (next.actor == what.current && next.step == step) {
      ++next_;
      if (next.to >= 0 && (what.candidates & bit(next.to)) != 0) return next.to;
    }
  }
  return sync::default_choice(what);
}

actor_id sweep::choose(const decision& what) {
  if (!fired_ && sync::world().steps() >= at_ && (what.candidates & bit(who_)) != 0) {
    fired_ = true;
    return who_;
  }
  if (!fired_) return sync::default_choice(what);
  // Once it blocked, it goes on when the others must not.
  decision rest = what;
  if (what.current != who_ && (what.candidates & ~bit(who_)) != 0) rest.candidates &= ~bit(who_);
  return sync::default_choice(rest);
}

void bounded_search::start(int bound, reductions leave_out) {
  bound_ = bound;
  leave_out_ = leave_out;
  path_.clear();
  std::fill(seen_.begin(), seen_.end(), seen{0, 0});
  seen_used_ = 0;
  limited_ = false;
  begin();
}

bool bounded_search::known(std::uint64_t key, std::uint32_t left) {
  constexpr std::size_t most = std::size_t{1} << 23;  // 128 MiB
  if (key == 0) key = 1;
  if (seen_.empty()) seen_.resize(std::size_t{1} << 12);
  if (seen_used_ * 2 > seen_.size() && seen_.size() < most) {
    std::vector<seen> old(seen_.size() * 2);
    old.swap(seen_);
    const std::size_t mask = seen_.size() - 1;
    for (const seen& from : old) {
      if (from.key == 0) continue;
      std::size_t i = from.key & mask;
      while (seen_[i].key != 0) i = (i + 1) & mask;
      seen_[i] = from;
    }
  }
  const std::size_t mask = seen_.size() - 1;
  for (std::size_t i = key & mask;; i = (i + 1) & mask) {
    seen& at = seen_[i];
    if (at.key == key) {
      if (at.left >= left + 1) return true;
      at.left = left + 1;
      return false;
    }
    if (at.key == 0) {
      if (seen_used_ * 4 > seen_.size() * 3) return false;  // full: explore it again
      ++seen_used_;
      at = {key, left + 1};
      return false;
    }
  }
}

bool bounded_search::makes_no_difference(actor_id who) const {
  const sync::actor& it = sync::world().at(who);
  return it.next.kind == sync::access_kind::release ||
         (quiet_actor_ == who && quiet_step_ == it.steps);
}

actor_id bounded_search::take(actor_id who) {
  const sync::actor& it = sync::world().at(who);
  if (it.next.kind == sync::access_kind::start || it.next.kind == sync::access_kind::yield) {
    quiet_actor_ = who;
    quiet_step_ = it.steps + 1;
  }
  return who;
}

actor_id bounded_search::choose(const decision& what) {
  const auto count = [&](const node& at) {
    if (at.current >= 0 && at.chosen != at.current) ++preemptions_;
    return take(static_cast<actor_id>(at.chosen));
  };
  const actor_id free = what.current_goes_on ? what.current : sync::no_actor;
  if (free >= 0 && leave_out_.moves && makes_no_difference(free)) return take(free);
  if (free >= 0 && preemptions_ >= bound_) {
    limited_ = true;
    return take(free);
  }
  if (depth_ < path_.size()) return count(path_[depth_++]);
  if (leave_out_.histories) {
    const std::uint64_t key = sync::mix(what.fingerprint, static_cast<std::uint64_t>(free + 2));
    if (known(key, static_cast<std::uint32_t>(bound_ - preemptions_))) {
      pruned_ = true;
      return give_up;
    }
  }
  const actor_id first = sync::default_choice(what);
  path_.push_back({what.candidates & ~bit(first), static_cast<std::int8_t>(free),
                   static_cast<std::int8_t>(first)});
  return count(path_[depth_++]);
}

bool bounded_search::advance() {
  while (!path_.empty()) {
    node& last = path_.back();
    if (last.untried != 0) {
      last.chosen = static_cast<std::int8_t>(__builtin_ctzll(last.untried));
      last.untried &= last.untried - 1;
      return true;
    }
    path_.pop_back();
  }
  return false;
}

}  // namespace belay::inline BELAY_BUILD::explore
