// Whose thread it is that FUSE names.
#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::host {

/// FUSE says which thread asks; a driver wants the process, and so do people.
///
/// `likely`: a process that it may be one of, so that nothing has to be read; 0: none known.
/// Returns: the process; `thread` itself when it is gone, or in a namespace that is not ours.
int process_of(int thread, int likely);

}  // namespace belay::inline BELAY_BUILD::host
