// Where in a driver's source something is.
#pragma once

#include <cstdint>
#include <string>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::guest {

struct source_location {
  std::string file;  ///< as the compiler recorded it; empty: unknown
  int line = 0;
  int column = 0;  ///< 0: unknown
  std::string function;
};

struct stack_frame {
  source_location where;
  std::uint64_t offset = 0;  ///< in the driver's image; 0: not in it
};

}  // namespace belay::inline BELAY_BUILD::guest
