// Where Belay's own files are: beside the program when installed, in the source tree when built
// there.
#pragma once

#include <string>
#include <string_view>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::guest {

/// The folder of the running program.
std::string program_folder();

/// The path of `relative` ("contracts", "include/windows") in ../share/belay seen from the program,
/// or else in the source tree; empty when it is in neither.
std::string installed(std::string_view relative);

}  // namespace belay::inline BELAY_BUILD::guest
