#include "sync/explored/scheduler.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::sync {

scheduler the_scheduler;

namespace {
constexpr std::uint64_t steps_between_looks = 1'024;
}

void history_table::grow() {
  std::vector<cell> old(cells_.size() * 2);
  old.swap(cells_);
  used_ = 0;
  for (const cell& from : old) {
    if (from.generation == generation_) find(from.granule) = from;
  }
}

void actor_entry() {
  scheduler& s = the_scheduler;
  if (s.observing_) s.observe();
  actor& self = s.me();
  self.run(self.argument);
  s.finish_current();
}

ending scheduler::run(entry setup, void* argument) {
  ++execution_;
  memory_.map();
  memory_.rewind();
  histories_.reset();
  for (std::uint64_t rest = used_ | bit(clock_actor); rest != 0; rest &= rest - 1) {
    actor& each = actors_[static_cast<std::size_t>(__builtin_ctzll(rest))];
    each.steps = 0;
    each.children = 0;
    each.history = 0;
    each.started = false;
    each.local = nullptr;
    each.next = {};
    each.seals = 0;
  }
  live_ = gated_ = optional_ = lingering_ = used_ = ever_optional_ = 0;
  steps_ = switches_ = 0;
  next_look_ = steps_between_looks;
  could_go_ = 0;
  advances_ = 0;
  now_ = 0;
  alarms_ = nullptr;
  current_ = last_ = no_actor;
  ending_ = ending::finished;
  if (schedule_.size() < step_limit_ + 1) schedule_.resize(step_limit_ + 1);
  running_ = false;
  setup(argument);
  running_ = true;
  const actor_id first = pick();
  if (first >= 0) {
    current_ = first;
    context::switch_to(main_context_, actors_[static_cast<std::size_t>(first)].context);
  }
  running_ = false;
  current_ = no_actor;
  return ending_;
}

bool scheduler::gate_is_open(const actor& who) const {
  if (who.next.kind == access_kind::acquire) {
    return *reinterpret_cast<const volatile std::uint64_t*>(who.next.address) == 0;
  }
  return who.opens(who.gate_argument) || now_ >= who.deadline;
}

actor_id scheduler::pick() {
  for (;;) {
    std::uint64_t candidates = live_ & ~gated_;
    for (std::uint64_t rest = live_ & gated_; rest != 0; rest &= rest - 1) {
      const actor_id who = __builtin_ctzll(rest);
      if (gate_is_open(actors_[static_cast<std::size_t>(who)])) candidates |= bit(who);
    }
    if (cpus_ != 0) [[unlikely]]
      candidates = keep_to_processors(candidates);
    const std::uint64_t reluctant = optional_ | lingering_ | bit(clock_actor);
    if ((candidates & ~reluctant) == 0) [[unlikely]] {
      candidates = idle(candidates);
      if (candidates == 0) return no_actor;
    }
    if (steps_ >= step_limit_) [[unlikely]] {
      ending_ = ending::step_limit;
      return no_actor;
    }
    if (steps_ >= next_look_) [[unlikely]]
      candidates = be_fair(candidates, reluctant);
    actor_id chosen;
    if ((candidates & (candidates - 1)) == 0) {
      chosen = __builtin_ctzll(candidates);
    } else {
      const bool goes_on = last_ > 0 && (candidates & bit(last_) & ~lingering_) != 0 &&
                           actors_[static_cast<std::size_t>(last_)].next.kind != access_kind::yield;
      const decision what{candidates, reluctant, last_, goes_on,
                          histories_.fingerprint() + advances_};
      chosen = chooser_->choose(what);
      if (chosen < 0) [[unlikely]] {
        ending_ = ending::abandoned;
        return no_actor;
      }
    }
    schedule_[steps_++] = static_cast<std::uint8_t>(chosen);
    last_ = chosen;
    if (chosen == clock_actor) [[unlikely]] {
      advance_clock();
      continue;
    }
    if ((reluctant & bit(chosen)) != 0) [[unlikely]] {
      optional_ &= ~bit(chosen);
      lingering_ &= ~bit(chosen);
      advances_ = 0;
    }
    gated_ &= ~bit(chosen);
    actor& next = actors_[static_cast<std::size_t>(chosen)];
    ++next.steps;
    next.started = true;
    return chosen;
  }
}

// Nobody must run: the clock may move, an optional actor may act, or this is the end.
std::uint64_t scheduler::idle(std::uint64_t candidates) {
  if ((live_ & ~optional_) == 0) {
    ending_ = ending::finished;
    return 0;
  }
  if (next_deadline() != forever && (candidates == 0 || advances_ < patience_)) {
    candidates |= bit(clock_actor);
  }
  if (candidates == 0) ending_ = ending::deadlock;
  return candidates;
}

