#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::guest {

inline constexpr const char* version = "0.1.0";

}  // namespace belay::inline BELAY_BUILD::guest
