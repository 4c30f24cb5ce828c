// The folder that devices are mounted on: is it fit, and who made it.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "guest/refusal.hpp"

namespace belay::inline BELAY_BUILD::host {

/// Makes the folder if it is not there, and refuses one that is a file, not empty, or mounted on;
/// also a machine without FUSE. Returns: whether it was made, and is to be removed.
tl::expected<bool, guest::refusal> prepare_mount_point(const std::string& folder);

}  // namespace belay::inline BELAY_BUILD::host
