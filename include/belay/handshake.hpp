// What came out when an owner tried to take its routine out of an operation.
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD {

enum class handshake : std::uint8_t {
  /// The caller took the routine out: it never runs, and the right to finish is the caller's.
  won,
  /// The cancel request took it out. A notify routine has returned, its effects are visible, and
  /// the
  /// right to finish is still the caller's; a claim routine has that right.
  cancelled,
  /// As `cancelled`, but the caller is inside the notify routine, which of course has not returned.
  cancelled_inside,
  /// The cancel request took it out and the notify routine is still running: only from calls that
  /// do not wait for it, or not for that long.
  running,
  /// The operation has its outcome and was never asked to cancel: the caller had no right to finish.
  refused,
};

}  // namespace belay::inline BELAY_BUILD
