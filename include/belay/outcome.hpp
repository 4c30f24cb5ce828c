// How an operation ended.
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD {

/// Independent of whether cancellation was requested: an operation that was asked to stop may still
/// complete, and one that nobody asked may fail.
enum class outcome : std::uint8_t {
  none,       ///< it has not ended
  completed,  ///< it did what it was for
  canceled,   ///< it stopped because somebody asked
  failed,     ///< it ended for another reason
};

}  // namespace belay::inline BELAY_BUILD
