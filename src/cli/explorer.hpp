// Handing over to belay-explore, the program that loads drivers.
#pragma once

#include <string>
#include <vector>

namespace belay::cli {

/// Its path: beside this program, or in ../libexec/belay. Throws failure when it is not there.
std::string explorer_program();

/// Becomes it, with these arguments. Throws failure when that cannot be.
[[noreturn]] void become_explorer(const std::vector<std::string>& arguments);

}  // namespace belay::cli
