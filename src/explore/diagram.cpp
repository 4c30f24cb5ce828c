#include "explore/diagram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace belay::inline BELAY_BUILD::explore {
namespace {

// "irp 2 Cancel" and "irp 2" are of the same object, so are "Queue+0x8" and "Queue".
std::string root_of(const std::string& name) {
  if (name.compare(0, 4, "irp ") == 0) return name.substr(0, name.find(' ', 4));
  return name.substr(0, name.find('+'));
}

bool is_taking(const std::string& call) {
  return call.find("AcquireSpinLock") != std::string::npos ||
         call.find("AcquireInStackQueuedSpinLock") != std::string::npos ||
         call.find("AcquireCancelSpinLock") != std::string::npos || call == "acquire";
}

bool is_giving(const std::string& call) {
  return call.find("ReleaseSpinLock") != std::string::npos ||
         call.find("ReleaseInStackQueuedSpinLock") != std::string::npos ||
         call.find("ReleaseCancelSpinLock") != std::string::npos || call == "release";
}

// Calls that say nothing about the interleaving.
bool is_chatter(const std::string& call) {
  static constexpr const char* names[] = {"DbgPrint",
                                          "DbgPrintEx",
                                          "KeGetCurrentIrql",
                                          "RtlInitUnicodeString",
                                          "RtlZeroMemory",
                                          "RtlFillMemory",
                                          "RtlCopyMemory",
                                          "RtlMoveMemory",
                                          "KeInitializeSpinLock",
                                          "ExFreePoolWithTag",
                                          "ExAllocatePoolWithTag",
                                          "ExAllocatePool2",
                                          "ExFreePool"};
  return call.compare(0, 12, "KeInitialize") == 0 ||
         std::find(std::begin(names), std::end(names), call) != std::end(names);
}

// How much each event matters; 0: most, 9: not at all.
class relevance {
 public:
  explicit relevance(const trace& what) : trace_(what), rank_(what.events.size(), 9) {
    object_ = root_of(what.object_name);
    find_involved();
    const auto& events = what.events;
    for (std::size_t i = 0; i < events.size(); ++i) {
      rank_[i] = base(i);
      if (!involved_.contains(events[i].actor) && rank_[i] > 1)
        rank_[i] = std::min(9, rank_[i] + 4);
    }
    around_preemptions();
    if (!events.empty()) raise(events.size() - 1, 0);
  }

  const std::vector<int>& ranks() const { return rank_; }

 private:
  bool on_object(const event& e) const {
    if (object_.compare(0, 6, "block ") == 0) return e.object == trace_.found.object;
    return !object_.empty() && root_of(e.object_name) == object_;
  }

  // Who touches the object of the finding, preempts or is preempted.
  void find_involved() {
    const auto& events = trace_.events;
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (on_object(events[i]) || i + 1 == events.size()) involved_.insert(events[i].actor);
      if (!events[i].preempted || i == 0) continue;
      involved_.insert(events[i].actor);
      involved_.insert(events[i - 1].actor);
    }
  }

  // The next event of the same actor.
  std::size_t next_of(std::size_t at) const {
    const auto& events = trace_.events;
    for (std::size_t i = at + 1; i < events.size(); ++i) {
      if (events[i].actor == events[at].actor && events[i].kind != event_kind::clock) return i;
    }
    return events.size();
  }

  int of_call(std::size_t at) const {
    const event& e = trace_.events[at];
    if (is_chatter(e.what)) return 8;
    if (e.what.find("CancelSpinLock") != std::string::npos) return 3;
    // The step that takes the lock says the same, unless others ran in between.
    if (is_taking(e.what)) return next_of(at) == at + 1 ? 6 : 2;
    if (is_giving(e.what)) return 6;
    return on_object(e) ? 1 : root_of(e.object_name).compare(0, 4, "irp ") == 0 ? 5 : 4;
  }

  int of_step(std::size_t at) const {
    const event& e = trace_.events[at];
    if (e.what == "starts") return 7;
    if (e.what == "acquire" || e.what == "release") {
      return on_object(e) ? 1 : e.where.file.empty() ? 8 : 4;
    }
    if (on_object(e)) {
      // Within a call that is shown already.
      const bool within =
          at > 0 && trace_.events[at - 1].actor == e.actor && !e.where.file.empty() &&
          trace_.events[at - 1].where.line == e.where.line &&
          trace_.events[at - 1].kind != event_kind::irp_state && on_object(trace_.events[at - 1]);
      return within ? 6 : 2;
    }
    return e.object_name.empty() || e.object_name.compare(0, 6, "block ") == 0 ||
                   e.object_name.compare(0, 4, "irp ") == 0
               ? 9
               : 5;
  }

  int base(std::size_t at) const {
    switch (trace_.events[at].kind) {
      case event_kind::irp_state:
        return on_object(trace_.events[at]) ? 0 : 5;
      case event_kind::clock:
        return 3;
      case event_kind::call:
        return of_call(at);
      case event_kind::step:
        return of_step(at);
    }
    return 9;
  }

  // What preempted, what the preempted actor did last, and where it goes on.
  void around_preemptions() {
    const auto& events = trace_.events;
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (!events[i].preempted) continue;
      raise(i, 0);
      const int preempted = i == 0 ? -1 : events[i - 1].actor;
      for (std::size_t back = i; back-- > 0;) {
        if (events[back].actor != preempted || rank_[back] > 8) continue;
        raise(back, 0);
        break;
      }
      for (std::size_t on = i + 1; on < events.size(); ++on) {
        if (events[on].actor != preempted || rank_[on] > 8) continue;
        raise(on, 1);
        break;
      }
    }
  }

  void raise(std::size_t at, int to) { rank_[at] = std::min(rank_[at], to); }

  const trace& trace_;
  std::string object_;
  std::set<int> involved_;
  std::vector<int> rank_;
};

