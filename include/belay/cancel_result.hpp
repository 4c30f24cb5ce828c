// What a cancel request met.
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD {

enum class cancel_result : std::uint8_t {
  claimed,                  ///< it took the routine out and ran it
  requested_nothing_armed,  ///< it is on record; the owner sees it at its next arm() or when it
                            ///< asks
  already_cancelled,        ///< an earlier request counts, with its reason
  too_late,                 ///< the operation had its outcome already; nothing changed
};

}  // namespace belay::inline BELAY_BUILD
