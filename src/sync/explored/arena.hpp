// The memory of one execution: stacks, one heap an actor, and a shadow byte for each eight bytes.
//
// Addresses depend on the actor and on how much it allocated before, never on the interleaving, so
// that what one execution learns about an address holds in the next and two orders of independent
// allocations give the same state. Nothing is used twice within an execution: a freed block stays
// poisoned to the end. Rewinding the arena is the reset between executions.
//
// Thread safety: the explored program runs on one OS thread; nothing here locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

inline constexpr int max_actors = 64;

class arena {
 public:
  static constexpr std::size_t stack_size = 256 * 1024;
  static constexpr std::size_t guard_size = 4096;
  static constexpr std::size_t heap_size = 4 * 1024 * 1024;
  static constexpr std::size_t stacks_size = max_actors * stack_size;
  static constexpr std::size_t heaps_size = max_actors * heap_size;
  static constexpr std::size_t size = stacks_size + heaps_size;

  /// Maps everything. Called once, before the first execution; ends the process when it cannot.
  void map();
  bool mapped() const { return base_ != 0; }

  std::uintptr_t base() const { return base_; }
  void* stack_top(int actor) const {
    return reinterpret_cast<void*>(base_ + static_cast<std::size_t>(actor + 1) * stack_size);
  }
  /// The actor whose stack `address` lies on (guard page included), or -1.
  int stack_of(std::uintptr_t address) const {
    return address - base_ < stacks_size ? static_cast<int>((address - base_) / stack_size) : -1;
  }
  bool in_guard(std::uintptr_t address) const {
    return address - base_ < stacks_size && (address - base_) % stack_size < guard_size;
  }
  bool in_heap(std::uintptr_t address) const { return address - base_ - stacks_size < heaps_size; }

  void* allocate(int actor, std::size_t bytes, memory_use use);
  /// A completed request stays marked as one: that says more than that it was freed.
  void deallocate(void* block) {
    if (shadow_of(reinterpret_cast<std::uintptr_t>(block)) ==
        static_cast<std::uint8_t>(memory_state::completed))
      return;
    poison(block, size_of(block), memory_state::freed);
  }
  std::size_t size_of(const void* block) const {
    return static_cast<const header*>(block)[-1].bytes;
  }
  void poison(const void* at, std::size_t bytes, memory_state state);

  /// True when a guest may touch all of [address, address + bytes), which lies in a heap.
  bool addressable(std::uintptr_t address, std::size_t bytes) const {
    const std::uint8_t shadow = shadow_[(address - base_ - stacks_size) >> 3];
    if (shadow == 8 && (address & 7) + bytes <= 8) [[likely]]
      return true;
    return addressable_slowly(address, bytes);
  }
  std::uint8_t shadow_of(std::uintptr_t address) const {
    return shadow_[(address - base_ - stacks_size) >> 3];
  }
  /// The block that holds `address` or ends closest before it; its start and size. False: none.
  bool find_block(std::uintptr_t address, std::uintptr_t* start, std::size_t* bytes) const;

  /// Forgets all blocks. Costs as much as was used.
  void rewind();

 private:
  struct alignas(16) header {
    std::uint64_t bytes;
    std::uint64_t use;
  };

  bool addressable_slowly(std::uintptr_t address, std::size_t bytes) const;

  std::uintptr_t base_ = 0;
  std::uint8_t* shadow_ = nullptr;  // one byte for each eight of the heaps
  std::size_t used_[max_actors] = {};
  std::uint64_t touched_ = 0;  // actors that allocated
};

}  // namespace belay::inline BELAY_BUILD::sync