void find_locks(const trace& what, diagram& to) {
  struct open_lock {
    std::size_t row;
    std::string name;
  };
  std::map<std::pair<int, std::string>, open_lock> open;
  for (std::size_t row = 0; row < to.rows.size(); ++row) {
    const event& e = what.events[to.rows[row].event];
    if (e.kind != event_kind::step) continue;  // the call that asks for a lock may wait for it
    const std::string& name = e.object_name;
    const auto key = std::make_pair(to.rows[row].column, name);
    if (is_taking(e.what)) {
      open.try_emplace(key, open_lock{row, name});
    } else if (is_giving(e.what)) {
      if (const auto at = open.find(key); at != open.end()) {
        to.locks.push_back({key.first, at->second.row, row, name});
        open.erase(at);
      }
    }
  }
  for (const auto& [key, lock] : open)
    to.locks.push_back({key.first, lock.row, to.rows.size() - 1, lock.name});
}

void find_states(const trace& what, diagram& to) {
  std::map<std::string, std::size_t> open;  // packet: index in to.states
  for (std::size_t row = 0; row < to.rows.size(); ++row) {
    const event& e = what.events[to.rows[row].event];
    if (e.kind != event_kind::irp_state) continue;
    const std::string packet = root_of(e.object_name);
    if (const auto at = open.find(packet); at != open.end()) {
      to.states[at->second].to = row;
      open.erase(at);
    } else {
      to.packets.push_back(packet);
    }
    if (e.what != "freed") open[packet] = to.states.size();
    to.states.push_back({packet, e.what, row, to.rows.size() - 1});
  }
  std::sort(to.packets.begin(), to.packets.end());
  to.packets.erase(std::unique(to.packets.begin(), to.packets.end()), to.packets.end());
}

}  // namespace

std::string duration_text(std::int64_t nanoseconds) {
  if (nanoseconds % 1'000'000'000 == 0) return fmt::format("{} s", nanoseconds / 1'000'000'000);
  if (nanoseconds >= 1'000'000)
    return fmt::format("{:.6g} ms", static_cast<double>(nanoseconds) / 1e6);
  return fmt::format("{:.6g} µs", static_cast<double>(nanoseconds) / 1e3);
}

std::string label_of(const event& what) {
  const std::string object = !what.object_name.empty() ? what.object_name
                             : what.object != 0        ? fmt::format("{:#x}", what.object)
                                                       : "";
  switch (what.kind) {
    case event_kind::irp_state:
      return fmt::format("{} → {}", object, what.what);
    case event_kind::clock:
      return fmt::format("the clock moves to {}", duration_text(what.time));
    case event_kind::call:
    case event_kind::step:
      return what.object_name.empty() && what.kind == event_kind::call
                 ? what.what
                 : fmt::format("{} {}", what.what, object);
  }
  return {};
}

trace with_finding(const trace& what, const source_location& where) {
  trace shown = what;
  event last;
  last.step = what.found.step;
  last.actor = what.events.empty() ? 0 : what.events.back().actor;
  for (const actor_info& each : what.actors) {
    if (each.name == what.found.actor) last.actor = each.id;
  }
  last.kind = event_kind::call;
  last.what = "breaks " + what.found.clause + (what.object_name.empty() ? "" : ":");
  last.object = what.found.object;
  last.object_name = what.object_name;
  last.where = where;
  if (!what.events.empty()) last.time = what.events.back().time;
  shown.events.push_back(std::move(last));
  return shown;
}

diagram draw(const trace& what, std::size_t most) {
  const relevance by(what);
  const auto& ranks = by.ranks();
  int limit = 0;
  for (std::size_t count = 0; limit < 5; ++limit) {
    count += static_cast<std::size_t>(std::count(ranks.begin(), ranks.end(), limit));
    const auto more = static_cast<std::size_t>(std::count(ranks.begin(), ranks.end(), limit + 1));
    if (count + more > most) break;
  }
  diagram to;
  std::map<int, int> columns;
  std::size_t hidden = 0;
  for (std::size_t i = 0; i < what.events.size(); ++i) {
    const event& e = what.events[i];
    if (ranks[i] > limit) {
      ++hidden;
      continue;
    }
    diagram_row row;
    row.event = i;
    row.label = label_of(e);
    row.hidden = std::exchange(hidden, 0);
    row.preempts = e.preempted;
    row.last = i + 1 == what.events.size();
    if (e.kind != event_kind::clock) {
      const auto [at, fresh] = columns.try_emplace(e.actor, static_cast<int>(columns.size()));
      row.column = at->second;
      if (fresh) {
        to.columns.push_back({e.actor, fmt::format("actor {}", e.actor)});
        to.begins.push_back(to.rows.size());
        to.ends.push_back(to.rows.size());
        for (const actor_info& actor : what.actors) {
          if (actor.id == e.actor) to.columns.back().name = actor.name;
        }
      }
      to.ends[static_cast<std::size_t>(row.column)] = to.rows.size();
    }
    if (!e.where.file.empty()) {
      if (to.file.empty()) to.file = e.where.file;
      if (to.file != e.where.file) to.one_file = false;
    }
    to.rows.push_back(std::move(row));
  }
  find_locks(what, to);
  find_states(what, to);
  return to;
}

}  // namespace belay::inline BELAY_BUILD::explore
