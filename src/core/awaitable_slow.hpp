// How a coroutine is registered with basic_awaitable_operation, and taken out again.
#pragma once

#include "belay/awaitable_operation.hpp"
#include "core/misused.hpp"
#include "core/operation_slow.hpp"

namespace belay::inline BELAY_BUILD {

/// False when there is an outcome already.
template <class Traits>
bool basic_awaitable_operation<Traits>::awaiter::suspend(std::uintptr_t mine) noexcept {
  if (!Traits::suspends_in_one_step) {
    if (of_.next_.load(Traits::look) == ended) return false;
    of_.next_.store(mine, Traits::suspend);
    return true;
  }
  std::uintptr_t was = nobody;
  if (of_.next_.compare_exchange_strong(was, mine, Traits::suspend, Traits::look)) return true;
  if (was != ended) core::misused();
  return false;
}

/// The coroutine is destroyed while it is suspended.
template <class Traits>
void basic_awaitable_operation<Traits>::awaiter::deregister() noexcept {
  std::uintptr_t was = suspended_;
  if (!of_.next_.compare_exchange_strong(was, nobody, Traits::finish, Traits::look))
    core::misused();  // somebody is about to resume it
}

}  // namespace belay::inline BELAY_BUILD
