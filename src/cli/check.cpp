// belay check: compiles if needed, then lets belay-explore do the work.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/check_arguments.hpp"
#include "cli/compiler.hpp"
#include "cli/explorer.hpp"
#include "cli/failure.hpp"
#include "cli/verbs.hpp"

namespace belay::cli {
namespace {

compile_job job_for(const check_arguments& arguments, std::vector<std::string> sources) {
  compile_job job;
  job.sources = std::move(sources);
  for (const std::string& define : arguments.defines) job.options.push_back("-D" + define);
  for (const std::string& folder : arguments.include_folders) job.options.push_back("-I" + folder);
  job.with = find_compiler(arguments.compiler);
  return job;
}

// The driver.so to explore.
std::string prepare(const check_arguments& arguments) {
  const bool all_sources =
      std::all_of(arguments.drivers.begin(), arguments.drivers.end(), is_source);
  if (!all_sources) {
    if (arguments.drivers.size() > 1) {
      throw failure(wrong_use, "give the sources of one driver, or one driver.so");
    }
    return arguments.drivers.front();
  }
  compile_job job = job_for(arguments, arguments.drivers);
  if (arguments.keep.empty()) return compile_cached(std::move(job));
  job.output = arguments.keep;
  compile(job);
  return arguments.keep;
}

}  // namespace

int check(int count, char** arguments) {
  CLI::App app(
      "Explores the interleavings of a driver and says whether its cancel paths are right.",
      "belay check");
  check_arguments parsed;
  parsed.add_to(app);
  int code = verified;
  if (!parse(app, count, arguments, code)) return code;
  const explore::check_options wanted = parsed.options();  // say what is wrong before compiling
  std::vector<std::string> command = {"check", prepare(parsed)};
  if (!parsed.given("--source")) command.push_back("--source=" + parsed.drivers.front());
  if (const std::string& client = wanted.what.client; !client.empty()) {
    compile_job job = job_for(parsed, {client});
    job.client = true;
    command.push_back("--client=" + (is_source(client) ? compile_cached(std::move(job)) : client));
  }
  for (const std::string& each : wanted.what.with_drivers) {
    command.push_back("--with-driver=" +
                      (is_source(each) ? compile_cached(job_for(parsed, {each})) : each));
  }
  for (std::string& option : parsed.repeated()) command.push_back(std::move(option));
  become_explorer(command);
}

}  // namespace belay::cli
