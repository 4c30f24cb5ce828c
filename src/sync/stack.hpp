// The stack of the actor that runs.
//
// Thread safety: everything, from any actor.
#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// The address just above the current actor's stack, which grows down from there. Returns: nullptr
/// where the system does not say.
void* stack_base();

}  // namespace belay::inline BELAY_BUILD::sync
