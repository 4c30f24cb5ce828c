// Making a counter-example small, and proving that it cannot be smaller.
#pragma once

#include <cstdint>
#include <vector>

#include "explore/execution.hpp"

namespace belay::inline BELAY_BUILD::explore {

struct minimised {
  std::vector<directive> directives;
  int preemptions = 0;
  bool proved = false;  ///< no schedule with fewer preemptions shows the same finding
  finding found;
  std::vector<std::uint64_t>
      shared;  ///< the memory that was known to be shared; the directives count on it
};

/// Delta debugging over the directives, then every schedule with fewer preemptions.
minimised minimise(program& what, const finding& found, std::vector<directive> directives,
                   int preemptions);

}  // namespace belay::inline BELAY_BUILD::explore
