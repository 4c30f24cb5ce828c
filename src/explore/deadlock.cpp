#include "explore/deadlock.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "wdm/io_manager.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

using sync::actor_id;

/// Who must act before `who` can; no_actor when that is not one actor's duty.
actor_id waits_for(const sync::actor& who) {
  if (who.next.kind != sync::access_kind::acquire) return sync::no_actor;
  return sync::word_owner(reinterpret_cast<const volatile std::uint64_t*>(who.next.address));
}

std::string describe(const sync::scheduler& s, actor_id id) {
  const sync::actor& who = s.at(id);
  const actor_id holder = waits_for(who);
  if (holder == id) return fmt::format("{} waits for a spin lock that it holds itself", who.name);
  if (holder >= 0)
    return fmt::format("{} waits for a spin lock held by {}", who.name, s.at(holder).name);
  if (who.next.kind == sync::access_kind::acquire)
    return fmt::format("{} waits for a spin lock", who.name);
  if (!who.started) return fmt::format("{} cannot start", who.name);
  return fmt::format("{} waits in {}", who.name, who.doing != nullptr ? who.doing : "a wait");
}

// A packet that was cancelled and whose cancel routine was armed too late: for it somebody waits.
bool lost_cancel(finding& out) {
  struct search {
    wdm::irp_view found;
    bool any = false;
  } what;
  wdm::visit_irps(
      [](void* context, const wdm::irp_view& view) {
        auto& in = *static_cast<search*>(context);
        const bool lost =
            view.state != wdm::irp_state::completed && view.cancel_requested && view.routine_armed;
        if (!lost) return true;
        in.found = view;
        in.any = true;
        return false;
      },
      &what);
  if (!what.any) return false;
  out.clause = "WDM-CANCEL-013";
  out.rule = "MissedCancel";
  out.object = reinterpret_cast<std::uint64_t>(what.found.irp);
  out.parameter[0] = out.object;
  if (what.found.site != nullptr)
    out.stack.push_back(reinterpret_cast<std::uint64_t>(what.found.site));
  out.text = fmt::format(
      "the cancel of the IRP {:#x} is lost: its cancel routine was set after IoCancelIrp had come, "
      "and nobody has looked at Irp->Cancel again; ",
      out.object);
  return true;
}

finding deadlock() {
  const sync::scheduler& s = sync::world();
  finding out;
  out.clause = "WDM-IRP-022";
  out.rule = "deadlock";
  out.step = s.steps();
  // A cycle of lock holders is the whole story; otherwise all who wait are.
  std::vector<actor_id> story;
  for (std::uint64_t rest = s.live() & s.gated(); rest != 0 && story.empty(); rest &= rest - 1) {
    std::uint64_t visited = 0;
    std::vector<actor_id> path;
    for (actor_id at = __builtin_ctzll(rest); at >= 0; at = waits_for(s.at(at))) {
      if ((visited & (std::uint64_t{1} << at)) != 0) {
        story.assign(std::find(path.begin(), path.end(), at), path.end());
        break;
      }
      visited |= std::uint64_t{1} << at;
      path.push_back(at);
    }
  }
  const bool cycle = !story.empty();
  if (cycle) {
    out.clause = story.size() == 1 ? "WDM-LOCK-001" : "WDM-LOCK-003";
    out.rule = story.size() == 1 ? "SpinLock" : "Deadlock detection";
    out.bug_check = 0xC4;
    out.parameter[0] = story.size() == 1 ? 0x1001 : 0x1002;
  } else {
    for (std::uint64_t rest = s.live() & ~s.optional(); rest != 0; rest &= rest - 1) {
      story.push_back(__builtin_ctzll(rest));
    }
  }
  const bool lost = !cycle && lost_cancel(out);
  out.text += cycle ? "deadlock: " : lost ? "meanwhile " : "nobody can go on: ";
  for (std::size_t i = 0; i < story.size() && i < 8; ++i) {
    out.text += (i == 0 ? "" : "; ") + describe(s, story[i]);
  }
  if (!story.empty()) {
    const sync::actor& who = s.at(story.front());
    out.actor = who.name;
    if (who.doing != nullptr) out.call = who.doing;
    if (!lost) out.object = who.next.address;
    if (who.site != nullptr && !lost)
      out.stack.push_back(reinterpret_cast<std::uint64_t>(who.site));
  }
  return out;
}

}  // namespace

finding explain_ending(sync::ending how) {
  if (how == sync::ending::deadlock) return deadlock();
  const sync::scheduler& s = sync::world();
  finding out;
  out.clause = "WDM-IRP-016";
  out.rule = "livelock";
  out.bug_check = 0x133;
  out.step = s.steps();
  out.text = fmt::format(
      "after {} steps the scenario has not ended: a loop that waits for what never comes?",
      s.steps());
  const auto& schedule = s.schedule();
  if (s.steps() > 0) {
    const sync::actor& who = s.at(schedule[s.steps() - 1]);
    out.actor = who.name;
    if (who.doing != nullptr) out.call = who.doing;
    if (who.site != nullptr) out.stack.push_back(reinterpret_cast<std::uint64_t>(who.site));
  }
  return out;
}

execution run_to_finding(program& what, sync::chooser& by) {
  execution out = execute(what, by);
  if (!out.found && (out.how == sync::ending::deadlock || out.how == sync::ending::step_limit)) {
    out.found = explain_ending(out.how);
  }
  return out;
}

}  // namespace belay::inline BELAY_BUILD::explore
