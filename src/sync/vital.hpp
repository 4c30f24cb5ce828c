// Memory for what cannot fail: where Windows has the memory in the object itself, or takes it from
// a reserve. docs/LIMITS.md, "Allocations that fail", names each use.
#pragma once

#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// Like allocate(), but no gate is asked. nullptr only when the process has no memory left.
#if defined(BELAY_EXPLORED)
inline void* allocate_vital(std::size_t bytes, memory_use use) { return allocate(bytes, use); }
#else
void* allocate_vital(std::size_t bytes, memory_use use);
#endif

}  // namespace belay::inline BELAY_BUILD::sync
