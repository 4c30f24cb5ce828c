#include "belay/timer_wheel_slots.hpp"

namespace belay::inline BELAY_BUILD::core {

wheel_slots::tick wheel_slots::next() const noexcept {
  if (moving_ != nullptr) return now_;
  for (std::size_t level = 0; level < levels; ++level) {
    if (occupied_[level] == 0) continue;
    const int shift = static_cast<int>(level) * slot_bits;
    const tick block = now_ >> (shift + slot_bits) << (shift + slot_bits);
    return block | static_cast<tick>(__builtin_ctzll(occupied_[level])) << shift;
  }
  return never;
}

wheel_slots::step wheel_slots::advance(tick target, wheel_node*& node) noexcept {
  for (int moves = 0;;) {
    while (moving_ != nullptr) {
      wheel_node& first = *moving_;
      if (first.due > now_ && ++moves > most_moves) return step::more;
      remove(first);
      if (first.due <= now_) {
        node = &first;
        return step::due;
      }
      insert(first);
    }
    const tick start = next();
    if (start > target) {
      if (target > now_) now_ = target;
      return step::rest;
    }
    now_ = start;
    std::size_t level = 0;
    while (occupied_[level] == 0) ++level;
    const auto slot = static_cast<std::size_t>(__builtin_ctzll(occupied_[level]));
    occupied_[level] &= occupied_[level] - 1;
    wheel_node*& head = heads_[level * slots + slot];
    moving_ = head;
    moving_->link = &moving_;
    head = nullptr;
  }
}

}  // namespace belay::inline BELAY_BUILD::core
