// Results for a terminal.
#pragma once

#include <string>
#include <vector>

#include "explore/check.hpp"
#include "guest/clauses.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// What a report says beside the result.
struct report_context {
  std::string source;      ///< what the user called the driver
  std::string trace_file;  ///< where the trace was written; empty: nowhere
  std::string html_file;   ///< and the page
  const std::vector<guest::clause>* clauses = nullptr;
  bool colors = false;
  int width = 110;  ///< columns
};

/// Verdict, and for a violation the finding, the diagram and the next commands.
std::string text_report(const check_result& result, const report_context& context);

/// The innermost place that the driver's author wrote; where there is none, that of the callback.
source_location place_of(const trace& example);

/// The finding, the stack and the bug check of one trace.
std::string finding_text(const trace& example, const report_context& context);
/// … and the diagram.
std::string text_of_trace(const trace& example, const report_context& context);

/// How to go on: the page, `belay replay`, `belay explain`.
std::string next_commands(const trace& example, const report_context& context);

/// `name  verdict  clause  executions  executions/s  preemptions`.
std::string brief_line(const check_result& result, const std::string& name);
std::string brief_heading();

/// Every event, one a line.
std::string all_events(const trace& example);

/// "2 clients x 1 read, 1 write".
std::string describe(const scenario& what);
/// The names of the drivers that were loaded before the one under test, each with this before it.
std::string other_drivers(const scenario& what, const char* before_each);
/// "holds", "violation", "inconclusive", "nondeterministic".
const char* name_of(verdict what);

}  // namespace belay::inline BELAY_BUILD::explore
