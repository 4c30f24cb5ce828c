#include "explore/report_text.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "explore/diagram.hpp"
#include "explore/source_text.hpp"
#include "guest/bug_checks.hpp"
#include "guest/symbols.hpp"

namespace belay::inline BELAY_BUILD::explore {
namespace {

// Colours, or nothing where there is no terminal.
class painter {
 public:
  explicit painter(bool on) : on_(on) {}
  std::string bold(const std::string& t) const { return wrap("1", t); }
  std::string dim(const std::string& t) const { return wrap("2", t); }
  std::string red(const std::string& t) const { return wrap("1;31", t); }
  std::string green(const std::string& t) const { return wrap("1;32", t); }
  std::string yellow(const std::string& t) const { return wrap("1;33", t); }
  std::string cyan(const std::string& t) const { return wrap("36", t); }
  std::string actor(std::size_t column, const std::string& t) const {
    static constexpr const char* hues[] = {"36", "33", "35", "32", "34", "31"};
    return wrap(hues[column % std::size(hues)], t);
  }

 private:
  std::string wrap(const char* code, const std::string& t) const {
    return on_ && !t.empty() ? fmt::format("\033[{}m{}\033[0m", code, t) : t;
  }
  bool on_;
};

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Exactly `width` columns: cut with an ellipsis or filled with blanks.
std::string fitted(const std::string& text, std::size_t width, bool fill = true) {
  const std::size_t have = columns_of(text);
  if (have <= width) return fill ? text + std::string(width - have, ' ') : text;
  std::string cut;
  std::size_t count = 0;
  for (const char c : text) {
    if ((c & 0xC0) != 0x80 && ++count >= width) break;
    cut += c;
  }
  return cut + "…";
}

std::string count_text(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string plural(std::uint64_t n, const char* what) {
  return fmt::format("{} {}{}", count_text(n), what, n == 1 ? "" : "s");
}

std::string rate_text(const search_result& s) {
  return s.seconds > 0
             ? count_text(static_cast<std::uint64_t>(static_cast<double>(s.executions) / s.seconds))
             : std::string("-");
}

// The innermost frame that the driver's author wrote.
const stack_frame* main_frame(const trace& example) {
  const stack_frame* first = nullptr;
  for (const stack_frame& frame : example.stack) {
    if (frame.where.file.empty()) continue;
    if (first == nullptr) first = &frame;
    if (!of_our_headers(frame.where)) return &frame;
  }
  return first;
}

std::string place(const source_location& where) {
  if (where.file.empty()) return "?";
  std::string text = fmt::format("{}:{}", short_path(where.file), where.line);
  if (where.column > 0) text += fmt::format(":{}", where.column);
  return text;
}

void add_header(const diagram& drawn, const painter& paint, std::string& out) {
  for (std::size_t c = 0; c < drawn.columns.size(); ++c) {
    out += "     ";
    for (std::size_t before = 0; before < c; ++before) out += paint.actor(before, "│ ");
    out += paint.actor(c, "╭─ " + drawn.columns[c].name) + "\n";
  }
}

void add_lanes(const diagram& drawn, std::size_t row, const painter& paint, std::string& out) {
  const diagram_row& it = drawn.rows[row];
  for (std::size_t c = 0; c < drawn.columns.size(); ++c) {
    const bool here = it.column == static_cast<int>(c);
    const char* mark = drawn.ends[c] < row ? " " : "│";
    if (here) mark = it.last ? "✗" : "●";
    out += here && it.last ? paint.red("✗ ") : paint.actor(c, std::string(mark) + " ");
  }
}

std::string diagram_text(const trace& example, const painter& paint, int width) {
  const diagram drawn = draw(example, 38);
  source_text sources;
  const std::size_t lanes = 5 + drawn.columns.size() * 2;
  std::size_t widest = 12;
  std::size_t location = 4;
  for (const diagram_row& row : drawn.rows) {
    widest = std::max(widest, columns_of(row.label));
    const source_location& where = example.events[row.event].where;
    location = std::max(
        location, drawn.one_file ? std::to_string(where.line).size() : file_and_line(where).size());
  }
  const std::size_t label = std::min<std::size_t>(widest, 44);
  const auto room = static_cast<std::size_t>(std::max(width, 80));
  const std::size_t used = lanes + label + 2 + location + 2;
  const std::size_t code = used + 16 < room ? room - used : 16;

  std::string out;
  add_header(drawn, paint, out);
  std::string before;
  for (std::size_t i = 0; i < drawn.rows.size(); ++i) {
    const diagram_row& row = drawn.rows[i];
    const event& e = example.events[row.event];
    if (row.hidden >= 8) {
      out += "   ";
      out += paint.dim("⋮ ");
      for (std::size_t c = 0; c < drawn.columns.size(); ++c) {
        out += paint.actor(c, drawn.begins[c] < i && drawn.ends[c] >= i ? "┊ "
                              : drawn.ends[c] < i                       ? "  "
                                                                        : "│ ");
      }
      out += paint.dim(plural(row.hidden, "step")) + "\n";
    }
    out += row.preempts ? paint.yellow(" ⚡  ") : "     ";
    add_lanes(drawn, i, paint, out);
    std::string text = fitted(row.label, label);
    if (e.kind == event_kind::irp_state) text = paint.cyan(text);
    if (row.last) text = paint.red(text);
    out += text;
    std::string at = drawn.one_file ? (e.where.line > 0 ? std::to_string(e.where.line) : "")
                                    : file_and_line(e.where);
    std::string line = fitted(trimmed(sources.line(e.where.file, e.where.line)), code, false);
    if (at + line == before)
      at = line = "";
    else
      before = at + line;
    if (!at.empty()) {
      at = drawn.one_file ? std::string(location - at.size(), ' ') + at : fitted(at, location);
      out += "  " + paint.dim(at) + "  " + line;
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += "\n";
  }
  if (drawn.one_file && !drawn.file.empty()) {
    out += paint.dim(fmt::format("     lines of {}\n", short_path(drawn.file)));
  }
  return out;
}

std::string explored_text(const search_result& s) {
  std::string how;
  if (s.exhaustive) {
    how = "every interleaving";
  } else if (s.complete_bound >= 0) {
    how = fmt::format("every interleaving with at most {}",
                      plural(static_cast<std::uint64_t>(s.complete_bound), "preemption"));
  }
  std::uint64_t randomized = 0;
  for (const phase& p : s.phases) {
    if (p.name.find("random") != std::string::npos || p.name.find("PCT") != std::string::npos ||
        p.name.find("pct") != std::string::npos) {
      randomized += p.executions;
    }
  }
  if (randomized != 0) {
    how += fmt::format("{}{} randomized ones", how.empty() ? "" : ", and ", count_text(randomized));
  }
  if (how.empty()) how = "nothing to its end";
  return fmt::format("{}; {} in {:.1f} s, {} a second", how, plural(s.executions, "execution"),
                     s.seconds, rate_text(s));
}

}  // namespace

const char* name_of(verdict what) {
  switch (what) {
    case verdict::holds:
      return "holds";
    case verdict::violation:
      return "violation";
    case verdict::inconclusive:
      return "inconclusive";
    case verdict::nondeterministic:
      return "nondeterministic";
  }
  return "?";
}

std::string describe(const scenario& what) {
  std::vector<std::string> kinds;
  bool cancelled = false;
  for (const request_plan& each : what.plan) {
    std::string kind;
    switch (each.op) {
      case operation::read:
        kind = "read";
        break;
      case operation::write:
        kind = "write";
        break;
      case operation::control:
        kind = fmt::format("control {:#x}", each.code);
        break;
    }
    if (each.client != 0) kind += fmt::format(" (client {} only)", each.client);
    cancelled |= each.cancel == cancel_when::any;
    kinds.push_back(fmt::format("{} {}", what.requests, kind));
  }
  if (!what.client.empty()) {
    return fmt::format("with the program {}", std::filesystem::path(what.client).stem().string());
  }
  if (kinds.empty()) return "loaded and unloaded, without a client";
  return fmt::format("{}{}, each {}{}", plural(static_cast<std::uint64_t>(what.clients), "client"),
                     what.shared_handle ? " on one handle" : "", fmt::join(kinds, " + "),
                     cancelled ? ", cancelled at any point or never" : "");
}

std::string other_drivers(const scenario& what, const char* before_each) {
  std::string out;
  for (const std::string& path : what.with_drivers)
    out += before_each + std::filesystem::path(path).stem().string();
  return out;
}

std::string all_events(const trace& example) {
  std::string out;
  for (const event& e : example.events) {
    std::string name = "clock";
    for (const actor_info& actor : example.actors) {
      if (actor.id == e.actor) name = actor.name;
    }
    if (e.kind == event_kind::clock) name = "clock";
    out += fmt::format("{:>6} {} {} irql {} {} {}\n", e.step, e.preempted ? "!" : " ",
                       fitted(name, 22), e.irql, fitted(label_of(e), 44), file_and_line(e.where));
  }
  return out;
}

source_location place_of(const trace& example) {
  const stack_frame* const at = main_frame(example);
  if (example.of && !example.of->where.file.empty() && (at == nullptr || of_our_headers(at->where)))
    return example.of->where;
  return at != nullptr ? at->where : source_location{};
}

std::string finding_text(const trace& example, const report_context& context) {
  const painter paint(context.colors);
  const finding& f = example.found;
  const stack_frame* at = main_frame(example);
  const source_location where = place_of(example);
  std::string out = fmt::format(
      "{} {} {}\n", paint.bold((where.file.empty() ? context.source : place(where)) + ":"),
      paint.red("error:"), paint.bold(f.clause + ": " + f.text));
  if (const guest::clause* c =
          context.clauses != nullptr ? guest::find_clause(*context.clauses, f.clause) : nullptr) {
    out += fmt::format("  {}: {}\n", f.clause, c->title);
  }
  std::string who = f.actor.empty() ? "" : fmt::format("on {}", f.actor);
  if (!example.in_driver.empty()) {
    who += fmt::format("{}in driver {}", who.empty() ? "" : ", ", example.in_driver);
  }
  if (!f.call.empty() && f.call.compare(0, 4, "irp:") != 0) {
    who += fmt::format("{}last call {}", who.empty() ? "" : ", ", f.call);
  }
  if (!who.empty()) out += fmt::format("  {}\n", who);
  if (example.of) out += fmt::format("  {}\n", describe(*example.of));
  for (const stack_frame& frame : example.stack) {
    if (&frame == at || frame.where.file.empty() || of_our_headers(frame.where)) continue;
    out += fmt::format("{}: {} in {}\n", place(frame.where), paint.cyan("note:"),
                       frame.where.function.empty() ? "?" : frame.where.function);
  }
  const std::string bug_check = guest::bug_check_text(f.bug_check, f.parameter);
  if (!bug_check.empty()) out += fmt::format("  on Windows: {}\n", paint.bold(bug_check));
  if (!f.rule.empty()) out += fmt::format("  known to Windows' tools as {}\n", f.rule);
  return out;
}

std::string text_of_trace(const trace& example, const report_context& context) {
  return finding_text(example, context) + "\n" +
         diagram_text(with_finding(example, place_of(example)), painter(context.colors),
                      context.width) +
         "\n";
}

std::string next_commands(const trace& example, const report_context& context) {
  std::string out;
  if (!context.html_file.empty()) out += fmt::format("  page:    {}\n", context.html_file);
  if (!context.trace_file.empty())
    out += fmt::format("  replay:  belay replay {}\n", context.trace_file);
  return out + fmt::format("  explain: belay explain {}\n", example.found.clause);
}

std::string text_report(const check_result& result, const report_context& context) {
  const painter paint(context.colors);
  const search_result& s = result.search;
  const std::string scenario_line =
      fmt::format("  {}, device {}{}\n", describe(result.what), result.what.device,
                  other_drivers(result.what, ", with driver "));
  std::string out;
  switch (s.what) {
    case verdict::holds:
      out = fmt::format("{}: {}: {}\n", context.source,
                        paint.green(s.exhaustive ? "holds, exhaustively" : "holds"),
                        explored_text(s));
      return out + scenario_line;
    case verdict::inconclusive:
    case verdict::nondeterministic:
      out = fmt::format("{}: {}: {}\n  explored: {}\n", context.source,
                        paint.yellow(name_of(s.what)), s.why, explored_text(s));
      return out + scenario_line;
    case verdict::violation:
      break;
  }
  if (result.example) out = text_of_trace(*result.example, context);
  out += fmt::format("found by {} in execution {}, after {:.3f} s; {}{}\n", s.found_by,
                     count_text(s.found_at), s.found_after,
                     plural(static_cast<std::uint64_t>(s.preemptions), "preemption"),
                     s.minimal ? ", and none with fewer fails" : "");
  out += scenario_line;
  if (!result.printed.empty())
    out += fmt::format("the driver printed:\n{}\n", trimmed(result.printed));
  if (result.example) out += next_commands(*result.example, context);
  return out;
}

std::string brief_heading() {
  return fmt::format("{:<36} {:<16} {:<15} {:>12} {:>12} {:>4}\n", "driver", "verdict", "clause",
                     "executions", "exec/s", "pre");
}

std::string brief_line(const check_result& result, const std::string& name) {
  const search_result& s = result.search;
  const bool bad = s.what == verdict::violation;
  const std::string bound = s.exhaustive            ? "all"
                            : s.complete_bound >= 0 ? fmt::format("≤{}", s.complete_bound)
                                                    : "-";
  return fmt::format(
      "{:<36} {:<16} {:<15} {:>12} {:>12} {}\n", name, name_of(s.what),
      s.found ? s.found->clause : "-", count_text(s.executions), rate_text(s),
      bad ? fmt::format("{:>4}", s.preemptions)
          : std::string(4 - std::min<std::size_t>(4, columns_of(bound)), ' ') + bound);
}

}  // namespace belay::inline BELAY_BUILD::explore
