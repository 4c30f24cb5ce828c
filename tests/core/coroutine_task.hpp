// A small coroutine: it starts at once, nobody waits for it, and its frame goes with its end.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace core_tests {

struct heap_frames {
  static void* allocate(std::size_t bytes) { return ::operator new(bytes); }
  static void deallocate(void* frame) { ::operator delete(frame); }
};

template <class Frames = heap_frames>
struct basic_task {
  struct promise_type {
    static void* operator new(std::size_t bytes) { return Frames::allocate(bytes); }
    static void operator delete(void* frame) { Frames::deallocate(frame); }
    basic_task get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::abort(); }
  };

  /// Callers: who knows that it is suspended.
  void destroy() { handle.destroy(); }

  std::coroutine_handle<promise_type> handle;
};

using task = basic_task<>;

}  // namespace core_tests
