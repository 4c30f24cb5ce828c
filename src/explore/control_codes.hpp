// Which device control codes a driver knows, when no scenario says so.
#pragma once

#include <cstdint>
#include <vector>

#include "explore/guest_image.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// Constants in the driver's code that look like control codes of a device of `device_type`, in
/// ascending order. Which of them it serves, the driver says itself when it is asked (see
/// check.cpp).
std::vector<std::uint32_t> control_code_candidates(const guest_image& image,
                                                   std::uint32_t device_type);

}  // namespace belay::inline BELAY_BUILD::explore
