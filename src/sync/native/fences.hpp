// A pair of fences of which one side pays for both.
#pragma once

#include <atomic>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

namespace native {
/// ThreadSanitizer does not understand it, and g++ says so.
inline void whole_fence() noexcept {
#pragma GCC diagnostic push
#if defined(BELAY_UNDER_TSAN) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif
  std::atomic_thread_fence(std::memory_order_seq_cst);
#pragma GCC diagnostic pop
}

/// Whether the kernel runs a fence on our other threads when asked. Set before main().
extern const bool fences_on_request;
}  // namespace native

/// What is before and what is after keep their order for whoever calls heavy_fence(): of a store
/// before a light fence and a store before a heavy one, at least one is seen by the loads after
/// the other's fence. Free where the kernel has membarrier(2), a full fence elsewhere.
inline void light_fence() noexcept {
  if (native::fences_on_request) [[likely]] {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    native::whole_fence();
  }
}

/// Between a third of a microsecond and tens of them, by what the other threads are doing.
void heavy_fence() noexcept;

}  // namespace belay::inline BELAY_BUILD::sync
