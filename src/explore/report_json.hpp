// A result for programs.
#pragma once

#include <string>

#include "explore/check.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// One JSON object, stable key order. `driver` is what the user called it.
std::string result_to_json(const check_result& result, const std::string& driver);

}  // namespace belay::inline BELAY_BUILD::explore
