#include "sync/stack.hpp"

#include "sync/explored/scheduler.hpp"

namespace belay::inline BELAY_BUILD::sync {

void* stack_base() {
  scheduler& s = world();
  return s.running() ? reinterpret_cast<void*>(s.memory().stack_top(s.current())) : nullptr;
}

}  // namespace belay::inline BELAY_BUILD::sync
