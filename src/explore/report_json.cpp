#include "explore/report_json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "explore/report_text.hpp"
#include "guest/version.hpp"

namespace belay::inline BELAY_BUILD::explore {

std::string result_to_json(const check_result& result, const std::string& driver) {
  using json = nlohmann::ordered_json;
  const search_result& s = result.search;
  json phases = json::array();
  for (const phase& p : s.phases) {
    phases.push_back({{"name", p.name},
                      {"executions", p.executions},
                      {"seconds", p.seconds},
                      {"complete", p.complete}});
  }
  json whole = {
      {"belay_version", guest::version},
      {"driver", driver},
      {"with_drivers", result.what.with_drivers},
      {"verdict", name_of(s.what)},
      {"why", s.why},
      {"scenario", describe(result.what)},
      {"device", result.what.device},
      {"executions", s.executions},
      {"steps", s.steps},
      {"seconds", s.seconds},
      {"executions_per_second", s.seconds > 0 ? static_cast<double>(s.executions) / s.seconds : 0},
      {"exhaustive", s.exhaustive},
      {"complete_bound", s.complete_bound},
      {"longest_execution", s.longest},
      {"shared_granules", result.shared_granules},
      {"peak_memory", result.peak_memory},
      {"phases", phases}};
  if (s.found) {
    const finding& f = *s.found;
    json violation = {{"clause", f.clause},
                      {"rule", f.rule},
                      {"text", f.text},
                      {"bug_check", fmt::format("{:#x}", f.bug_check)},
                      {"actor", f.actor},
                      {"call", f.call},
                      {"found_by", s.found_by},
                      {"found_at", s.found_at},
                      {"found_after", s.found_after},
                      {"preemptions", s.preemptions},
                      {"minimal", s.minimal}};
    if (result.example) {
      violation["in_driver"] = result.example->in_driver;
      json stack = json::array();
      for (const stack_frame& frame : result.example->stack) {
        stack.push_back({{"file", frame.where.file},
                         {"line", frame.where.line},
                         {"column", frame.where.column},
                         {"function", frame.where.function}});
      }
      violation["stack"] = stack;
    }
    whole["violation"] = violation;
  }
  return whole.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace belay::inline BELAY_BUILD::explore
