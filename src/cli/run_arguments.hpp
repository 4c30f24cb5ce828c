// What `belay run` and the host behind it take.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace belay::cli {

struct run_arguments {
  std::vector<std::string> drivers;
  std::string folder;
  std::string client, client_arguments;  ///< a program to run in the same process
  std::string compiler;
  std::vector<std::string> defines, include_folders;
  std::vector<std::string> registry;  ///< .reg files
  bool no_verifier = false;
  bool fail_allocations = false;
  bool json = false;
  bool plain = false;
  unsigned patience = 10;

  void add_to(CLI::App& app);
  /// What `belay run` has read already and passed on. Throws failure.
  static run_arguments read_again(int count, char** arguments);
  /// The options as arguments again, without the drivers and what compiles them.
  std::vector<std::string> repeated() const;
};

}  // namespace belay::cli
