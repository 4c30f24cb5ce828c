// Data whose accesses the operations under test must order.
#pragma once

#include <cstdint>

#include "sync/sync.hpp"

namespace core_tests {

namespace sync = belay::sync;

/// A variable that is no scheduling point, but whose accesses must be ordered by those that are:
/// the clocks of the race detector find out, wherever in between it is touched.
class alignas(8) ordered {
 public:
  void write(int value) {
    sync::races().plain(sync::self(), reinterpret_cast<std::uintptr_t>(this), true);
    value_ = value;
  }
  int read() const {
    sync::races().plain(sync::self(), reinterpret_cast<std::uintptr_t>(this), false);
    return value_;
  }

 private:
  int value_ = 0;
};

}  // namespace core_tests
