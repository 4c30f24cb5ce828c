// The slow paths of basic_biased_operation: what happens once somebody asks.
#pragma once

#include "belay/biased_operation.hpp"
#include "core/misused.hpp"

namespace belay::inline BELAY_BUILD {

/// The slot does not hold what the owner's step begins with.
template <class Traits>
auto basic_biased_operation<Traits>::look_elsewhere() const noexcept -> step {
  const word there = slot_.load(sync::order::relaxed);
  if (there == moved) return step::machine;
  if (!is_end(there)) core::misused();
  return step::ended;
}

/// The owner has stored `to` and found that somebody asks.
template <class Traits>
auto basic_biased_operation<Traits>::settle_for_owner(word to) noexcept -> step {
  settle_with_slot();
  const std::uint8_t now = bias_.load(sync::order::relaxed);
  slot_.store(moved, Traits::publish);
  const bool store_was_seen = (now & (saw_armed | saw_end)) == seen(to);
  return store_was_seen && Traits::heeds_what_was_seen ? step::taken : step::machine;
}

template <class Traits>
void basic_biased_operation<Traits>::settle_for_others() noexcept {
  if (is_settled()) return;
  ask();
  Traits::heavy_fence();
  settle_with_slot();
}

template <class Traits>
void basic_biased_operation<Traits>::ask() noexcept {
  if (Traits::asks) bias_.fetch_or(asked, sync::order::acq_rel);
}

template <class Traits>
void basic_biased_operation<Traits>::settle_with_slot() noexcept {
  lock_.lock();
  if ((bias_.load(sync::order::relaxed) & settled) == 0 || !Traits::settles_once)
    settle(slot_.load(Traits::look));
  lock_.unlock();
}

/// Makes the operation what the slot says. Under the lock, once.
template <class Traits>
void basic_biased_operation<Traits>::settle(word with) noexcept {
  if (is_end(with)) {
    operation_.complete(operation_word::outcome_of(with));
  } else if ((with & operation_word::notify_bit) != 0) {
    operation_.arm(*reinterpret_cast<notify_routine*>(with & ~operation_word::flags));
  } else if (with != 0) {
    operation_.arm(*reinterpret_cast<claim_routine*>(with));
  }
  bias_.store(asked | settled | seen(with), Traits::publish);
}

/// Enough to tell what an owner's step begins with from what it ends with.
template <class Traits>
std::uint8_t basic_biased_operation<Traits>::seen(word what) noexcept {
  return is_end(what) ? saw_end : what != 0 ? saw_armed : 0;
}

template <class Traits>
bool basic_biased_operation<Traits>::try_reset() noexcept {
  const word was = slot_.load(sync::order::relaxed);
  if (was != 0 && !is_end(was)) return false;
  if (was == 0) return bias_.load(Traits::look) == 0;
  return move(was, 0) == step::taken;
}

template <class Traits>
outcome basic_biased_operation<Traits>::outcome() noexcept {
  const word there = slot_.load(Traits::look);
  // The owner stored it and may yet find that it lost: only what somebody who asks finds counts.
  sync::light_fence();
  const std::uint8_t now = bias_.load(Traits::look);
  if ((now & settled) == 0) {
    if (now == 0 || !is_end(there)) return operation_word::outcome_of(there);
    settle_for_others();
  }
  return operation_.outcome();
}

template <class Traits>
std::size_t basic_biased_operation<Traits>::cancel_all(
    std::span<basic_biased_operation* const> which, belay::reason why) noexcept {
  bool fence = false;
  for (basic_biased_operation* const each : which) {
    if (each->is_settled()) continue;
    each->ask();
    fence = true;
  }
  if (fence) Traits::heavy_fence();
  for (basic_biased_operation* const each : which) each->settle_with_slot();
  std::size_t ran = 0;
  for (basic_biased_operation* const each : which) {
    if (each->operation_.cancel(why) == cancel_result::claimed) ++ran;
  }
  return ran;
}

}  // namespace belay::inline BELAY_BUILD
