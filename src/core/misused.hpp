// What happens to a caller that breaks a contract of core.
#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::core {

/// Arming over an armed routine, taking out one that is not armed, reporting an outcome past an
/// armed routine, destroying what somebody else still runs or what others are attached to: nothing
/// right can follow. The trap is where a debugger shows the caller.
[[noreturn]] inline void misused() { __builtin_trap(); }

}  // namespace belay::inline BELAY_BUILD::core
