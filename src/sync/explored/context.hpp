// Switching between stacks: by hand on x86-64 (pop and jump, which keeps the processor's return
// predictor out of it), with Boost.Context elsewhere or when BELAY_BOOST_CONTEXT is defined.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/build.hpp"

#if !defined(__x86_64__) && !defined(BELAY_BOOST_CONTEXT)
#define BELAY_BOOST_CONTEXT 1
#endif

#if defined(BELAY_BOOST_CONTEXT)
#include <boost/context/detail/fcontext.hpp>
#else
extern "C" void belay_context_switch(void** save, void* to);
extern "C" [[noreturn]] void belay_context_jump(void* to);
#endif

namespace belay::inline BELAY_BUILD::sync::context {

using handle = void*;

#if defined(BELAY_BOOST_CONTEXT)

template <void (*Entry)()>
void boost_entry(boost::context::detail::transfer_t from) {
  if (from.data != nullptr) *static_cast<handle*>(from.data) = from.fctx;
  Entry();
}

/// A context that will run `Entry` on the stack that ends at `top`. `Entry` must not return.
template <void (*Entry)()>
handle make(void* top, std::size_t size) {
  return boost::context::detail::make_fcontext(top, size, &boost_entry<Entry>);
}

inline void switch_to(handle& save, handle to) {
  const auto from = boost::context::detail::jump_fcontext(to, &save);
  if (from.data != nullptr) *static_cast<handle*>(from.data) = from.fctx;
}

[[noreturn]] inline void jump(handle to) {
  boost::context::detail::jump_fcontext(to, nullptr);
  __builtin_unreachable();
}

#else

template <void (*Entry)()>
handle make(void* top, std::size_t) {
  // What belay_context_switch pops: r15 r14 r13 r12 rbx rbp, then the address it jumps to. A zero
  // follows, so that `Entry` starts as if it had been called and a walk of its frames ends there.
  auto** slot = static_cast<void**>(top) - 1;
  *slot = nullptr;
  *--slot = reinterpret_cast<void*>(Entry);
  for (int i = 0; i < 6; ++i) *--slot = nullptr;
  return slot;
}

inline void switch_to(handle& save, handle to) { belay_context_switch(&save, to); }
[[noreturn]] inline void jump(handle to) { belay_context_jump(to); }

#endif

}  // namespace belay::inline BELAY_BUILD::sync::context
