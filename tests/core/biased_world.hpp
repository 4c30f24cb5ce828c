// A biased operation in the programs that the operation is explored on (operation_world.hpp).
#pragma once

#include <cstdlib>

#include "belay/biased_operation.hpp"
#include "core/biased_slow.hpp"
#include "operation_destroy.hpp"
#include "operation_world.hpp"

namespace biased_tests {

using operation_tests::routine_kind;
using operation_tests::shape;

/// What the programs call; it has no replace(), and they get none (shapes_of).
template <class Traits>
class in_world : public belay::basic_biased_operation<Traits> {
 public:
  using base = belay::basic_biased_operation<Traits>;
  using base::base;
  template <class Routine>
  belay::handshake replace(Routine&, Routine&) {
    std::abort();
  }
};

/// The programs of `calls` calls, the owner's and somebody else's, in which nothing is replaced.
inline std::vector<shape> shapes_of(routine_kind kind, int calls) {
  std::vector<shape> all;
  for (const shape& each : operation_tests::shapes(kind, calls)) {
    const bool others = each.cancels + each.waits > 0;
    const bool few = each.cancels + each.waits < 3;
    if (others && few && each.owner.find('r') == std::string::npos) all.push_back(each);
  }
  return all;
}

}  // namespace biased_tests
