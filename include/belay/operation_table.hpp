// Operations by number: for cancellers that cannot keep an operation in existence, and must not
// reach the next one at the same address.
//
//   belay::operation_slot slots[64];
//   belay::operation_table table(slots);
//
//   const belay::operation_id id = table.insert(read);   // the owner
//   …                        table.cancel(id, why);      // anybody, any time, also much too late
//   table.release(id);                                   // the owner, before the operation goes
//
// An id names one operation, once: it is the number of a slot and the slot's generation, which
// grows with each release. A canceller whose id is out of date does nothing. One whose id is valid
// holds a pin on the slot, for the one exchange with which it makes its request; the routine runs
// after that, so it may itself release the id and free the operation.
//
// Invariants:
//   1. A slot is free, live or, when its 2^32 - 1 generations are used up, retired for good. So an
//      id is never given out twice, and is never 0.
//   2. A pin is taken only on a live slot of the right generation, in one step. release() makes the
//      slot not live, after which there are no further pins, and waits for those there are.
//   3. What a slot says of its operation changes only while it is neither live nor pinned.
//
// Thread safety: all calls from any actor. Cost: insert and release take a brief lock each, release
// and cancel two locked instructions more; constant time, no heap. 16 bytes a slot, the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "belay/operation.hpp"

namespace belay::inline BELAY_BUILD {

/// A value: 64 bits to store, to send, or to hand through a C interface.
class operation_id {
 public:
  constexpr operation_id() noexcept = default;
  constexpr std::uint64_t bits() const noexcept { return bits_; }
  static constexpr operation_id from_bits(std::uint64_t bits) noexcept {
    operation_id result;
    result.bits_ = bits;
    return result;
  }
  constexpr std::uint32_t index() const noexcept { return static_cast<std::uint32_t>(bits_); }
  constexpr std::uint32_t generation() const noexcept {
    return static_cast<std::uint32_t>(bits_ >> 32);
  }
  /// Whether it ever named an operation.
  constexpr explicit operator bool() const noexcept { return bits_ != 0; }
  friend constexpr bool operator==(operation_id, operation_id) noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};

/// Each is needed: tests/core/table_explored.cpp shows what comes of taking it back.
struct table_traits {
  using operation = operation_traits;
  static constexpr sync::order::kind pin = sync::order::acquire;
  static constexpr sync::order::kind unpin = sync::order::acq_rel;
  static constexpr sync::order::kind publish = sync::order::release;
  static constexpr bool checks_generation = true;
  static constexpr bool pins = true;
  static constexpr bool waits_for_pins = true;
  static constexpr bool wakes = true;
  static constexpr bool retires = true;
  static constexpr int spins = operation_traits::spins;
  static constexpr std::uint32_t first_generation = 1;
};

template <class Traits>
class basic_operation_table;

/// One place in a table. It belongs to the table from its construction to its destruction.
template <class Traits>
class basic_operation_slot {
 private:
  friend class basic_operation_table<Traits>;
  // [ generation:32 | LIVE | WAIT | pins:30 ]
  sync::atomic<std::uint64_t> state_{static_cast<std::uint64_t>(Traits::first_generation) << 32};
  union {
    basic_operation<typename Traits::operation>* operation_ = nullptr;  // live or pinned
    std::uint32_t next_;                                                // free
  };
};

template <class Traits>
class basic_operation_table {
 public:
  using slot = basic_operation_slot<Traits>;
  using operation = basic_operation<typename Traits::operation>;
  /// What cancel() returns when the id names no operation (any more). Nothing changed.
  static constexpr std::nullopt_t stale = std::nullopt;

  /// Uses `slots`, which nobody has used before, until its destruction.
  explicit constexpr basic_operation_table(std::span<slot> slots) noexcept : slots_(slots) {}
  basic_operation_table(const basic_operation_table&) = delete;
  basic_operation_table& operator=(const basic_operation_table&) = delete;

  /// Gives `which` a number.
  ///
  /// Callers:  its owner.
  /// Returns:  its id until release(); the empty id when all slots are in use or retired.
  /// Ordering: what the caller did before happens before any cancel() by this id.
  operation_id insert(operation& which) noexcept;

  /// Makes the id stale. On return nobody reaches the operation through it, now or later; a notify
  /// routine that such a request took out may still be running: disarm() or complete() see to that.
  ///
  /// Callers:  the operation's owner, or who received the right to finish; also inside the routine.
  /// Returns:  false if the id was stale already. Who released it may not have returned yet.
  /// Ordering: what cancellers did to the operation's word happens before the return.
  /// Races:    release against cancel: the request is made before this returns, or never. Waits for
  ///           the exchange of a canceller that is at it, never for a routine.
  bool release(operation_id id) noexcept;

  /// Cancels the operation that `id` names, as operation::cancel() does.
  ///
  /// Returns: what that returns; or `stale`.
  std::optional<cancel_result> cancel(operation_id id, belay::reason why) noexcept;

  std::size_t capacity() const noexcept { return slots_.size(); }

 private:
  static constexpr std::uint32_t none = 0xffff'ffff;
  static constexpr std::uint64_t live = 1u << 31, waits = 1u << 30, pins_mask = waits - 1;

  static constexpr std::uint64_t generation_of(std::uint64_t state) noexcept { return state >> 32; }
  static bool names(operation_id id, std::uint64_t state) noexcept {
    return (state & live) != 0 &&
           (generation_of(state) == id.generation() || !Traits::checks_generation);
  }
  slot* find(operation_id id) const noexcept {
    return id.index() < slots_.size() ? &slots_[id.index()] : nullptr;
  }
  static bool pin(slot& which, operation_id id) noexcept;
  static void unpin(slot& which) noexcept;
  static void wait_for_pins(slot& which) noexcept;
  static const volatile void* low_half(const slot& which) noexcept;
  std::uint32_t take_free() noexcept;

  std::span<slot> slots_;
  sync::brief_lock lock_;
  std::uint32_t used_ = 0;     // slots that were ever used come first
  std::uint32_t free_ = none;  // the first of those that are free
};

extern template class basic_operation_table<table_traits>;

using operation_slot = basic_operation_slot<table_traits>;
using operation_table = basic_operation_table<table_traits>;
static_assert(sizeof(operation_slot) == 16);

}  // namespace belay::inline BELAY_BUILD
