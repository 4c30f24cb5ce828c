// A gate in front of allocate(), by which tests let allocations fail.
#pragma once

#include <cstddef>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// Whether an allocation may succeed. Runs on the allocating thread, under whatever lock that
/// holds, so it takes only locks of its own and calls nothing that allocates here.
using allocation_gate = bool (*)(std::size_t bytes, memory_use use);

/// Asks `gate` before each allocate() from here on; nullptr: nobody. allocate_vital() asks nobody.
/// Call it while there is one thread.
void set_allocation_gate(allocation_gate gate);

}  // namespace belay::inline BELAY_BUILD::sync
