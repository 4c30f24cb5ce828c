// Who may open a device file: the SDDL of IoCreateDeviceSecure as a Linux mode.
//
// The owner stands for SYSTEM and the administrators, "others" for everyone, authenticated and
// interactive users. Denying entries come first, as Windows' canonical order has them.
#pragma once

#include <string_view>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::host {

/// Permission bits (0 to 0777, no execution). An empty text: the device was made without, 0666.
unsigned access_mode(std::string_view sddl);

}  // namespace belay::inline BELAY_BUILD::host
