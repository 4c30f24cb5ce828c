#include "cli/run_arguments.hpp"

#include <CLI/CLI.hpp>

#include "cli/failure.hpp"

namespace belay::cli {

void run_arguments::add_to(CLI::App& app) {
  app.add_option("driver", drivers, "driver.so files, or sources (one driver a source)")
      ->required();
  app.add_option("--mount", folder, "folder for the device files (/run/belay/NAME)");
  app.add_option("--client", client,
                 "Windows program (a source, or a .so by belay cc --client) to run in one process "
                 "with the drivers, without device files");
  app.add_option("--client-args", client_arguments, "its command line, in one argument");
  app.add_option("--cc", compiler, "compiler for sources: gcc, clang or a program");
  app.add_option("-D", defines, "macro for sources");
  app.add_option("-I", include_folders, "include folder for sources");
  app.add_option(
         "--registry", registry,
         "what the drivers find in the registry: a file in Windows' .reg format; repeatable")
      ->allow_extra_args(false);
  app.add_flag("--no-verifier", no_verifier, "only what Windows stops at without Driver Verifier");
  app.add_flag("--fail-allocations", fail_allocations,
               "each allocation fails once for each call stack that it comes from");
  app.add_option("--patience", patience,
                 "seconds that a driver gets at the end for requests that were cancelled (10)")
      ->check(CLI::Range(0u, 86400u));
  app.add_flag("--json", json,
               "one JSON object a line on standard output; reads \"cancel NUMBER\"");
  app.add_flag("--plain", plain, "no live view, even on a terminal");
}

run_arguments run_arguments::read_again(int count, char** arguments) {
  CLI::App app("Started by `belay run`.");
  run_arguments out;
  out.add_to(app);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    throw failure(wrong_use, error.what());
  }
  return out;
}

std::vector<std::string> run_arguments::repeated() const {
  std::vector<std::string> out;
  if (!client_arguments.empty()) out.push_back("--client-args=" + client_arguments);
  for (const std::string& each : registry) out.push_back("--registry=" + each);
  if (!folder.empty()) out.push_back("--mount=" + folder);
  if (fail_allocations) out.push_back("--fail-allocations");
  if (no_verifier) out.push_back("--no-verifier");
  out.push_back("--patience=" + std::to_string(patience));
  if (json) out.push_back("--json");
  if (plain) out.push_back("--plain");
  return out;
}

}  // namespace belay::cli
