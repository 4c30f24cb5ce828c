#include "cli/check_arguments.hpp"

#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/registry_content.hpp"

namespace belay::cli {
namespace {

explore::request_plan plan_of(const std::string& operation) {
  explore::request_plan plan;
  const std::vector<std::uint8_t> pattern(64, 0x5a);
  if (operation == "read") {
    plan.op = explore::operation::read;
  } else if (operation == "write") {
    plan.op = explore::operation::write;
    plan.length = 0;
    plan.input = pattern;
  } else {
    char* end = nullptr;
    const auto code = std::strtoull(operation.c_str(), &end, 0);
    if (*end != 0 || end == operation.c_str() || code > UINT32_MAX) {
      throw failure(
          wrong_use,
          fmt::format("--op {}: should be read, write or a control code like 0x222003", operation));
    }
    plan.op = explore::operation::control;
    plan.code = static_cast<std::uint32_t>(code);
    plan.input = std::vector<std::uint8_t>(64, 0);
  }
  return plan;
}

int bound_of(const std::string& text) {
  if (text == "full") return explore::bounded_search::unbounded;
  char* end = nullptr;
  const long bound = std::strtol(text.c_str(), &end, 10);
  if (*end != 0 || text.empty() || bound < 0 || bound > 100) {
    throw failure(wrong_use,
                  fmt::format("--bound {}: should be a number of preemptions, or full", text));
  }
  return static_cast<int>(bound);
}

}  // namespace

bool check_arguments::given(const std::string& option) const { return app->count(option) != 0; }

void check_arguments::add_to(CLI::App& to) {
  app = &to;
  to.add_option("driver", drivers,
                "driver.c (one or several sources), or driver.so built by belay cc")
      ->required();
  to.add_option("--with-driver", with_drivers,
                "driver.c or driver.so to load before it, in the same exploration; repeatable")
      ->allow_extra_args(false);
  const char* const compiling = "Compiling";
  to.add_option("--cc", compiler, "gcc, clang, or a compiler's program")->group(compiling);
  to.add_option("--keep", keep, "write the compiled driver to this file")->group(compiling);
  to.add_option("-D", defines, "define a macro")->group(compiling)->allow_extra_args(false);
  to.add_option("-I", include_folders, "folder to search for headers")
      ->group(compiling)
      ->allow_extra_args(false);
  const char* const what = "Scenario";
  to.add_option("--scenario", scenario_file, "read the scenario from a TOML file")->group(what);
  to.add_option("--client", client,
                "program (one source, or a .so by belay cc --client) to run with the driver, in "
                "place of clients")
      ->group(what);
  to.add_option("--client-args", client_arguments, "its command line, in one argument")
      ->group(what);
  to.add_flag("--callbacks", callbacks,
              "explore each routine that the driver registered by itself, over a model of the "
              "drivers beneath")
      ->group(what);
  to.add_option("--device", device, "device to open, by name or link; default: the first")
      ->group(what);
  to.add_option("--clients", clients, "number of clients (2)")
      ->group(what)
      ->check(CLI::Range(1, 16));
  to.add_option("--requests", requests, "requests of each kind from each client (1)")
      ->group(what)
      ->check(CLI::Range(1, 16));
  to.add_option("--op", operations, "send only read, write or a control code; repeatable")
      ->group(what)
      ->allow_extra_args(false);
  to.add_option("--registry", registry,
                "what the driver finds in the registry: a file in Windows' .reg format; repeatable")
      ->group(what)
      ->allow_extra_args(false);
  to.add_option("--cpus", cpus, "number of processors; 0: one an actor")
      ->group(what)
      ->check(CLI::Range(0, 64));
  const char* const how = "Search";
  to.add_option("--bound", bound, "explore all with so many preemptions, or full (2)")->group(how);
  to.add_option("--executions", executions, "randomized executions beyond the bound (10000)")
      ->group(how);
  to.add_option("--budget", budget, "seconds at most (300)")
      ->group(how)
      ->check(CLI::PositiveNumber);
  to.add_option("--strategy", strategy, "only bounded, random or pct")
      ->group(how)
      ->check(CLI::IsMember({"bounded", "random", "pct"}));
  to.add_option("--seed", seed, "of the randomized executions (1)")->group(how);
  const char* const results = "Results";
  to.add_option("--html", html, "write the page with the diagram here")->group(results);
  to.add_option("--trace", trace, "write the trace for replay here")->group(results);
  to.add_option("--json", json, "write the result as JSON here")->group(results);
  to.add_option("--expect", expect, "exit 0 exactly if this .expect file's verdict came out")
      ->group(results);
  to.add_flag("--brief", brief, "one line")->group(results);
  to.add_flag("--no-files", no_files, "write no trace and no page unless told where")
      ->group(results);
  to.add_option("--source", source, "")->group("");  // what the user called it; from the front
}

std::vector<std::string> check_arguments::repeated() const {
  std::vector<std::string> result;
  for (const CLI::Option* option : app->get_options()) {
    const std::string name = option->get_name(false, true);
    if (option->count() == 0 || name.empty() || name[0] != '-' || name.starts_with("--cc") ||
        name.starts_with("--with-driver") || name == "--client" || name.starts_with("--keep") ||
        name.starts_with("-D") || name.starts_with("-I")) {
      continue;
    }
    const std::string first = option->get_name();
    if (option->get_type_size() == 0) {
      result.push_back(first);
      continue;
    }
    for (const std::string& value : option->results()) result.push_back(first + "=" + value);
  }
  return result;
}

explore::check_options check_arguments::options() const {
  explore::check_options to;
  to.driver = drivers.front();
  for (const char* other : {"--scenario", "--with-driver", "--client", "--client-args", "--device",
                            "--clients", "--requests", "--op", "--expect", "--brief"}) {
    if (callbacks && given(other)) {
      throw failure(wrong_use,
                    fmt::format("--callbacks calls each routine of the driver by itself: "
                                "{} has no meaning there",
                                other));
    }
  }
  if (!scenario_file.empty()) {
    auto loaded = explore::load_scenario(scenario_file);
    if (!loaded) throw failure(wrong_use, loaded.error());
    to.what = *loaded;
  }
  if (given("--with-driver")) to.what.with_drivers = with_drivers;
  if (given("--client")) to.what.client = client;
  if (given("--client-args")) to.what.client_arguments = client_arguments;
  if (given("--device")) to.what.device = device;
  if (given("--clients")) to.what.clients = clients;
  if (given("--requests")) to.what.requests = requests;
  if (given("--cpus")) to.what.cpus = cpus;
  if (given("--op")) {
    to.what.plan.clear();
    for (const std::string& operation : operations) to.what.plan.push_back(plan_of(operation));
  }
  for (guest::registry_change& each : registry_content(registry))
    to.what.registry.push_back(std::move(each));
  if (given("--bound")) to.search.bound = bound_of(bound);
  if (given("--executions")) to.search.randomized = executions;
  if (given("--budget")) to.search.most_seconds = budget;
  if (given("--seed")) to.search.seed = seed;
  to.search.only = strategy;
  return to;
}

bool parse(CLI::App& app, int count, char** arguments, int& code) {
  std::vector<std::string> words(arguments, arguments + count);
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
    return true;
  } catch (const CLI::Success& why) {
    std::ostringstream out;
    app.exit(why, out, out);
    print(out.str());
    code = verified;
  } catch (const CLI::ParseError& why) {
    const std::string name = app.get_name();
    throw failure(wrong_use, fmt::format("{}; `{} --help` shows the usage", why.what(), name));
  }
  return false;
}

}  // namespace belay::cli
