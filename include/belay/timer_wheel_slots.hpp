// Where a timer wheel keeps its nodes: the data structure alone, without lock and without calls.
//
// Time is counted in ticks. Level 0 has a slot for each of the 64 ticks of the current block of 64,
// level 1 one for each of the 64 blocks of the current block of 4,096, and so on; eight levels
// cover every tick that 63 bits of nanoseconds have, so that nothing is beyond the horizon. A node
// stands in the level of the highest six bits in which its tick differs from the current one:
//
//   now = 0x0'0c5 (0: 3, 1: 5)      due = 0x0'0c9 -> level 0, slot 9
//                                   due = 0x0'140 -> level 1, slot 5
//
// Invariants:
//   1. A node in a slot is due after the current tick; a node of a lower level is due before every
//      node of a higher one, and within a level the slots are in order. So the next thing to happen
//      is at the lowest bit of the lowest level that has one.
//   2. A level's bit is set if and only if its slot has a node.
//   3. When the current tick reaches the start of a slot, the whole slot moves on in one step, to
//      the list that is next to be looked at: what is due leaves, the rest goes to lower levels.
//      The current tick stays until that list is empty.
//
// Thread safety: none; timer_wheel.hpp has the lock.
// Cost: insert and remove are a few instructions, whatever is in it. Each node moves on at most
// once for each level.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::core {

/// Whoever has a deadline derives from it.
struct wheel_node {
  wheel_node* next = nullptr;
  wheel_node** link = nullptr;  ///< what points here; nullptr: it is in no slot
  std::uint64_t due = 0;        ///< the tick
};

class wheel_slots {
 public:
  using tick = std::uint64_t;
  static constexpr tick never = UINT64_MAX;

  /// Empty; the current tick is `now`.
  explicit constexpr wheel_slots(tick now) noexcept : now_(now) {}

  /// Puts `node` in, with its `due`; what is due already becomes due at the next tick.
  void insert(wheel_node& node) noexcept {
    if (node.due <= now_) node.due = now_ + 1;
    const int level = (63 - __builtin_clzll((node.due ^ now_) | slot_mask)) / slot_bits;
    const std::size_t slot = node.due >> (level * slot_bits) & slot_mask;
    occupied_[level] |= std::uint64_t{1} << slot;
    put(heads_[static_cast<std::size_t>(level) * slots + slot], node);
  }

  /// Takes `node`, which is in, out.
  void remove(wheel_node& node) noexcept {
    *node.link = node.next;
    if (node.next != nullptr) {
      node.next->link = node.link;
    } else {
      const std::size_t slot =
          (reinterpret_cast<std::uintptr_t>(node.link) - reinterpret_cast<std::uintptr_t>(heads_)) /
          sizeof(wheel_node*);
      if (slot < levels * slots)
        occupied_[slot / slots] &= ~(std::uint64_t{1} << (slot & slot_mask));
    }
    node.link = nullptr;
  }

  enum class step : std::uint8_t {
    due,   ///< `node` is due, and taken out
    more,  ///< it has moved some nodes on, and there is more to do
    rest,  ///< nothing is due until next()
  };
  /// Lets the current tick go on to `target` at most, or to the first at which something is due.
  /// Moves on a limited number of nodes; call it until it says rest.
  step advance(tick target, wheel_node*& node) noexcept;

  /// No node is due before that tick; at that tick advance() has something to do. Is `never` when
  /// there is no node.
  tick next() const noexcept;

  tick now() const noexcept { return now_; }
  bool empty() const noexcept { return next() == never; }

 private:
  static constexpr int slot_bits = 6;
  static constexpr std::size_t slots = 64, levels = 8;
  static constexpr tick slot_mask = slots - 1;
  static constexpr int most_moves = 32;  // in one call

  static void put(wheel_node*& head, wheel_node& node) noexcept {
    node.next = head;
    node.link = &head;
    if (head != nullptr) head->link = &node.next;
    head = &node;
  }

  tick now_;
  std::uint64_t occupied_[levels] = {};
  wheel_node* heads_[levels * slots] = {};
  wheel_node* moving_ = nullptr;  // of the slots that the current tick has reached
};

}  // namespace belay::inline BELAY_BUILD::core
