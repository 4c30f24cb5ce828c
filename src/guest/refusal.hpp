// Why belay cannot do what was asked.
#pragma once

#include <string>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::guest {

struct refusal {
  /// 2 usage or input, 3 inconclusive, 4 internal or nondeterministic, 77 this machine lacks
  /// something.
  int exit_code = 2;
  std::string message;  ///< one line: what is wrong and what to do
};

}  // namespace belay::inline BELAY_BUILD::guest
