// Which Win32 error a status becomes, and the words for an error.
//
// Thread safety: all of it is constant.
// Contract: WIN32-ERROR-001
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

/// What RtlNtStatusToDosError returns: ERROR_MR_MID_NOT_FOUND for a status that has no error, the
/// status itself for one with the customer's bit, the low half for one that was made of an error.
std::uint32_t error_of(std::int32_t status);

/// A sentence about the error, without an end of line; nullptr if there is none.
const char* error_text(std::uint32_t error);

/// The name of an error, "ERROR_ACCESS_DENIED"; nullptr for one that no status becomes.
const char* error_name(std::uint32_t error);

}  // namespace belay::inline BELAY_BUILD::win32
