// The happens-before order of an execution, by vector clocks, and the plain accesses that it leaves
// unordered (after FastTrack: Flanagan and Freund, PLDI 2009).
//
// Two uses. In tests of our own concurrent code a race is a finding: the explorer's steps are
// sequentially consistent, so what shows that an order is too weak is two plain accesses without
// one. For guests it says which memory needs scheduling points: code between two synchronising
// steps that races with nothing behaves the same wherever it is preempted (see guest_access.hpp).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

class race_detector {
 public:
  static constexpr int width = 64;  // actors
  using report = void (*)(const void* address);

  /// Off, watching only (plain() answers), or reporting each race to `on_race`.
  void switch_off() { on_ = false, on_race_ = nullptr; }
  void watch() { on_ = true, on_race_ = nullptr; }
  void report_to(report on_race) { on_ = true, on_race_ = on_race; }
  bool is_on() const { return on_; }

  /// Starts an execution.
  void reset();

  void spawned(actor_id parent, actor_id child) {
    if (on_) hand_over(parent, child);
  }
  void joined(actor_id who, actor_id finished) {
    if (on_) join(clocks_[slot(who)], clocks_[slot(finished)]);
  }
  /// `who` forgets all that happened before.
  void begin_again(actor_id who) {
    if (!on_) return;
    const std::uint32_t time = clocks_[slot(who)][slot(who)];
    clocks_[slot(who)] = {};
    clocks_[slot(who)][slot(who)] = time + 1;
  }
  void load(actor_id who, const volatile void* at, std::memory_order order) {
    if (on_) sync(who, at, acquires(order), false, false);
  }
  void store(actor_id who, const volatile void* at, std::memory_order order) {
    if (on_) sync(who, at, false, releases(order), true);
  }
  void update(actor_id who, const volatile void* at, std::memory_order order) {
    if (on_) sync(who, at, acquires(order), releases(order), false);
  }
  /// A plain access. True: it is not ordered with an earlier one to the same eight bytes.
  bool plain(actor_id who, std::uintptr_t address, bool writes);
  /// Whether a write by `who` would not be ordered with an earlier access to the same eight bytes.
  bool would_race(actor_id who, std::uintptr_t address) const;

  static constexpr std::memory_order failure_order(std::memory_order order) {
    return order == std::memory_order_acq_rel   ? std::memory_order_acquire
           : order == std::memory_order_release ? std::memory_order_relaxed
                                                : order;
  }

 private:
  using clock = std::array<std::uint32_t, width>;

  struct sync_cell {
    std::uintptr_t address;
    std::uint64_t generation;
    std::uint32_t clock;  // index in released_
  };
  struct plain_cell {
    std::uintptr_t granule;
    std::uint64_t generation;
    std::uint32_t write_time, read_time;
    std::int16_t writer, reader;  // -1: none
    std::int32_t readers;         // index in many_, once two actors read; -1: not
  };

  static std::size_t slot(actor_id who) { return static_cast<std::size_t>(who < 0 ? 0 : who); }
  static bool acquires(std::memory_order order) {
    return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst || order == std::memory_order_consume;
  }
  static bool releases(std::memory_order order) {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
  }
  void join(clock& into, const clock& from) {
    for (std::size_t i = 0; i < top_; ++i) into[i] = into[i] < from[i] ? from[i] : into[i];
  }
  void hand_over(actor_id parent, actor_id child);
  void sync(actor_id who, const volatile void* at, bool acquire, bool release, bool replaces);
  clock& released(std::uintptr_t address);
  plain_cell& cell(std::uintptr_t granule);
  bool unordered_write(const plain_cell& it, const clock& mine) const;
  std::size_t place(std::uint64_t key, std::size_t cells) const {
    return (key * 0x9E3779B97F4A7C15u) >> 20 & (cells - 1);
  }

  bool on_ = false;
  report on_race_ = nullptr;
  std::uint64_t generation_ = 0;
  std::size_t top_ = 8;  // actors in use, rounded up
  std::array<clock, width> clocks_{};
  std::vector<sync_cell> syncs_;
  std::vector<clock> released_;
  std::size_t released_used_ = 0;
  std::vector<plain_cell> plains_;
  std::size_t plains_used_ = 0;
  std::vector<clock> many_;
  std::size_t many_used_ = 0;
};

extern race_detector the_race_detector;
inline race_detector& races() { return the_race_detector; }

}  // namespace belay::inline BELAY_BUILD::sync
