// A counter-example as one self-contained HTML page.
#pragma once

#include <string>

#include "explore/report_text.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// The page: what is wrong and why, the space-time diagram, the source at each step, and how to go
/// on. `result` may be nullptr (a replay has none).
std::string html_report(const trace& example, const check_result* result,
                        const report_context& context);

}  // namespace belay::inline BELAY_BUILD::explore
