// Scheduling points: the processor makes the decisions, so there is nothing to do.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

inline void point(access_kind, const volatile void*, std::size_t) {}
inline void note(const char*, const void*, const void*) {}

class sealed {
 public:
  sealed() {}
  ~sealed() {}
  sealed(const sealed&) = delete;
  sealed& operator=(const sealed&) = delete;
};

class unsealed {
 public:
  unsealed() {}
  ~unsealed() {}
  unsealed(const unsealed&) = delete;
  unsealed& operator=(const unsealed&) = delete;
};

inline std::uint8_t seals() { return 0; }
inline void set_seals(std::uint8_t) {}

}  // namespace belay::inline BELAY_BUILD::sync
