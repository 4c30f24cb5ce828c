// The kernel's futex call. Private to sync/native.
#pragma once

#include <cstdint>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync::native {

/// wait_on without telling the pool of workers that this one blocks.
bool futex_wait(const volatile void* word, std::uint32_t expected, nanoseconds deadline);
void futex_wake(const volatile void* word, int waiters);

/// Prints one line and aborts: a broken promise of the caller, or a system without resources.
[[noreturn]] void give_up(const char* why);

}  // namespace belay::inline BELAY_BUILD::sync::native
