// What Windows calls its bug checks.
#pragma once

#include <cstdint>
#include <string>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::guest {

/// "MULTIPLE_IRP_COMPLETE_REQUESTS", or nullptr for a code that drivers do not meet.
const char* bug_check_name(std::uint32_t code);

/// "bug check 0x44 MULTIPLE_IRP_COMPLETE_REQUESTS (0x…, 0x…, 0x0, 0x0)"; empty when Windows would
/// not stop.
std::string bug_check_text(std::uint32_t code, const std::uint64_t (&parameter)[4]);

}  // namespace belay::inline BELAY_BUILD::guest
