// What basic_operation_table does.
#pragma once

#include "belay/operation_table.hpp"
#include "core/operation_slow.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
std::uint32_t basic_operation_table<Traits>::take_free() noexcept {
  lock_.lock();
  std::uint32_t index = free_;
  if (index != none) {
    free_ = slots_[index].next_;
  } else if (used_ < slots_.size()) {
    index = used_++;
  }
  lock_.unlock();
  return index;
}

template <class Traits>
operation_id basic_operation_table<Traits>::insert(operation& which) noexcept {
  const std::uint32_t index = take_free();
  if (index == none) return {};
  slot& here = slots_[index];
  here.operation_ = &which;
  const std::uint64_t was = here.state_.load(sync::order::relaxed);
  here.state_.store(was | live, Traits::publish);
  return operation_id::from_bits(was | index);
}

template <class Traits>
bool basic_operation_table<Traits>::release(operation_id id) noexcept {
  slot* const here = find(id);
  if (here == nullptr) return false;
  const std::uint64_t next = static_cast<std::uint64_t>(id.generation() + 1) << 32;
  std::uint64_t was = here->state_.load(sync::order::relaxed);
  do {
    if (!names(id, was)) return false;
  } while (!here->state_.compare_exchange_weak(was, next | (was & pins_mask), Traits::unpin,
                                               sync::order::relaxed));
  if ((was & pins_mask) != 0 && Traits::waits_for_pins) wait_for_pins(*here);
  if (next == 0 && Traits::retires) return true;
  here->state_.store(next, sync::order::relaxed);
  lock_.lock();
  here->next_ = free_;
  free_ = id.index();
  lock_.unlock();
  return true;
}

template <class Traits>
std::optional<cancel_result> basic_operation_table<Traits>::cancel(operation_id id,
                                                                   belay::reason why) noexcept {
  slot* const here = find(id);
  if (here == nullptr || !pin(*here, id)) return stale;
  operation& which = *here->operation_;
  const auto taken = which.request(why);
  unpin(*here);
  // Without a routine, nothing keeps the operation from here on.
  return taken.routine == 0 ? taken.result : which.run(taken);
}

template <class Traits>
bool basic_operation_table<Traits>::pin(slot& which, operation_id id) noexcept {
  std::uint64_t was = which.state_.load(Traits::pin);
  do {
    if (!names(id, was)) return false;
    if (!Traits::pins) return true;
  } while (!which.state_.compare_exchange_weak(was, was + 1, Traits::pin, sync::order::relaxed));
  return true;
}

template <class Traits>
void basic_operation_table<Traits>::unpin(slot& which) noexcept {
  if (!Traits::pins) return;
  // Who waits for the last pin may free the slot; a wake needs only the address.
  const volatile void* const where = low_half(which);
  const std::uint64_t was = which.state_.fetch_sub(1, Traits::unpin);
  if ((was & (waits | pins_mask)) == (waits | 1) && Traits::wakes) sync::wake_all(where);
}

template <class Traits>
void basic_operation_table<Traits>::wait_for_pins(slot& which) noexcept {
  std::uint64_t now = which.state_.load(Traits::pin);
  for (int turns = 0; turns < Traits::spins && (now & pins_mask) != 0; ++turns) {
    sync::relax();
    now = which.state_.load(Traits::pin);
  }
  if ((now & pins_mask) == 0) return;
  now = which.state_.fetch_or(waits, Traits::pin) | waits;
  while ((now & pins_mask) != 0) {
    sync::wait_on(low_half(which), static_cast<std::uint32_t>(now), sync::forever);
    now = which.state_.load(Traits::pin);
  }
}

template <class Traits>
const volatile void* basic_operation_table<Traits>::low_half(const slot& which) noexcept {
  return reinterpret_cast<const volatile char*>(&which.state_) +
         (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

}  // namespace belay::inline BELAY_BUILD
