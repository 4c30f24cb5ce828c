// Critical sections, for the other locks. `section` is a CRITICAL_SECTION.
#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

void enter_section(void* section);
void leave_section(void* section);

}  // namespace belay::inline BELAY_BUILD::win32
