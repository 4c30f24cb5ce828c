#include "explore/report_callbacks.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "guest/version.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

std::string table(const callbacks_result& result) {
  std::size_t callback = 8, routine = 7;
  for (const callback_result& each : result.all) {
    callback = std::max(callback, each.of.name().size());
    routine = std::max(routine, each.of.routine.size());
  }
  std::string out = fmt::format("{:<{}}  {:<{}}  {:<16}  rule\n", "callback", callback, "routine",
                                routine, "verdict");
  for (const callback_result& each : result.all) {
    std::string rule;
    if (each.example) {
      const finding& f = each.example->found;
      rule = f.rule.empty() ? f.clause : f.rule;
      if (each.of.lower != wdm::lower_answer::success)
        rule += fmt::format(" (lower driver: {})", name_of(each.of.lower));
    }
    std::string line = fmt::format("{:<{}}  {:<{}}  {:<16}  {}", each.of.name(), callback,
                                   each.of.routine, routine, name_of(each.what), rule);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace

std::string callbacks_text(const callbacks_result& result, const report_context& context) {
  std::string out;
  for (const callback_result& each : result.all) {
    if (each.example) {
      report_context own = context;
      own.trace_file = each.trace_file;
      own.html_file = each.html_file;
      out += finding_text(*each.example, own) + next_commands(*each.example, own) + "\n";
    } else if (!each.why.empty()) {
      out += fmt::format("{}: {}: {}: {}\n", context.source, each.of.name(), name_of(each.what),
                         each.why);
    }
  }
  if (!out.empty() && !out.ends_with("\n\n")) out += "\n";
  return out + table(result);
}

std::string callbacks_json(const callbacks_result& result, const std::string& driver) {
  using json = nlohmann::ordered_json;
  json all = json::array();
  for (const callback_result& each : result.all) {
    json one = {{"callback", each.of.name()},
                {"routine", each.of.routine},
                {"verdict", name_of(each.what)},
                {"executions", each.executions}};
    if (!each.why.empty()) one["why"] = each.why;
    if (each.what != verdict::holds) one["lower_driver"] = name_of(each.of.lower);
    if (each.example) {
      const finding& f = each.example->found;
      one["clause"] = f.clause;
      one["rule"] = f.rule;
      one["text"] = f.text;
      one["bug_check"] = fmt::format("{:#x}", f.bug_check);
      const source_location at = place_of(*each.example);
      one["file"] = at.file;
      one["line"] = at.line;
    }
    all.push_back(std::move(one));
  }
  const json whole = {
      {"belay_version", guest::version}, {"driver", driver}, {"callbacks", std::move(all)}};
  return whole.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace belay::inline BELAY_BUILD::explore
