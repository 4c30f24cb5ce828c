// The console: what it tells the program, and the handles that stand for it.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

struct control_handler;

/// Tells the program's handlers, latest first, until one says that it took care.
///
/// Callers: a thread that the host keeps for it, as Windows does; not the one that it interrupts.
/// Returns: false if none did, and the program is to end with exit code 0xC000013A.
bool raise_control(std::uint32_t type);
void free_control_handlers(control_handler* first);

}  // namespace belay::inline BELAY_BUILD::win32
