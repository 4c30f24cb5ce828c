// Happens-before data-race detection for tests of our own concurrent code, by vector clocks.
//
// The explorer runs one interleaving of sequentially consistent steps; what makes a relaxed order
// wrong is that it leaves two plain accesses unordered. Off unless switched on.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <unordered_map>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

class race_detector {
 public:
  static constexpr int width = 16;  // actors that it can tell apart
  using clock = std::array<std::uint32_t, width>;
  using report = void (*)(const void* address);

  /// Starts a new execution. `on_race` may be nullptr: off.
  void reset(report on_race);

  void spawned(actor_id parent, actor_id child) {
    if (on_race_ != nullptr) spawned_slowly(parent, child);
  }
  void joined(actor_id who, actor_id finished) {
    if (on_race_ != nullptr) join(at(who), at(finished));
  }
  void load(const volatile void* address, std::memory_order order) {
    if (on_race_ != nullptr) sync(address, acquires(order), false, false);
  }
  void store(const volatile void* address, std::memory_order order) {
    if (on_race_ != nullptr) sync(address, false, releases(order), true);
  }
  void update(const volatile void* address, std::memory_order order) {
    if (on_race_ != nullptr) sync(address, acquires(order), releases(order), false);
  }
  void plain(const volatile void* address, bool writes) {
    if (on_race_ != nullptr) plain_slowly(address, writes);
  }

  static constexpr std::memory_order failure_order(std::memory_order order) {
    return order == std::memory_order_acq_rel   ? std::memory_order_acquire
           : order == std::memory_order_release ? std::memory_order_relaxed
                                                : order;
  }

 private:
  struct location {
    clock reads{};
    std::uint32_t write = 0;
    int writer = -1;
  };

  static bool acquires(std::memory_order order) {
    return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst || order == std::memory_order_consume;
  }
  static bool releases(std::memory_order order) {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
  }
  static void join(clock& into, const clock& from) {
    for (int i = 0; i < width; ++i) {
      if (from[static_cast<std::size_t>(i)] > into[static_cast<std::size_t>(i)])
        into[static_cast<std::size_t>(i)] = from[static_cast<std::size_t>(i)];
    }
  }
  clock& at(actor_id who) { return clocks_[static_cast<std::size_t>(who < 0 ? 0 : who % width)]; }
  void spawned_slowly(actor_id parent, actor_id child);
  void sync(const volatile void* address, bool acquire, bool release, bool replaces);
  void plain_slowly(const volatile void* address, bool writes);

  report on_race_ = nullptr;
  std::array<clock, width> clocks_{};
  std::unordered_map<std::uintptr_t, clock> released_;
  std::unordered_map<std::uintptr_t, location> locations_;
};

extern race_detector the_race_detector;
inline race_detector& races() { return the_race_detector; }

}  // namespace belay::inline BELAY_BUILD::sync
