// Starting other programs, without a shell.
#pragma once

#include <string>
#include <vector>

namespace belay::cli {

struct finished_process {
  int status = -1;     ///< exit code; 128 + signal; -1: could not be started
  std::string output;  ///< standard output, when captured
};

/// Runs `arguments[0]` (looked up in PATH) and waits. Standard error goes through.
finished_process run(const std::vector<std::string>& arguments, bool capture);

/// Becomes that program. Returns only when it could not be started.
void become(const std::vector<std::string>& arguments);

/// The first of `names` that is an executable in PATH, or a path to one; empty: none.
std::string find_program(const std::vector<std::string>& names);

}  // namespace belay::cli
