// Arguments, environment, current directory and name of the program.
//
// Thread safety: set_arguments belongs to the first thread; the rest is for any.
#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

struct crt_state;

/// Keeps the arguments, narrow and wide, and the command line that they make.
void set_arguments(int count, char** arguments);
void free_environment(crt_state& state);

}  // namespace belay::inline BELAY_BUILD::win32
