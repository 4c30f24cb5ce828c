// belay-explore: loads a driver and explores it. `belay` starts it; it exports the Windows names
// and the __tsan_* functions that drivers call.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include "cli/check_arguments.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "explore/expectation.hpp"
#include "explore/report_callbacks.hpp"
#include "explore/report_html.hpp"
#include "explore/report_json.hpp"
#include "explore/report_text.hpp"

namespace belay::cli {
namespace {

namespace fs = std::filesystem;

int terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
    return std::clamp<int>(size.ws_col, 80, 160);
  }
  return 110;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  if (from.empty() || from == to) return text;
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// A driver that spins or recurses for ever ends the exploration itself: what else is wrong with it
// cannot be seen, so the verdict on the scenario is open.
bool never_ends(const explore::search_result& what) {
  return what.what == explore::verdict::violation && what.found &&
         (what.found->clause == "WDM-IRP-015" || what.found->clause == "WDM-IRP-016");
}

int exit_code_of(const explore::search_result& result) {
  if (never_ends(result)) return inconclusive;
  switch (result.what) {
    case explore::verdict::holds:
      return verified;
    case explore::verdict::violation:
      return violated;
    case explore::verdict::inconclusive:
      return inconclusive;
    case explore::verdict::nondeterministic:
      return internal_error;
  }
  return internal_error;
}

explore::report_context context_for(const std::string& source,
                                    const std::vector<guest::clause>& clauses) {
  explore::report_context context;
  context.source = source;
  context.clauses = &clauses;
  context.colors = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  context.width = terminal_width();
  return context;
}

// Without being told where, a violation's files go to belay-out/.
void choose_files(check_arguments& arguments, const std::string& stem) {
  if (arguments.no_files || arguments.brief) return;
  const fs::path folder = "belay-out";
  std::error_code error;
  if (arguments.trace.empty() || arguments.html.empty()) fs::create_directories(folder, error);
  if (error) {
    throw failure(wrong_use,
                  fmt::format("{} cannot be made: {}; use --trace and --html, or --no-files",
                              folder.string(), error.message()));
  }
  if (arguments.trace.empty()) arguments.trace = (folder / (stem + ".json")).string();
  if (arguments.html.empty()) arguments.html = (folder / (stem + ".html")).string();
}

// The worst of the verdicts: a violation, then what came to no end.
int exit_code_of(const explore::callbacks_result& result) {
  int code = verified;
  for (const explore::callback_result& each : result.all) {
    if (each.what == explore::verdict::violation) return violated;
    if (each.what == explore::verdict::inconclusive) code = std::max<int>(code, inconclusive);
    if (each.what == explore::verdict::nondeterministic) code = internal_error;
  }
  return code;
}

// The trace and the page, where the context says. `result` may be nullptr.
void write_files(const explore::trace& example, const explore::check_result* result,
                 const explore::report_context& context) {
  if (!context.trace_file.empty()) write_file(context.trace_file, explore::to_json(example));
  if (!context.html_file.empty())
    write_file(context.html_file, explore::html_report(example, result, context));
}

// Each finding has files of its own, with the callback's name before the ending.
std::string file_of(const std::string& file, const explore::callback& of) {
  if (file.empty() || file == "-") return file;
  const fs::path path = file;
  std::string name = of.name();
  std::replace(name.begin(), name.end(), ' ', '_');
  return (path.parent_path() /
          fmt::format("{}.{}{}", path.stem().string(), name, path.extension().string()))
      .string();
}

int check_callbacks(check_arguments& arguments, const explore::check_options& options,
                    const std::string& source) {
  auto result = explore::check_callbacks(options);
  if (!result) {
    throw failure(result.error().exit_code,
                  replaced(result.error().message, options.driver, source));
  }
  const auto clauses = guest::load_clauses().value_or(std::vector<guest::clause>{});
  explore::report_context context = context_for(source, clauses);
  for (explore::callback_result& each : result->all) {
    if (!each.example) continue;
    choose_files(arguments, fs::path(source).stem().string());
    context.trace_file = each.trace_file = file_of(arguments.trace, each.of);
    context.html_file = each.html_file = file_of(arguments.html, each.of);
    write_files(*each.example, nullptr, context);
  }
  if (!arguments.json.empty()) write_file(arguments.json, explore::callbacks_json(*result, source));
  print(explore::callbacks_text(*result, context));
  return exit_code_of(*result);
}

int check_body(int count, char** words) {
  CLI::App app("Explores a driver.", "belay check");
  check_arguments arguments;
  arguments.add_to(app);
  int code = verified;
  if (!parse(app, count, words, code)) return code;
  const std::string source =
      arguments.source.empty() ? arguments.drivers.front() : arguments.source;
  explore::check_options options = arguments.options();
  const std::string& program = options.what.client;
  const std::string stem = fs::path(program.empty() ? source : program).stem().string();

  std::optional<explore::expectation> expected;
  if (!arguments.expect.empty()) {
    auto loaded = explore::load_expectation(arguments.expect);
    if (!loaded) throw failure(wrong_use, loaded.error());
    expected = *loaded;
  }
  options.driver = fs::absolute(options.driver).string();
  if (!options.what.client.empty())
    options.what.client = fs::absolute(options.what.client).string();
  for (std::string& each : options.what.with_drivers) each = fs::absolute(each).string();
  if (arguments.callbacks) return check_callbacks(arguments, options, source);
  const auto result = explore::check_driver(options);
  if (!result) {
    throw failure(result.error().exit_code,
                  replaced(result.error().message, options.driver, source));
  }
  const auto clauses = guest::load_clauses().value_or(std::vector<guest::clause>{});
  explore::report_context context = context_for(source, clauses);
  if (result->example) {
    choose_files(arguments, stem);
    context.trace_file = arguments.trace;
    context.html_file = arguments.html;
    write_files(*result->example, &*result, context);
  }
  if (!arguments.json.empty()) write_file(arguments.json, explore::result_to_json(*result, source));
  print(arguments.brief ? explore::brief_line(*result, stem)
                        : explore::text_report(*result, context));
  if (!expected && never_ends(result->search)) {
    std::fputs(
        "belay: the driver never comes to an end there, so the rest was not explored; mend that "
        "first\n",
        stderr);
  }
  if (!expected) return exit_code_of(result->search);
  const std::string difference = explore::differs(*expected, *result);
  if (difference.empty()) return verified;
  finish_output();
  fmt::print(stderr, "belay: {}: {}\n", source, difference);
  return std::max<int>(violated, exit_code_of(result->search));
}

int replay_body(int count, char** words) {
  CLI::App app("Runs the one interleaving of a counter-example again.", "belay replay");
  std::string file, driver, html;
  int times = 1;
  bool events = false;
  app.add_option("trace", file, "trace that belay check wrote")->required();
  app.add_option("--driver", driver, "driver.so; default: the one that the trace names");
  app.add_option("--times", times, "run it so often and compare (1)")
      ->check(CLI::Range(1, 100'000'000));
  app.add_option("--html", html, "write the page with the diagram here");
  app.add_flag("--events", events, "print all events");
  int code = verified;
  if (!parse(app, count, words, code)) return code;

  const auto from = explore::trace_from_json(read_file(file));
  if (!from) throw failure(wrong_use, fmt::format("{}: {}", file, from.error()));
  if (driver.empty()) driver = from->driver;
  std::vector<std::string> needed = {driver};
  for (const auto& each : from->with_drivers) needed.push_back(each.driver);
  for (const std::string& each : needed) {
    if (std::error_code ignored; fs::exists(each, ignored)) continue;
    throw failure(wrong_use, fmt::format("{}: its driver {} is gone; run `belay check` again{}",
                                         file, each, each == driver ? ", or give --driver" : ""));
  }
  const std::string whole = fs::absolute(driver).string();
  const auto result = explore::replay_trace(*from, whole, times);
  if (!result) {
    throw failure(result.error().exit_code, replaced(result.error().message, whole, driver));
  }
  const auto clauses = guest::load_clauses().value_or(std::vector<guest::clause>{});
  explore::report_context context = context_for(driver, clauses);
  context.trace_file = file;
  context.html_file = html;
  if (events) print(explore::all_events(result->now));
  print(explore::text_of_trace(result->now, context));
  if (!html.empty()) write_file(html, explore::html_report(result->now, nullptr, context));
  if (!result->same) throw failure(internal_error, fmt::format("{}: {}", file, result->difference));
  print(fmt::format("replayed {} time{}: the same finding after the same {} events\n", times,
                    times == 1 ? "" : "s", result->now.events.size()));
  return violated;
}

int body(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  if (verb == "check") return check_body(count - 2, words + 2);
  if (verb == "replay") return replay_body(count - 2, words + 2);
  throw failure(wrong_use,
                "belay-explore is a part of belay; use `belay check` and `belay replay`");
}

}  // namespace
}  // namespace belay::cli

int main(int count, char** words) { return belay::cli::guarded(&belay::cli::body, count, words); }
