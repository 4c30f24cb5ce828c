// The word of an operation: where everything about it stands; and the decisions about it that the
// tests take back one by one. For operation.hpp only.
//
//                63                                          4    3      2      1      0
//   open       [ routine's address, 16-byte aligned; 0: none | WAIT | NOTIFY |  0   |   0    ]
//                63        32 31         8  7    6   5      4    3      2      1      0
//   closed     [   reason    | canceller  | - | AFTER | outcome | WAIT | RUN | DONE | CANCEL ]
//
//   CANCEL   a request came; reason and canceller (the actor that made it, low 24 bits) are its
//   DONE     there is an outcome
//   RUN      the canceller is calling a notify routine, or has yet to
//   NOTIFY   the armed routine is a notify routine: the request turns this very bit into RUN
//   WAIT     somebody may sleep on the low half of the word
//   AFTER    the canceller calls the routine's other function when RUN is clear
//
// Invariants:
//   1. Open becomes closed once, until try_reset(). Pointers are installed by the owner only, so
//      that the owner's "the word is what I armed" can only mean "still armed, never asked": no
//      ABA.
//   2. CANCEL and DONE are each set once, by the compare-and-swap of one caller; CANCEL never after
//      DONE. Reason and canceller are set with CANCEL, the outcome with DONE.
//   3. Each armed pointer is taken out by exactly one compare-and-swap: disarm, replace, complete
//      or cancel. The routine runs once if that is cancel, else never.
//   4. RUN is set only together with CANCEL and cleared only by the canceller, its last access to
//      the operation. A canceller of a claim routine, or of nothing, makes none after its swap.
//   5. While the word is open WAIT is kept; once closed it is never cleared. Whoever sets DONE or
//      clears RUN and finds WAIT wakes everybody; sleepers look again, and tolerate being woken for
//      nothing.
#pragma once

#include <cstdint>

#include "belay/reason.hpp"
#include "belay/results.hpp"
#include "belay/routine.hpp"
#include "sync/order.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD {

/// Each is needed: tests/core/operation_mutants.cpp shows the race that taking it back lets in.
struct operation_traits {
  static constexpr sync::order::kind arm = sync::order::release;
  /// By the book; the owner only ever reads back what its own side wrote, so no test can miss it.
  static constexpr sync::order::kind disarm = sync::order::acquire;
  static constexpr sync::order::kind complete = sync::order::acq_rel;
  static constexpr sync::order::kind cancel = sync::order::acq_rel;
  static constexpr sync::order::kind finish_routine = sync::order::acq_rel;
  static constexpr sync::order::kind look = sync::order::acquire;
  static constexpr bool arm_heeds_request = true;
  static constexpr bool cancel_heeds_outcome = true;
  static constexpr bool complete_heeds_outcome = true;
  static constexpr bool owner_waits = true;
  static constexpr bool waiter_waits_for_routine = true;
  static constexpr bool heeds_destruction = true;
  static constexpr bool wakes = true;
  static constexpr bool reset_heeds_request = true;
#if defined(BELAY_EXPLORED)
  static constexpr int spins = 0;  // turning round once more shows nothing new
#else
  static constexpr int spins = 64;  // about two microseconds
#endif
};

namespace operation_word {

using value = std::uint64_t;

inline constexpr value cancel_bit = 1, done_bit = 2, run_bit = 4, wait_bit = 8, after_bit = 64;
inline constexpr value notify_bit = run_bit;
inline constexpr value flags = 15;  // of an open word
inline constexpr int outcome_shift = 4, canceller_shift = 8, reason_shift = 32;
inline constexpr value outcome_mask = 3, canceller_mask = 0xff'ffff;

inline value address(const routine& which) noexcept {
  return reinterpret_cast<std::uintptr_t>(&which);
}
inline value armed(const notify_routine& which) noexcept { return address(which) | notify_bit; }
inline value armed(const claim_routine& which) noexcept { return address(which); }

constexpr value ended(outcome how) noexcept {
  return static_cast<value>(how) << outcome_shift | done_bit;
}
constexpr bool is_cancelled(value now) noexcept { return (now & cancel_bit) != 0; }
constexpr bool is_running(value now) noexcept {
  return (now & (cancel_bit | run_bit)) == (cancel_bit | run_bit);
}
constexpr belay::reason reason_of(value now) noexcept {
  return is_cancelled(now)
             ? belay::reason::from_bits(static_cast<std::uint32_t>(now >> reason_shift))
             : belay::reason();
}
constexpr outcome outcome_of(value now) noexcept {
  return (now & done_bit) != 0 ? static_cast<outcome>(now >> outcome_shift & outcome_mask)
                               : outcome::none;
}

/// The calling actor as a canceller.
inline value caller() noexcept {
  return (static_cast<value>(sync::self()) & canceller_mask) << canceller_shift;
}
/// Whether the calling actor made the request that counts.
inline bool is_canceller(value now) noexcept {
  return is_cancelled(now) && (now & canceller_mask << canceller_shift) == caller();
}
inline value request(belay::reason why) noexcept {
  return static_cast<value>(why.bits()) << reason_shift | caller() | cancel_bit;
}

}  // namespace operation_word

}  // namespace belay::inline BELAY_BUILD
