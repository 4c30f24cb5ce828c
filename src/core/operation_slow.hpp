// The slow paths of basic_operation: what happens once somebody cancels or waits.
#pragma once

#include "belay/operation.hpp"
#include "core/misused.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
bool basic_operation<Traits>::arm_slowly(word to, word was) noexcept {
  for (;;) {
    if (Traits::arm_heeds_request &&
        (was & (operation_word::cancel_bit | operation_word::done_bit)) != 0)
      return false;
    if (Traits::arm_heeds_request && (was & ~operation_word::wait_bit) != 0) core::misused();
    if (word_.compare_exchange_weak(was, to | (was & operation_word::wait_bit), Traits::arm,
                                    Traits::look))
      return true;
  }
}

template <class Traits>
handshake basic_operation<Traits>::take_slowly(word from, word to, word was,
                                               sync::nanoseconds deadline) noexcept {
  for (int turns = 0;;) {
    if ((was & operation_word::cancel_bit) == 0) {
      if ((was & operation_word::done_bit) != 0) return handshake::refused;
      if ((was & ~operation_word::wait_bit) != from) core::misused();
      if (!word_.compare_exchange_weak(was, to | (was & operation_word::wait_bit),
                                       sync::order::acq_rel, Traits::look))
        continue;
      if (Traits::wakes && (to & operation_word::done_bit) != 0 &&
          (was & operation_word::wait_bit) != 0)
        sync::wake_all(low_half());
      return handshake::won;
    }
    // A request took it out. From here on only a running notify routine keeps the operation.
    if ((was & operation_word::run_bit) == 0) return handshake::cancelled;
    if (operation_word::is_canceller(was)) return handshake::cancelled_inside;
    if (!Traits::owner_waits) return handshake::cancelled;
    if (deadline <= 0) return handshake::running;
    if (turns < Traits::spins) {
      ++turns;
      sync::relax();
      was = word_.load(Traits::look);
    } else if (!wait_for_change(was, deadline)) {
      return (was & operation_word::run_bit) == 0 ? handshake::cancelled : handshake::running;
    }
  }
}

template <class Traits>
bool basic_operation<Traits>::complete_slowly(word end, word was) noexcept {
  for (;;) {
    if (Traits::complete_heeds_outcome && (was & operation_word::done_bit) != 0) return false;
    if ((was & (operation_word::cancel_bit | operation_word::done_bit)) == 0 &&
        (was & ~operation_word::flags) != 0)
      core::misused();
    if (word_.compare_exchange_weak(was, was | end, Traits::complete, Traits::look)) break;
  }
  if (Traits::wakes && (was & operation_word::wait_bit) != 0) sync::wake_all(low_half());
  return true;
}

template <class Traits>
auto basic_operation<Traits>::request(belay::reason why) noexcept -> taken {
  return take_out(why);
}

template <class Traits>
cancel_result basic_operation<Traits>::run(taken what) noexcept {
  if (what.routine != 0) run_taken(what);
  return what.result;
}

template <class Traits>
handshake basic_operation<Traits>::disarm_async(notify_routine& routine,
                                                routine::function after) noexcept {
  const word mine = operation_word::armed(routine);
  word was = mine;
  if (word_.compare_exchange_strong(was, 0, Traits::disarm, Traits::look)) return handshake::won;
  const handshake result = take_slowly(mine, 0, was, 0);
  if (result != handshake::running) return result;
  routine.after_ = after;
  was = word_.load(Traits::look);
  do {
    if ((was & operation_word::run_bit) == 0) return handshake::cancelled;
  } while (!word_.compare_exchange_weak(was, was | operation_word::after_bit, Traits::arm,
                                        Traits::look));
  return handshake::running;
}

template <class Traits>
bool basic_operation<Traits>::try_reset() noexcept {
  word was = word_.load(Traits::look);
  do {
    const word ended = was & ~(operation_word::outcome_mask << operation_word::outcome_shift);
    if (Traits::reset_heeds_request && was != 0 && ended != operation_word::done_bit) return false;
  } while (!word_.compare_exchange_weak(was, 0, Traits::complete, Traits::look));
  return true;
}

template <class Traits>
void basic_operation<Traits>::destroyed_inside() noexcept {
  if (!operation_word::is_canceller(word_.load(sync::order::relaxed))) core::misused();
  frame_->destroyed = true;
}

template <class Traits>
bool basic_operation<Traits>::wait(sync::nanoseconds deadline) noexcept {
  word was = word_.load(Traits::look);
  for (bool in_time = true;; in_time = wait_for_change(was, deadline)) {
    const bool routine_over = !Traits::waiter_waits_for_routine ||
                              !operation_word::is_running(was) || operation_word::is_canceller(was);
    if ((was & operation_word::done_bit) != 0 && routine_over) return true;
    if (!in_time) return false;
  }
}

/// Announces a sleeper and sleeps until the word changes, somebody wakes it, or the deadline.
template <class Traits>
bool basic_operation<Traits>::wait_for_change(word& was, sync::nanoseconds deadline) noexcept {
  if ((was & operation_word::wait_bit) == 0) {
    if (!word_.compare_exchange_weak(was, was | operation_word::wait_bit, Traits::look,
                                     Traits::look))
      return true;
    was |= operation_word::wait_bit;
  }
  const bool in_time = sync::wait_on(low_half(), static_cast<std::uint32_t>(was), deadline);
  was = word_.load(Traits::look);
  return in_time;
}

}  // namespace belay::inline BELAY_BUILD
