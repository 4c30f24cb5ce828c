// Structured exceptions of guests: __try, __except, __finally (include/windows/excpt.h).
//
// Thread safety: an actor's guarded blocks are its own.
// Invariants: the chain of guarded blocks lies on the actor's stack, the newest deepest; a block is
// taken off the chain before anything of it runs. Nothing of it outlives an abandoned execution.
// Contract: WDM-IRP-014, WDM-IRP-025, WDM-EX-001
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/executive.hpp"

namespace belay::inline BELAY_BUILD::kernel {

inline constexpr std::uint32_t status_access_violation = 0xC0000005;
inline constexpr std::uint32_t status_datatype_misalignment = 0x80000002;
inline constexpr std::uint32_t status_integer_divide_by_zero = 0xC0000094;

/// Where Windows ends the user's half of the address space.
inline constexpr std::uintptr_t user_probe_address = 0x00007FFF'FFFF0000;

/// Whether the calling actor is in a guarded block.
bool in_guarded_block();
/// Whether a fault of the guest at `address` belongs to the guarded block it is in: the address is
/// a user's (nothing is mapped there) and the IRQL is below DISPATCH_LEVEL, where a page fault can
/// be taken. Asked by who turns signals into findings; safe in a signal handler.
bool catches_fault(std::uintptr_t address);
/// Raises that fault as STATUS_ACCESS_VIOLATION, on the actor's own stack, not in a signal handler.
[[noreturn]] void raise_fault(std::uintptr_t address, bool write, const void* site);
/// Raises an exception. Without a guarded block it is bug check 0x1E, in a system thread 0x7E
/// (`clause`). `site`: where, in the guest.
[[noreturn]] void raise_exception(std::uint32_t status, const void* site,
                                  const char* clause = "WDM-IRP-025");

/// Whether all of the range lies in the user's half of the address space, and does not wrap round.
bool is_users(const volatile void* address, std::size_t bytes);

/// Forgets guarded blocks that a jump to the end of the thread left behind.
void leave_all_blocks(thread& self);
/// Frees what the actor's exceptions needed.
void free_tries(thread& self);

}  // namespace belay::inline BELAY_BUILD::kernel
