// The memory orders under names of ours, so that code above the door can state them.
#pragma once

#include <atomic>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::sync::order {

using kind = std::memory_order;
inline constexpr kind relaxed = std::memory_order_relaxed;
inline constexpr kind acquire = std::memory_order_acquire;
inline constexpr kind release = std::memory_order_release;
inline constexpr kind acq_rel = std::memory_order_acq_rel;

}  // namespace belay::inline BELAY_BUILD::sync::order
