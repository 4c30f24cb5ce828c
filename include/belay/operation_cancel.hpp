// The body of basic_operation::cancel(). For operation.hpp only.
//
// It stands in a header so that a compiler may inline it: the registers that a function saves must
// have left the processor before its locked instruction can begin. g++ 12 does not at -O2; see
// docs/BENCHMARKS.md, T7.
//
// take_out() is the request: one compare-and-swap decides whether it counts, and takes the armed
// routine out. run_taken() is the rest, which touches the operation only when that is a notify
// routine, and not after RUN is clear.
#pragma once

#include "belay/operation.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
inline auto basic_operation<Traits>::take_out(belay::reason why) noexcept -> taken {
  const word request = operation_word::request(why);
  word was = word_.load(sync::order::relaxed);
  do {
    if (Traits::cancel_heeds_outcome && (was & operation_word::done_bit) != 0)
      return {0, why, cancel_result::too_late};
    if ((was & operation_word::cancel_bit) != 0) return {0, why, cancel_result::already_cancelled};
  } while (!word_.compare_exchange_weak(
      was, request | (was & (operation_word::wait_bit | operation_word::run_bit)), Traits::cancel,
      sync::order::relaxed));
  if ((was & ~operation_word::flags) == 0) return {0, why, cancel_result::requested_nothing_armed};
  return {static_cast<std::uintptr_t>(was & ~operation_word::wait_bit), why,
          cancel_result::claimed};
}

template <class Traits>
inline void basic_operation<Traits>::run_taken(taken what) noexcept {
  auto& which = *reinterpret_cast<routine*>(what.routine & ~operation_word::flags);
  if ((what.routine & operation_word::notify_bit) == 0) {
    which.call_(which, what.why);  // it owns the operation now
    return;
  }
  call_frame here;
  frame_ = &here;
  which.call_(which, what.why);
  if (Traits::heeds_destruction && here.destroyed) return;
  frame_ = nullptr;
  // From the subtraction on an owner may free the operation; a wake needs only the address.
  const volatile void* const where = low_half();
  const word was = word_.fetch_sub(operation_word::run_bit, Traits::finish_routine);
  if ((was & (operation_word::wait_bit | operation_word::after_bit)) == 0) [[likely]]
    return;
  if (Traits::wakes && (was & operation_word::wait_bit) != 0) sync::wake_all(where);
  if ((was & operation_word::after_bit) != 0) which.after_(which, what.why);
}

template <class Traits>
inline cancel_result basic_operation<Traits>::cancel(belay::reason why) noexcept {
  const taken what = take_out(why);
  if (what.routine != 0) run_taken(what);
  return what.result;
}

/// Where a futex can look at the flags.
template <class Traits>
inline const volatile void* basic_operation<Traits>::low_half() const noexcept {
  return reinterpret_cast<const volatile char*>(&word_) +
         (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

extern template class basic_operation<operation_traits>;

}  // namespace belay::inline BELAY_BUILD
