// What `belay check --callbacks` says: for a terminal, and as JSON.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "explore/callback_program.hpp"
#include "explore/report_text.hpp"
#include "explore/source_text.hpp"
#include "guest/symbols.hpp"
#include "guest/version.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

// The innermost frame that the driver's author wrote; the callback itself where it has returned.
const source_location& place_of(const callback_result& each) {
  const auto& stack = each.example->stack;
  const auto at = std::find_if(stack.begin(), stack.end(), [](const stack_frame& frame) {
    return !frame.where.file.empty() && !guest::of_our_headers(frame.where);
  });
  return at == stack.end() ? each.where : at->where;
}

const char* name_of(wdm::lower_answer answer) {
  switch (answer) {
    case wdm::lower_answer::success:
      return "success";
    case wdm::lower_answer::failure:
      return "failure";
    case wdm::lower_answer::pending:
      return "pending";
  }
  return "?";
}

std::string error_line(const callback_result& each, const std::string& driver) {
  const finding& f = each.example->found;
  const source_location& at = place_of(each);
  const std::string place =
      at.file.empty() ? driver : fmt::format("{}:{}", short_path(at.file), at.line);
  return fmt::format("{}: error: {}{}: {}\n", place, f.clause,
                     f.rule.empty() ? "" : fmt::format(" ({})", f.rule), f.text);
}

std::string table(const callbacks_result& result) {
  std::size_t callback = 8, routine = 7;
  for (const callback_result& each : result.all) {
    callback = std::max(callback, each.of.name().size());
    routine = std::max(routine, each.routine.size());
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
                                   each.routine, routine, name_of(each.what), rule);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace

std::string callbacks_text(const callbacks_result& result, const std::string& driver) {
  std::string out;
  for (const callback_result& each : result.all) {
    if (each.example)
      out += error_line(each, driver);
    else if (!each.why.empty())
      out += fmt::format("{}: {}: {}: {}\n", driver, each.of.name(), name_of(each.what), each.why);
  }
  if (!out.empty()) out += "\n";
  return out + table(result);
}

std::string callbacks_json(const callbacks_result& result, const std::string& driver) {
  using json = nlohmann::ordered_json;
  json all = json::array();
  for (const callback_result& each : result.all) {
    json one = {{"callback", each.of.name()},
                {"routine", each.routine},
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
      one["file"] = place_of(each).file;
      one["line"] = place_of(each).line;
    }
    all.push_back(std::move(one));
  }
  const json whole = {
      {"belay_version", guest::version}, {"driver", driver}, {"callbacks", std::move(all)}};
  return whole.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace belay::inline BELAY_BUILD::explore
