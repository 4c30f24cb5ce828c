// The happens-before history of an execution, as hashes.
//
// Each actor's hash covers what it did and, through the cells below, all that happened before. The
// sum over the actors is a fingerprint of the state: two prefixes with the same fingerprint differ
// only in the order of independent steps, so that what follows one follows the other.
#pragma once

#include <cstdint>
#include <vector>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a ^ (b * 0x9E3779B97F4A7C15u);
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93u;
  x ^= x >> 29;
  x *= 0xC2B2AE3D27D4EB4Fu;
  return x ^ (x >> 32);
}

class history_table {
 public:
  void reset() {
    ++generation_;
    used_ = 0;
    fingerprint_ = 0;
  }
  std::uint64_t fingerprint() const { return fingerprint_; }

  /// `history` of actor `who` grows by one access.
  void commit(int who, std::uint64_t& history, access_kind kind, std::uintptr_t address,
              std::size_t size) {
    const std::uint64_t before = history;
    const auto code = static_cast<std::uint64_t>(kind);
    if (address == 0 || size == 0) {
      history = mix(history, code);
    } else {
      const std::uintptr_t last = (address + size - 1) >> 3;
      for (std::uintptr_t granule = address >> 3; granule <= last; ++granule) {
        cell& at = find(granule);
        if (kind == access_kind::read) {
          history = mix(mix(history, at.written), granule ^ (code << 56));
          at.read += mix(history, 1);
        } else {
          history = mix(mix(history, at.written + at.read), granule ^ (code << 56));
          at.written = history;
          at.read = 0;
        }
      }
    }
    fingerprint_ += mix(history, static_cast<std::uint64_t>(who)) -
                    mix(before, static_cast<std::uint64_t>(who));
  }

  /// `history` of actor `who` grows by something that no address names.
  void commit(int who, std::uint64_t& history, std::uint64_t what) {
    const std::uint64_t before = history;
    history = mix(history, what);
    fingerprint_ += mix(history, static_cast<std::uint64_t>(who)) -
                    mix(before, static_cast<std::uint64_t>(who));
  }

 private:
  struct cell {
    std::uintptr_t granule;
    std::uint64_t written, read;
    std::uint64_t generation;
  };

  cell& find(std::uintptr_t granule) {
    if (cells_.empty()) cells_.resize(std::size_t{1} << 12);
    for (;;) {
      const std::size_t mask = cells_.size() - 1;
      for (std::size_t i = mix(granule, 0) & mask;; i = (i + 1) & mask) {
        cell& at = cells_[i];
        if (at.generation == generation_ && at.granule == granule) return at;
        if (at.generation == generation_) continue;
        if (used_ * 2 > cells_.size()) break;
        ++used_;
        at = {granule, 0, 0, generation_};
        return at;
      }
      grow();
    }
  }
  void grow();

  std::vector<cell> cells_;
  std::uint64_t generation_ = 1;
  std::size_t used_ = 0;
  std::uint64_t fingerprint_ = 0;
};

}  // namespace belay::inline BELAY_BUILD::sync
