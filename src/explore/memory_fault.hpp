// An access that the shadow memory forbids, as a finding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::explore {

/// Says what was touched: an IRP after its completion, a freed block, or beyond a block.
void report_memory_fault(std::uintptr_t address, std::size_t size, bool write);

}  // namespace belay::inline BELAY_BUILD::explore
