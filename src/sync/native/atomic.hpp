// Atomics, and sleeping until one of them changes.
#pragma once

#include <atomic>
#include <cstdint>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// The calls of std::atomic that we use, at no cost.
template <class T>
class atomic {
 public:
  constexpr atomic() noexcept = default;
  constexpr atomic(T value) noexcept : value_(value) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
    return value_.load(order);
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    value_.store(value, order);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.exchange(value, order);
  }
  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.fetch_add(by, order);
  }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.fetch_sub(by, order);
  }
  T fetch_or(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.fetch_or(by, order);
  }
  T fetch_and(T by, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.fetch_and(by, order);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) noexcept {
    return value_.compare_exchange_strong(expected, desired, success, failure);
  }
  bool compare_exchange_strong(T& expected, T desired,
                               std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.compare_exchange_strong(expected, desired, order);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) noexcept {
    return value_.compare_exchange_weak(expected, desired, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired,
                             std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.compare_exchange_weak(expected, desired, order);
  }

 private:
  std::atomic<T> value_{};
};

/// A plain variable. The explored build checks its accesses for data races; here ThreadSanitizer
/// does.
template <class T>
class checked {
 public:
  checked() = default;
  explicit checked(T value) : value_(value) {}
  T get() const { return value_; }
  void set(T value) { value_ = value; }

 private:
  T value_{};
};

/// The same on a field in a guest's memory, sequentially consistent.
template <class T>
T load_word(const volatile T* at) {
  return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}
template <class T>
void store_word(volatile T* at, T value) {
  __atomic_store_n(at, value, __ATOMIC_SEQ_CST);
}
template <class T>
T exchange_word(volatile T* at, T value) {
  return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);
}

/// Sleeps while the 32-bit word at `word` equals `expected`, until woken or `deadline` passes.
///
/// Callers:  any actor that may block.
/// Returns:  false when the deadline passed; true otherwise, possibly for no reason.
bool wait_on(const volatile void* word, std::uint32_t expected, nanoseconds deadline);

/// Wakes everybody who sleeps on `word`. Touches only the address, so that the memory may be gone.
void wake_all(const volatile void* word);

}  // namespace belay::inline BELAY_BUILD::sync
