// The clock.
#pragma once

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// CLOCK_MONOTONIC.
nanoseconds now();

/// Real time since some fixed moment, for budgets and reports.
inline nanoseconds elapsed() { return now(); }

}  // namespace belay::inline BELAY_BUILD::sync
