#include "guest/bug_checks.hpp"

#include <fmt/format.h>

namespace belay::inline BELAY_BUILD::guest {
namespace {

struct bug_check {
  std::uint32_t code;
  const char* name;
};

// Those that a driver of requests, locks, pool and power can bring about.
constexpr bug_check known[] = {
    {0x1, "APC_INDEX_MISMATCH"},
    {0x5, "INVALID_PROCESS_ATTACH_ATTEMPT"},
    {0x8, "IRQL_NOT_DISPATCH_LEVEL"},
    {0x9, "IRQL_NOT_GREATER_OR_EQUAL"},
    {0xa, "IRQL_NOT_LESS_OR_EQUAL"},
    {0xf, "SPIN_LOCK_ALREADY_OWNED"},
    {0x10, "SPIN_LOCK_NOT_OWNED"},
    {0x18, "REFERENCE_BY_POINTER"},
    {0x19, "BAD_POOL_HEADER"},
    {0x1e, "KMODE_EXCEPTION_NOT_HANDLED"},
    {0x24, "NTFS_FILE_SYSTEM"},
    {0x2a, "INCONSISTENT_IRP"},
    {0x35, "NO_MORE_IRP_STACK_LOCATIONS"},
    {0x36, "DEVICE_REFERENCE_COUNT_NOT_ZERO"},
    {0x3b, "SYSTEM_SERVICE_EXCEPTION"},
    {0x44, "MULTIPLE_IRP_COMPLETE_REQUESTS"},
    {0x48, "CANCEL_STATE_IN_COMPLETED_IRP"},
    {0x49, "PAGE_FAULT_WITH_INTERRUPTS_OFF"},
    {0x4a, "IRQL_GT_ZERO_AT_SYSTEM_SERVICE"},
    {0x50, "PAGE_FAULT_IN_NONPAGED_AREA"},
    {0x51, "REGISTRY_ERROR"},
    {0x7e, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"},
    {0x7f, "UNEXPECTED_KERNEL_MODE_TRAP"},
    {0x8e, "KERNEL_MODE_EXCEPTION_NOT_HANDLED"},
    {0x9f, "DRIVER_POWER_STATE_FAILURE"},
    {0xbe, "ATTEMPTED_WRITE_TO_READONLY_MEMORY"},
    {0xc1, "SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION"},
    {0xc2, "BAD_POOL_CALLER"},
    {0xc4, "DRIVER_VERIFIER_DETECTED_VIOLATION"},
    {0xc5, "DRIVER_CORRUPTED_EXPOOL"},
    {0xc6, "DRIVER_CAUGHT_MODIFYING_FREED_POOL"},
    {0xc7, "TIMER_OR_DPC_INVALID"},
    {0xc8, "IRQL_UNEXPECTED_VALUE"},
    {0xc9, "DRIVER_VERIFIER_IOMANAGER_VIOLATION"},
    {0xcb, "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS"},
    {0xcc, "PAGE_FAULT_IN_FREED_SPECIAL_POOL"},
    {0xcd, "PAGE_FAULT_BEYOND_END_OF_ALLOCATION"},
    {0xce, "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS"},
    {0xd0, "DRIVER_CORRUPTED_MMPOOL"},
    {0xd1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL"},
    {0xd3, "DRIVER_PORTION_MUST_BE_NONPAGED"},
    {0xd4, "SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD"},
    {0xd5, "DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL"},
    {0xd6, "DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION"},
    {0xd7, "DRIVER_UNMAPPING_INVALID_VIEW"},
    {0xd8, "DRIVER_USED_EXCESSIVE_PTES"},
    {0xdb, "DRIVER_CORRUPTED_SYSPTES"},
    {0xe1, "WORKER_THREAD_RETURNED_AT_BAD_IRQL"},
    {0xe2, "MANUALLY_INITIATED_CRASH"},
    {0xe3, "RESOURCE_NOT_OWNED"},
    {0xe4, "WORKER_INVALID"},
    {0xfc, "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY"},
    {0xfe, "BUGCODE_USB_DRIVER"},
    {0x10d, "WDF_VIOLATION"},
    {0x101, "CLOCK_WATCHDOG_TIMEOUT"},
    {0x133, "DPC_WATCHDOG_VIOLATION"},
    {0x139, "KERNEL_SECURITY_CHECK_FAILURE"},
};

}  // namespace

const char* bug_check_name(std::uint32_t code) {
  for (const bug_check& each : known) {
    if (each.code == code) return each.name;
  }
  return nullptr;
}

std::string bug_check_text(std::uint32_t code, const std::uint64_t (&parameter)[4]) {
  if (code == 0) return {};
  const char* name = bug_check_name(code);
  return fmt::format("bug check {:#x}{}{} ({:#x}, {:#x}, {:#x}, {:#x})", code,
                     name != nullptr ? " " : "", name != nullptr ? name : "", parameter[0],
                     parameter[1], parameter[2], parameter[3]);
}

}  // namespace belay::inline BELAY_BUILD::guest
