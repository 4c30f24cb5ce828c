// Allocations that fail on purpose: each call stack that allocates fails once.
//
// Thread safety: any thread may allocate meanwhile; begin() is called while there is one.
#pragma once

#include <cstddef>

namespace belay::inline BELAY_BUILD::host {

/// From here on, an allocation of Belay or of a driver fails if none with its call stack has failed
/// before. Who tries again succeeds, as long as it does so from the same place.
void fail_allocations();

/// Whether fail_allocations() was called.
bool allocations_fail();

/// How many have failed.
std::size_t failed_allocations();

}  // namespace belay::inline BELAY_BUILD::host
