// Memory: zeroed blocks behind a header of 32 bytes that knows their size.
#pragma once

#include <cstddef>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// Gives 16-byte aligned memory that starts zeroed; nullptr when there is none.
void* allocate(std::size_t bytes, memory_use use);

/// Fills the block with 0xdd and gives it back. Ends the process when `block` was not allocated or
/// already given back. nullptr is ignored.
void deallocate(void* block);

/// What was asked for.
std::size_t size_of(const void* block);

/// Under AddressSanitizer, a freed range or a red zone may no longer be touched and an addressable
/// one may again. A completed packet stays readable: our own code looks at it.
void poison(const void* at, std::size_t bytes, memory_state state);

/// Whether every byte of the range can be read now, and written where `write` is true. Asks the
/// system and changes nothing; what another thread unmaps a moment later is not known.
bool is_accessible(const volatile void* at, std::size_t bytes, bool write);

inline void touch(const void*, std::size_t, access_kind) {}

}  // namespace belay::inline BELAY_BUILD::sync
