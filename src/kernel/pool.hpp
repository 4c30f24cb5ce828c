// Pool, for the exports that allocate on a driver's behalf.
#pragma once

#include "kernel/executive.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// A block that a driver frees. Not `zeroed`: filled with a fixed pattern. Returns nullptr when
/// there is no memory.
void* allocate_pool(std::size_t bytes, std::uint32_t tag, bool zeroed, const void* site);
/// Frees a block. `tag` 0: any. Contract: WDM-IRP-012, WDM-IRP-019
void free_pool_block(void* block, std::uint32_t tag, const char* what, const void* site);

}  // namespace belay::inline BELAY_BUILD::kernel