// Fairness: whoever must run, could have gone on at the last look and has not gone since, goes now.
// Otherwise a loop that always has something to do would keep the others waiting for ever.
std::uint64_t scheduler::be_fair(std::uint64_t candidates, std::uint64_t reluctant) {
  std::uint64_t kept_waiting = 0;
  const std::uint64_t can_go = candidates & ~reluctant;
  for (std::uint64_t rest = can_go; rest != 0; rest &= rest - 1) {
    actor& each = actors_[static_cast<std::size_t>(__builtin_ctzll(rest))];
    if (each.steps == each.steps_at_look) kept_waiting |= rest & -rest;
    each.steps_at_look = each.steps;
  }
  kept_waiting &= could_go_;
  could_go_ = can_go;
  next_look_ = steps_ + steps_between_looks;
  return kept_waiting != 0 ? kept_waiting : candidates;
}

// On a limited number of processors an actor at DISPATCH_LEVEL or above keeps its own to itself.
std::uint64_t scheduler::keep_to_processors(std::uint64_t candidates) const {
  std::uint64_t kept = candidates;
  for (std::uint64_t rest = live_; rest != 0; rest &= rest - 1) {
    const actor& holder = actors_[static_cast<std::size_t>(__builtin_ctzll(rest))];
    if (!holder.started || holder.interrupt_level < 2) continue;
    for (std::uint64_t others = kept; others != 0; others &= others - 1) {
      const actor& other = actors_[static_cast<std::size_t>(__builtin_ctzll(others))];
      if (&other != &holder && other.cpu == holder.cpu &&
          !(other.started && other.interrupt_level >= 2)) {
        kept &= ~(std::uint64_t{1} << __builtin_ctzll(others));
      }
    }
  }
  return kept;
}

nanoseconds scheduler::next_deadline() const {
  nanoseconds earliest = forever;
  for (const alarm* each = alarms_; each != nullptr; each = each->next_) {
    if (each->due_ < earliest) earliest = each->due_;
  }
  for (std::uint64_t rest = live_ & gated_; rest != 0; rest &= rest - 1) {
    const actor& who = actors_[static_cast<std::size_t>(__builtin_ctzll(rest))];
    if (who.deadline < earliest) earliest = who.deadline;
  }
  return earliest;
}

void scheduler::advance_clock() {
  ++advances_;
  const nanoseconds due = next_deadline();
  if (due > now_) now_ = due;
  const actor_id was = current_;
  current_ = clock_actor;
  actor& clock = actors_[clock_actor];
  ++clock.steps;
  ++clock.seals;
  if (hashing_) histories_.commit(clock_actor, clock.history, static_cast<std::uint64_t>(now_));
  for (;;) {
    alarm* first = nullptr;
    for (alarm* each = alarms_; each != nullptr; each = each->next_) {
      if (each->due_ <= now_ && (first == nullptr || each->due_ < first->due_)) first = each;
    }
    if (first == nullptr) break;
    remove(first);
    races().begin_again(clock_actor);
    races().load(clock_actor, first, std::memory_order_acquire);
    if (hashing_) {
      histories_.commit(clock_actor, clock.history, access_kind::update,
                        reinterpret_cast<std::uintptr_t>(first), 1);
    }
    if (recorder_ != nullptr) recorder_->on_note(clock_actor, "alarm", first, nullptr);
    first->fire_(first);
  }
  --clock.seals;
  current_ = was;
}

void scheduler::observe() {
  actor& self = me();
  if (hashing_) {
    const pending_access& what = self.next;
    if (what.kind == access_kind::wait && now_ >= self.deadline) {
      histories_.commit(current_, self.history, actors_[clock_actor].history);
    }
    histories_.commit(current_, self.history, what.kind, what.address, what.size);
  }
  if (recorder_ != nullptr) recorder_->on_step(current_, self.next, self.site);
}

bool scheduler::wait(const volatile void* object, gate opens, const void* argument,
                     nanoseconds deadline) {
  actor& self = me();
  self.next = {reinterpret_cast<std::uintptr_t>(object), 1, access_kind::wait};
  self.opens = opens;
  self.gate_argument = argument;
  self.deadline = deadline;
  if (self.seals != 0 && opens(argument)) {
    observe();
    return true;
  }
  gated_ |= bit(current_);
  reschedule();
  self.deadline = forever;
  return opens(argument);
}

