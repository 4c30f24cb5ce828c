// What interruptible_call.S offers, and the signal that goes with it. Private to src/edges.
//
// Thread safety: everything, from any thread; on_interrupt() as a signal handler.
#pragma once

#include <csignal>
#include <cstdint>

#include "belay/interruptible.hpp"

extern "C" {
long belay_interruptible_call(const void* word, long number, const long* arguments) noexcept;
// Addresses in it, in this order.
extern const char belay_interruptible_begin[], belay_interruptible_end[],
    belay_interruptible_unmade[], belay_interruptible_over[];
#if defined(__x86_64__)
void belay_interruptible_restore() noexcept;
#endif
}

namespace belay::inline BELAY_BUILD::edges {

inline constexpr long call_not_made = INT64_MIN;

/// The si_uid of our signals, whose si_code is SI_QUEUE: nobody's user number. A si_code of our own
/// would do as well for the kernel, but not for qemu-user.
inline constexpr unsigned interrupt_mark = 0x4245'4c59;

/// Where in its code a signal found the thread.
enum class interrupted_at : std::uint8_t {
  before_call,  ///< it can still be kept from making the call
  after_call,   ///< the kernel has answered
  elsewhere,    ///< around it, or in somebody's signal handler on top of it
};

/// The signal's number; the first caller installs the handler.
int interrupt_signal() noexcept;
/// See interruptible::use_signal().
bool use_interrupt_signal(int number) noexcept;

/// Sends it to `who`, whose thread is inside a call. When the user has more signals queued than the
/// system allows (RLIMIT_SIGPENDING) it tries until there is room.
void interrupt(interruptible::state& who) noexcept;

/// Unblocks it on the calling thread. Whatever is pending has been received when this returns.
///
/// Returns:  whether it was blocked.
bool unblock_interrupts() noexcept;
void block_interrupts() noexcept;

/// The handler.
void on_interrupt(int number, siginfo_t* info, void* context) noexcept;

}  // namespace belay::inline BELAY_BUILD::edges
