// The options of `belay check`, for the front that reads them first and the program that explores.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explore/check.hpp"

namespace CLI {
class App;
}

namespace belay::cli {

struct check_arguments {
  std::vector<std::string> drivers;       ///< sources of one driver, or one driver.so
  std::vector<std::string> with_drivers;  ///< loaded before it: each one source or one driver.so
  // Compiling.
  std::string compiler, keep;
  std::vector<std::string> defines, include_folders;
  // The scenario.
  std::string client, client_arguments;  ///< a program in place of the clients
  std::string scenario_file, device;
  int clients = 0, requests = 0, cpus = -1;
  std::vector<std::string> operations;
  std::vector<std::string> registry;  ///< .reg files
  // The search.
  std::string bound, strategy;
  double budget = 0;
  std::uint64_t executions = 0, seed = 0;
  // Results.
  std::string html, trace, json, expect, source;
  bool brief = false, no_files = false;
  bool callbacks = false;  ///< each by itself, in place of a scenario
  CLI::App* app = nullptr;

  void add_to(CLI::App& app);
  bool given(const std::string& option) const;
  /// The options, without the drivers and what concerns compiling, to be read again by another
  /// program.
  std::vector<std::string> repeated() const;
  /// Scenario and search. Throws failure, also for what `callbacks` excludes.
  explore::check_options options() const;
};

/// Reads the command line of a verb; prints help or the error as CLI11 words it. False: done, with
/// `code` as exit code.
bool parse(CLI::App& app, int count, char** arguments, int& code);

}  // namespace belay::cli