void scheduler::acquire(const volatile std::uint64_t* word) {
  actor& self = me();
  self.next = {reinterpret_cast<std::uintptr_t>(word), 8, access_kind::acquire};
  if (self.seals != 0 && *word == 0) return observe();
  gated_ |= bit(current_);
  reschedule();
}

void scheduler::linger() {
  if (!running_) return;
  me().next = {0, 0, access_kind::yield};
  lingering_ |= bit(current_);
  reschedule();
}

std::array<std::uint64_t, max_actors> scheduler::identities() const {
  std::array<std::uint64_t, max_actors> out{};
  for (std::size_t i = 0; i < max_actors; ++i) out[i] = actors_[i].identity;
  return out;
}

void scheduler::set_identities(const std::array<std::uint64_t, max_actors>& identities) {
  for (std::size_t i = 0; i < max_actors; ++i) actors_[i].identity = identities[i];
}

actor_id scheduler::slot_for(std::uint64_t identity) {
  for (actor_id who = 1; who < max_actors; ++who) {
    const actor& each = actors_[static_cast<std::size_t>(who)];
    if (each.identity == identity && (live_ & bit(who)) == 0) return who;
  }
  for (actor_id who = 1; who < max_actors; ++who) {
    if (actors_[static_cast<std::size_t>(who)].identity == 0) return who;
  }
  for (actor_id who = max_actors - 1; who > 0; --who) {
    if ((live_ & bit(who)) == 0) return who;
  }
  std::fprintf(stderr, "belay: more than %d actors at once; ask for fewer clients or requests.\n",
               max_actors - 1);
  std::exit(3);
}

actor_id scheduler::spawn(const actor_options& options, entry run, void* argument) {
  actor& parent = me();
  const std::uint64_t identity =
      options.key != nullptr
          ? mix(guest().portable(reinterpret_cast<std::uintptr_t>(options.key)), 1)
          : mix(parent.identity + 2, ++parent.children);
  const actor_id who = slot_for(identity);
  actor& child = actors_[static_cast<std::size_t>(who)];
  child.identity = identity;
  child.context = context::make<actor_entry>(memory_.stack_top(who), arena::stack_size);
  child.next = {0, 0, access_kind::start};
  child.opens = options.start_gate;
  child.gate_argument = options.start_argument;
  child.deadline = forever;
  child.interrupt_level = 0;
  child.seals = 0;
  child.started = false;
  child.run = run;
  child.argument = argument;
  child.local = nullptr;
  child.site = nullptr;
  child.doing = nullptr;
  child.cpu = static_cast<std::uint8_t>(
      cpus_ == 0 ? who : (options.kind == actor_kind::task ? parent.cpu : (who - 1) % cpus_));
  child.name = options.name;
  if (hashing_) histories_.commit(who, child.history, parent.history);
  live_ |= bit(who);
  used_ |= bit(who);
  if (options.start_gate != nullptr) gated_ |= bit(who);
  if (options.optional) optional_ |= bit(who), ever_optional_ |= bit(who);
  return who;
}

void scheduler::dismiss_optional() {
  live_ &= ~optional_;
  gated_ &= ~optional_;
  optional_ = 0;
}

void scheduler::join(actor_id who) {
  struct target {
    const scheduler* in;
    actor_id who;
  } const whom{this, who};
  wait(
      &actors_[static_cast<std::size_t>(who)],
      [](const void* p) {
        const auto* const t = static_cast<const target*>(p);
        return (t->in->live_ & bit(t->who)) == 0;
      },
      &whom, forever);
  actor& self = me();
  if (hashing_)
    histories_.commit(current_, self.history, actors_[static_cast<std::size_t>(who)].history);
}

void scheduler::finish_current() {
  live_ &= ~bit(current_);
  gated_ &= ~bit(current_);
  const actor_id next = pick();
  if (next < 0) leave();
  current_ = next;
  ++switches_;
  context::jump(actors_[static_cast<std::size_t>(next)].context);
}

void scheduler::abandon() {
  ending_ = ending::abandoned;
  leave();
}

void scheduler::leave() {
  running_ = false;
  context::jump(main_context_);
}

void scheduler::add(alarm* what) {
  races().store(current_, what, std::memory_order_release);
  what->next_ = alarms_;
  what->previous_ = nullptr;
  if (alarms_ != nullptr) alarms_->previous_ = what;
  alarms_ = what;
}

void scheduler::remove(alarm* what) {
  (what->previous_ != nullptr ? what->previous_->next_ : alarms_) = what->next_;
  if (what->next_ != nullptr) what->next_->previous_ = what->previous_;
  what->set_ = false;
}

}  // namespace belay::inline BELAY_BUILD::sync
