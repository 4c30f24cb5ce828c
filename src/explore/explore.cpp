#include "explore/explore.hpp"

#include <cstdio>

namespace belay::inline BELAY_BUILD::explore {

namespace {

void on_race(const void* address) {
  kernel::violation what;
  what.clause = "WDM-IRP-023";
  what.object = address;
  std::snprintf(what.text, sizeof what.text,
                "data race: two accesses, one a write, without an order");
  report_finding(what);
}

finding blocked() {
  finding out;
  out.clause = "WDM-IRP-022";
  out.text = "nobody can go on:";
  const sync::scheduler& s = sync::world();
  for (std::uint64_t rest = s.live(); rest != 0; rest &= rest - 1) {
    out.text += std::string(" ") + s.at(__builtin_ctzll(rest)).name;
  }
  return out;
}

}  // namespace

void program_under_test::start() {
  if (races_) {
    sync::races().report_to(&on_race);
    sync::races().reset();
  }
  if (before_) before_();
  for (body& each : actors_) {
    sync::spawn(
        {.name = each.name, .key = &each}, [](void* p) { static_cast<body*>(p)->run(); }, &each);
  }
}

void program_under_test::finish() {
  if (after_) after_();
}

void require(bool condition, const char* text) {
  if (condition) return;
  kernel::violation what;
  what.clause = "requirement";
  std::snprintf(what.text, sizeof what.text, "%s", text);
  report_finding(what);
}

std::string exhausted::text() const {
  if (!found) return complete ? "holds" : "incomplete";
  std::string out = found->clause + ": " + found->text + " (" + found->actor + ")";
  for (const directive& each : directives) {
    out += "\n  actor " + std::to_string(each.actor) + " at its step " + std::to_string(each.step) +
           " -> actor " + std::to_string(each.to);
  }
  return out;
}

exhausted exhaust(program& what, const exhaust_options& options) {
  sync::world().set_hashing(options.prune);
  bounded_search strategy;
  strategy.start(options.bound, {.histories = options.prune, .moves = options.coalesce});
  exhausted out;
  do {
    strategy.begin();
    execution one = execute(what, strategy);
    if (!strategy.pruned()) ++out.executions;
    if (!one.found && one.how == sync::ending::deadlock) one.found = blocked();
    if (!one.found && one.how == sync::ending::step_limit) {
      one.found = finding{};
      one.found->clause = "WDM-IRP-016";
      one.found->text = "more steps than an execution may have: a livelock?";
    }
    if (one.found) {
      recording_chooser recorded(strategy);
      strategy.begin();
      execute(what, recorded);
      out.directives = recorded.directives();
      out.found = std::move(one.found);
      break;
    }
    if (out.executions >= options.most_executions) break;
    out.complete = !strategy.advance();
  } while (!out.complete);
  sync::world().set_hashing(false);
  sync::races().switch_off();
  return out;
}

}  // namespace belay::inline BELAY_BUILD::explore
