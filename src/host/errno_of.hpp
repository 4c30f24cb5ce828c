// What a Linux program is told of an NTSTATUS.
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::host {

/// The errno for an error status; 0 for success, information and warnings. STATUS_CANCELLED is
/// ECANCELED: the caller says EINTR if a signal was the reason.
int errno_of(std::int32_t status);

}  // namespace belay::inline BELAY_BUILD::host
