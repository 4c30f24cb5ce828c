// What `belay check --callbacks` says: for a terminal, and as JSON.
#pragma once

#include <string>

#include "explore/callback_program.hpp"
#include "explore/report_text.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// Each finding with the next commands, then the table. The files are those of the results.
std::string callbacks_text(const callbacks_result& result, const report_context& context);
std::string callbacks_json(const callbacks_result& result, const std::string& driver);

}  // namespace belay::inline BELAY_BUILD::explore
