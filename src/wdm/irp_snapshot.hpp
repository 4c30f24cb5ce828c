// The packets there are at one moment, for whoever watches while drivers run.
//
// Thread safety: any thread; visit_irps() of io_manager.hpp is for moments at which nobody runs.
#pragma once

#include <cstddef>

#include "wdm/io_manager.hpp"

namespace belay::inline BELAY_BUILD::wdm {

/// Copies what is known of each packet that is not completed.
///
/// Callers: any thread, IRQL <= DISPATCH_LEVEL.
/// Returns: how many there are; at most `room` were written. The pointers are to compare with,
///          no more: what they point to may be gone.
std::size_t snapshot_irps(irp_view* out, std::size_t room);

}  // namespace belay::inline BELAY_BUILD::wdm
