// The stack of the actor that runs.
//
// Thread safety: everything, from any actor.
#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// The address just above the current actor's stack, which grows down from there. Returns: nullptr
/// where the system does not say.
void* stack_base();

/// Native only: from here on each thread gets a small stack for signals when it becomes an actor,
/// unless it has one, so that a handler with SA_ONSTACK can tell of a stack that ran out.
///
/// Callers: once, before there are threads.
void keep_signal_stacks();

}  // namespace belay::inline BELAY_BUILD::sync
