// When an execution cannot go on: who waits for whom.
#pragma once

#include "explore/execution.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// What a deadlock or too many steps means, from the state that the scheduler stopped in.
finding explain_ending(sync::ending how);

/// Executes, and makes a deadlock or too many steps a finding, too.
execution run_to_finding(program& what, sync::chooser& by);

}  // namespace belay::inline BELAY_BUILD::explore
