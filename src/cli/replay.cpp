// belay replay: hands over to belay-explore.
#include "cli/explorer.hpp"
#include "cli/verbs.hpp"

namespace belay::cli {

int replay(int count, char** arguments) {
  std::vector<std::string> command = {"replay"};
  command.insert(command.end(), arguments, arguments + count);
  become_explorer(command);
}

}  // namespace belay::cli
