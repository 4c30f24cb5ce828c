// Where belay-host is.
#pragma once

#include <string>

namespace belay::cli {

/// Beside belay, or installed in ../libexec/belay. Throws failure when it was not built.
std::string host_program(const std::string& name = "belay-host");

}  // namespace belay::cli
