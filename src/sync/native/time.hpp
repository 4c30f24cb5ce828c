// The clock.
#pragma once

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// CLOCK_MONOTONIC.
nanoseconds now();

}  // namespace belay::inline BELAY_BUILD::sync
