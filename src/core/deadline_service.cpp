#include "belay/deadline_service.hpp"

#include <new>

#include "core/deadline_service_slow.hpp"

namespace belay::inline BELAY_BUILD {

template class basic_deadline_service<deadline_traits>;

#if !defined(BELAY_EXPLORED)
timer_wheel& default_timer_wheel() noexcept {
  // Never destroyed: deadlines may be armed until the process is gone.
  alignas(deadline_service) static unsigned char memory[sizeof(deadline_service)];
  static deadline_service& service = []() -> deadline_service& {
    auto* const made = new (memory) deadline_service;
    if (!made->start()) core::misused();
    return *made;
  }();
  return service.wheel();
}
#endif

}  // namespace belay::inline BELAY_BUILD
