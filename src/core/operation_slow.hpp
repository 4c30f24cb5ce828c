// The slow paths of basic_operation: what happens once somebody cancels or waits.
#pragma once

#include "belay/operation.hpp"

namespace belay::inline BELAY_BUILD {

namespace core {
/// The caller broke the contract of an operation: arming over an armed routine, taking out one that
/// is not armed, reporting an outcome past an armed routine.
[[noreturn]] inline void misused() { __builtin_trap(); }
}  // namespace core

template <class Traits>
bool basic_operation<Traits>::arm_slowly(word_type to, word_type was) noexcept {
  for (;;) {
    if (Traits::arm_heeds_request && (was & (cancel_bit | done_bit)) != 0) return false;
    if (Traits::arm_heeds_request && (was & ~wait_bit) != 0) core::misused();
    if (word_.compare_exchange_weak(was, to | (was & wait_bit), Traits::arm, Traits::look))
      return true;
  }
}

template <class Traits>
handshake basic_operation<Traits>::take_slowly(word_type from, word_type to, word_type was,
                                               sync::nanoseconds deadline) noexcept {
  for (int turns = 0;;) {
    if ((was & cancel_bit) == 0) {
      if ((was & done_bit) != 0) return handshake::refused;
      if ((was & ~wait_bit) != from) core::misused();
      if (!word_.compare_exchange_weak(was, to | (was & wait_bit), sync::order::acq_rel,
                                       Traits::look))
        continue;
      if (Traits::wakes && (to & done_bit) != 0 && (was & wait_bit) != 0)
        sync::wake_all(low_half());
      return handshake::won;
    }
    // A request took it out. From here on only a running notify routine keeps the operation.
    if ((was & run_bit) == 0) return handshake::cancelled;
    if (is_canceller(was)) return handshake::cancelled_inside;
    if (!Traits::owner_waits) return handshake::cancelled;
    if (deadline <= 0) return handshake::running;
    if (turns < Traits::spins) {
      ++turns;
      sync::relax();
      was = word_.load(Traits::look);
    } else if (!wait_for_change(was, deadline)) {
      return (was & run_bit) == 0 ? handshake::cancelled : handshake::running;
    }
  }
}

template <class Traits>
bool basic_operation<Traits>::complete_slowly(word_type end, word_type was) noexcept {
  for (;;) {
    if (Traits::complete_heeds_outcome && (was & done_bit) != 0) return false;
    if ((was & (cancel_bit | done_bit)) == 0 && (was & ~flags) != 0) core::misused();
    if (word_.compare_exchange_weak(was, was | end, Traits::complete, Traits::look)) break;
  }
  if (Traits::wakes && (was & wait_bit) != 0) sync::wake_all(low_half());
  return true;
}

template <class Traits>
cancel_result basic_operation<Traits>::cancel(belay::reason why) noexcept {
  const word_type request =
      static_cast<word_type>(why.bits()) << reason_shift | caller() | cancel_bit;
  word_type was = word_.load(sync::order::relaxed);
  do {
    if (Traits::cancel_heeds_outcome && (was & done_bit) != 0) return cancel_result::too_late;
    if ((was & cancel_bit) != 0) return cancel_result::already_cancelled;
  } while (!word_.compare_exchange_weak(was, request | (was & (wait_bit | run_bit)), Traits::cancel,
                                        sync::order::relaxed));
  if ((was & ~flags) == 0) return cancel_result::requested_nothing_armed;
  auto& taken = *reinterpret_cast<routine*>(static_cast<std::uintptr_t>(was & ~flags));
  if ((was & notify_bit) != 0) {
    run_notify(taken, why);
  } else {
    taken.call_(taken, why);  // it owns the operation now
  }
  return cancel_result::claimed;
}

template <class Traits>
void basic_operation<Traits>::run_notify(routine& which, belay::reason why) noexcept {
  call_frame here;
  frame_ = &here;
  which.call_(which, why);
  if (Traits::heeds_destruction && here.destroyed) return;
  frame_ = nullptr;
  // From the subtraction on an owner may free the operation; a wake needs only the address.
  const volatile void* const where = low_half();
  const word_type was = word_.fetch_sub(run_bit, Traits::finish_routine);
  if (Traits::wakes && (was & wait_bit) != 0) sync::wake_all(where);
}

template <class Traits>
void basic_operation<Traits>::destroyed_inside() noexcept {
  if (!is_canceller(word_.load(sync::order::relaxed))) core::misused();
  frame_->destroyed = true;
}

template <class Traits>
bool basic_operation<Traits>::wait(sync::nanoseconds deadline) noexcept {
  word_type was = word_.load(Traits::look);
  for (bool in_time = true;; in_time = wait_for_change(was, deadline)) {
    const bool routine_over =
        !Traits::waiter_waits_for_routine || !is_running(was) || is_canceller(was);
    if ((was & done_bit) != 0 && routine_over) return true;
    if (!in_time) return false;
  }
}

/// Announces a sleeper and sleeps until the word changes, somebody wakes it, or the deadline.
template <class Traits>
bool basic_operation<Traits>::wait_for_change(word_type& was, sync::nanoseconds deadline) noexcept {
  if ((was & wait_bit) == 0) {
    if (!word_.compare_exchange_weak(was, was | wait_bit, Traits::look, Traits::look)) return true;
    was |= wait_bit;
  }
  const bool in_time = sync::wait_on(low_half(), static_cast<std::uint32_t>(was), deadline);
  was = word_.load(Traits::look);
  return in_time;
}

}  // namespace belay::inline BELAY_BUILD
