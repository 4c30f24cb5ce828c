#include "explore/memory_fault.hpp"

#include <cstdio>

#include "explore/execution.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::explore {

void report_memory_fault(std::uintptr_t address, std::size_t size, bool write) {
  const sync::arena& memory = sync::world().memory();
  kernel::violation what;
  what.object = reinterpret_cast<const void*>(address);
  what.parameter[0] = address;
  what.parameter[1] = write ? 1 : 0;
  what.parameter[2] = reinterpret_cast<std::uintptr_t>(sync::world().me().site);
  const char* const verb = write ? "writes" : "reads";
  std::uintptr_t start = 0;
  std::size_t bytes = 0;
  const bool known = memory.find_block(address, &start, &bytes);
  const long offset = static_cast<long>(address - start);
  // The first byte that is out of bounds says why; a wide access may begin within a block.
  std::uint8_t shadow = memory.shadow_of(address);
  if (shadow == static_cast<std::uint8_t>(sync::memory_state::addressable)) {
    shadow = memory.shadow_of(address + size - 1);
  }
  switch (static_cast<sync::memory_state>(shadow)) {
    case sync::memory_state::completed:
      what.clause = "WDM-IRP-001";
      what.rule = "IrpProcessingComplete";
      what.bug_check = 0xD5;
      std::snprintf(what.text, sizeof what.text,
                    "the driver %s %zu bytes of an I/O request that has been completed and is no "
                    "longer its own",
                    verb, size);
      break;
    case sync::memory_state::freed:
      what.clause = "WDM-IRP-010";
      what.rule = "DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL";
      what.bug_check = 0xD5;
      std::snprintf(
          what.text, sizeof what.text,
          "the driver %s %zu bytes of memory that has been freed (at offset %ld of a block of %zu)",
          verb, size, offset, bytes);
      break;
    default:
      what.clause = "WDM-IRP-011";
      what.rule = "DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION";
      what.bug_check = 0xD6;
      if (known) {
        std::snprintf(what.text, sizeof what.text,
                      "the driver %s %zu bytes at offset %ld of a block of %zu bytes", verb, size,
                      offset, bytes);
      } else {
        std::snprintf(what.text, sizeof what.text,
                      "the driver %s %zu bytes that were never allocated", verb, size);
      }
  }
  report_finding(what);
}

}  // namespace belay::inline BELAY_BUILD::explore
