#include "cli/explorer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/process.hpp"
#include "guest/installation.hpp"

namespace belay::cli {

std::string explorer_program() {
  const std::string folder = guest::program_folder();
  for (const char* place : {"/belay-explore", "/../libexec/belay/belay-explore"}) {
    if (access((folder + place).c_str(), X_OK) == 0) return folder + place;
  }
  throw failure(
      machine_lacks,
      fmt::format("belay-explore is not beside belay in {}; install or build Belay again", folder));
}

void become_explorer(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {explorer_program()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  finish_output();
  become(command);
  throw failure(internal_error,
                fmt::format("{} cannot be started: {}", command[0], std::strerror(errno)));
}

}  // namespace belay::cli
