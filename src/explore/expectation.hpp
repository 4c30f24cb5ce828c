// The verdict that a driver must get, from the .expect file beside it.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "explore/check.hpp"

namespace belay::inline BELAY_BUILD::explore {

struct expectation {
  verdict what = verdict::holds;
  std::vector<std::string> clauses;  ///< ids that the finding may carry
  int max_preemptions = 1 << 20;
};

/// The error names the file, the line, and what is wrong.
tl::expected<expectation, std::string> load_expectation(const std::string& path);

/// Empty when the result is as expected, else what differs.
std::string differs(const expectation& expected, const check_result& result);

}  // namespace belay::inline BELAY_BUILD::explore
