// belay replay: hands over to belay-explore, under a debugger if asked.
#include <cstring>

#include "cli/explorer.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/process.hpp"
#include "cli/verbs.hpp"

namespace belay::cli {

int replay(int count, char** arguments) {
  std::vector<std::string> rest = {"replay"};
  bool debug = false;
  for (int i = 0; i < count; ++i) {
    if (std::strcmp(arguments[i], "--debug") == 0)
      debug = true;
    else
      rest.emplace_back(arguments[i]);
  }
  if (!debug) become_explorer(rest);
  // The explorer uses these signals itself.
  std::vector<std::string> command = {
      "gdb",    "-q",
      "-ex",    "handle SIGSEGV SIGVTALRM SIGPROF nostop noprint pass",
      "-ex",    "set breakpoint pending on",
      "--args", explorer_program()};
  command.insert(command.end(), rest.begin(), rest.end());
  if (find_program({"gdb"}).empty())
    throw failure(machine_lacks, "--debug needs gdb: apt install gdb");
  become(command);
  throw failure(internal_error, "gdb cannot be started");
}

}  // namespace belay::cli
