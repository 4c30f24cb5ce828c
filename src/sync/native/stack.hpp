// Stacks for signals.
//
// Thread safety: each thread for itself.
#pragma once

#include <cstddef>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::sync::native {

constexpr std::size_t signal_stack_bytes = 128 << 10;  // touched only where a signal comes

/// Gives the calling thread its stack for signals, if keep_signal_stacks() was called.
void give_signal_stack();

}  // namespace belay::inline BELAY_BUILD::sync::native
