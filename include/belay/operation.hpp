// One cancellable operation: the request, the outcome, and the handshake between them.
//
// A cancel *request* may come at any time, from anybody; the first one counts and carries the
// reason. The *outcome* is reported exactly once, by whoever holds the right to finish: the owner,
// until a request takes an armed claim routine out. The *handshake* decides between the two by one
// atomic exchange on one word.
//
// The word:
//                63                                          4    3      2      1      0
//   open       [ routine's address, 16-byte aligned; 0: none | WAIT | NOTIFY |  0   |   0    ]
//                63        32 31         8 7  6 5           4    3      2      1      0
//   closed     [   reason    | canceller  |  -  |  outcome   | WAIT |  RUN   | DONE | CANCEL ]
//
//   CANCEL   a request came; reason and canceller (the actor that made it, low 24 bits) are its
//   DONE     there is an outcome
//   RUN      the canceller is calling a notify routine, or has yet to
//   NOTIFY   the armed routine is a notify routine: the request turns this very bit into RUN
//   WAIT     somebody may sleep on the low half of the word
//   bits 6 and 7 are kept for listeners and children; deadlines need no bit
//
// Invariants:
//   1. Open becomes closed once and for good. Pointers are installed by the owner only, so that the
//      owner's "the word is what I armed" can only mean "still armed, never asked": no ABA.
//   2. CANCEL and DONE are each set once, by the compare-and-swap of one caller; CANCEL never after
//      DONE. Reason and canceller are set with CANCEL, the outcome with DONE.
//   3. Each armed pointer is taken out by exactly one compare-and-swap: disarm, replace, complete
//   or
//      cancel. The routine runs once if that is cancel, else never.
//   4. RUN is set only together with CANCEL and cleared only by the canceller, its last access to
//   the
//      operation. A canceller of a claim routine, or of nothing, makes no access after its swap.
//   5. While the word is open WAIT is kept; once closed it is never cleared. Whoever sets DONE or
//      clears RUN and finds WAIT wakes everybody; sleepers look again, and tolerate being woken for
//      nothing.
//
// Thread safety: cancel(), wait() and the questions from any actor. Calls of the owner's side (arm,
// replace, disarm, complete) are one after the other, serialised by whatever hands the operation
// from one holder to the next. Everybody who calls sees to it that the operation still exists: the
// owner keeps it until nobody has its address any more; cancel() needs it until its swap.
//
// Cost when nobody cancels: one locked instruction for each arm, disarm or complete, none for the
// constructor that arms. 16 bytes, no heap.
#pragma once

#include <cstdint>

#include "belay/cancel_result.hpp"
#include "belay/handshake.hpp"
#include "belay/outcome.hpp"
#include "belay/reason.hpp"
#include "belay/routine.hpp"
#include "sync/order.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD {

/// The decisions that the tests take back one by one, to see that each is needed.
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
#if defined(BELAY_EXPLORED)
  static constexpr int spins = 0;  // turning round once more shows nothing new
#else
  static constexpr int spins = 64;  // about two microseconds
#endif
};

template <class Traits>
class basic_operation {
 public:
  /// Open, with nothing armed.
  constexpr basic_operation() noexcept = default;

  /// Open, with `routine` armed. Whatever publishes the operation publishes the routine, too.
  template <class Routine>
  explicit basic_operation(Routine& routine) noexcept : word_(armed(routine)) {}

  basic_operation(const basic_operation&) = delete;
  basic_operation& operator=(const basic_operation&) = delete;

  /// Callers: whoever knows that nobody else has the address any more; or the notify routine, when
  ///          nobody waits for it.
  ~basic_operation() {
    if (is_running(word_.load(sync::order::relaxed))) [[unlikely]]
      destroyed_inside();
  }

  // ---- the owner's side

  /// Arms `routine`: from now on a request runs it.
  ///
  /// Callers:  the owner; nothing is armed.
  /// Returns:  false if a request came first, or the operation has its outcome. Nothing is armed
  ///           then, the routine does not run, and the right to finish stays where it was.
  /// Ordering: what the caller did before happens before the routine runs.
  /// Races:    arm against cancel: either the routine runs, or this returns false; never both or
  ///           neither.
  template <class Routine>
  bool arm(Routine& routine) noexcept {
    word_type was = 0;
    if (word_.compare_exchange_strong(was, armed(routine), Traits::arm, Traits::look)) [[likely]]
      return true;
    return arm_slowly(armed(routine), was);
  }

  /// Arms `to` in place of `from`, which is armed. There is no moment in which neither is.
  ///
  /// Returns:  won, or, with `to` not armed, what disarm(from) would have, without waiting.
  template <class From, class To>
  handshake replace(From& from, To& to) noexcept {
    return take(armed(from), armed(to), Traits::arm, 0);
  }

  /// Takes `routine`, which was armed, out; the right to finish is then certainly with the caller.
  ///
  /// Callers:  the owner; also inside the notify routine.
  /// Returns:  won, cancelled or cancelled_inside. After it lost to a notify routine it returns
  /// when
  ///           that has returned, unless the caller is inside. After it lost to a claim routine the
  ///           caller must not touch the operation.
  /// Ordering: what a notify routine did happens before the return of `cancelled`.
  /// Races:    disarm against cancel: exactly one takes the routine out.
  template <class Routine>
  handshake disarm(Routine& routine) noexcept {
    return take(armed(routine), 0, Traits::disarm, sync::forever);
  }

  /// As disarm(), but waits for a running notify routine only until `deadline`; then: running.
  template <class Routine>
  handshake disarm_until(Routine& routine, sync::nanoseconds deadline) noexcept {
    return take(armed(routine), 0, Traits::disarm, deadline);
  }

  /// As disarm(), but never waits.
  template <class Routine>
  handshake try_disarm(Routine& routine) noexcept {
    return take(armed(routine), 0, Traits::disarm, 0);
  }

  /// Takes `routine` out and reports the outcome, in one step.
  ///
  /// Callers:  the owner, with `routine` armed before.
  /// Returns:  won: the operation has this outcome. Otherwise as disarm(), and the outcome was not
  ///           reported: after a notify routine it is still the caller's to report with
  ///           complete(how), after a claim routine it is that one's.
  /// Ordering: what the caller did before happens before anyone sees the outcome.
  /// Races:    complete against cancel: exactly one takes the routine out.
  template <class Routine>
  handshake complete(Routine& routine, belay::outcome how) noexcept {
    return take(armed(routine), ended(how), Traits::complete, sync::forever);
  }

  /// Reports the outcome, whether or not a request came.
  ///
  /// Callers:  whoever holds the right to finish, with nothing armed: the owner that armed nothing,
  ///           won a handshake or was notified; a claim routine or whoever that handed the right
  ///           to. Once it returns somebody else may destroy the operation.
  /// Returns:  false, with nothing changed, if there is an outcome already.
  /// Ordering: what the caller did before happens before anyone sees the outcome.
  bool complete(belay::outcome how) noexcept {
    word_type was = 0;
    if (word_.compare_exchange_strong(was, ended(how), Traits::complete, Traits::look)) [[likely]]
      return true;
    return complete_slowly(ended(how), was);
  }

  // ---- anybody's side

  /// Asks for cancellation, and runs the armed routine, if there is one, on this actor.
  ///
  /// Callers:  any actor, with no lock held that the routine takes.
  /// Ordering: what the caller did before happens before anyone sees the request.
  /// Races:    cancel against cancel: the first counts. Against the owner: see there.
  cancel_result cancel(belay::reason why) noexcept;

  /// Waits until the operation has its outcome and no notify routine is running (other than the one
  /// that the caller is inside).
  ///
  /// Returns:  false when `deadline` passed first.
  /// Ordering: what was done before the outcome was reported happens before the return of true.
  bool wait(sync::nanoseconds deadline = sync::forever) noexcept;

  /// Whether a request came.
  bool cancelled() const noexcept { return (word_.load(Traits::look) & cancel_bit) != 0; }

  /// The reason of the request that counts; reason_kind::none when there is none.
  belay::reason reason() const noexcept {
    const word_type now = word_.load(Traits::look);
    return (now & cancel_bit) != 0
               ? belay::reason::from_bits(static_cast<std::uint32_t>(now >> reason_shift))
               : belay::reason();
  }

  /// How it ended; none when it has not.
  belay::outcome outcome() const noexcept {
    const word_type now = word_.load(Traits::look);
    return (now & done_bit) != 0 ? static_cast<belay::outcome>(now >> outcome_shift & outcome_mask)
                                 : belay::outcome::none;
  }

  // Listeners (any number of them), children and deadlines build on this word; they will stand
  // here.

 private:
  using word_type = std::uint64_t;
  static constexpr word_type cancel_bit = 1, done_bit = 2, run_bit = 4, wait_bit = 8;
  static constexpr word_type notify_bit = run_bit;
  static constexpr word_type flags = 15;
  static constexpr int outcome_shift = 4, canceller_shift = 8, reason_shift = 32;
  static constexpr word_type outcome_mask = 3, canceller_mask = 0xff'ffff;

  /// On the canceller's stack while it calls a notify routine.
  struct call_frame {
    bool destroyed = false;
  };

  static word_type address(const routine& which) noexcept {
    return reinterpret_cast<std::uintptr_t>(&which);
  }
  static word_type armed(const notify_routine& which) noexcept {
    return address(which) | notify_bit;
  }
  static word_type armed(const claim_routine& which) noexcept { return address(which); }
  static constexpr word_type ended(belay::outcome how) noexcept {
    return static_cast<word_type>(how) << outcome_shift | done_bit;
  }
  static bool is_running(word_type now) noexcept {
    return (now & (cancel_bit | run_bit)) == (cancel_bit | run_bit);
  }
  static word_type caller() noexcept {
    return (static_cast<word_type>(sync::self()) & canceller_mask) << canceller_shift;
  }
  static bool is_canceller(word_type now) noexcept {
    return (now & canceller_mask << canceller_shift) == caller();
  }
  /// Where a futex can look at the flags.
  const volatile void* low_half() const noexcept {
    return reinterpret_cast<const volatile char*>(&word_) +
           (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
  }

  handshake take(word_type from, word_type to, sync::order::kind order,
                 sync::nanoseconds deadline) noexcept {
    word_type was = from;
    if (word_.compare_exchange_strong(was, to, order, Traits::look)) [[likely]]
      return handshake::won;
    return take_slowly(from, to, was, deadline);
  }
  bool arm_slowly(word_type to, word_type was) noexcept;
  handshake take_slowly(word_type from, word_type to, word_type was,
                        sync::nanoseconds deadline) noexcept;
  bool complete_slowly(word_type end, word_type was) noexcept;
  bool wait_for_change(word_type& was, sync::nanoseconds deadline) noexcept;
  void run_notify(routine& which, belay::reason why) noexcept;
  void destroyed_inside() noexcept;

  sync::atomic<word_type> word_{0};
  call_frame* frame_ = nullptr;  // the canceller's own, while RUN
};

extern template class basic_operation<operation_traits>;

using operation = basic_operation<operation_traits>;
static_assert(sizeof(operation) == 16);

}  // namespace belay::inline BELAY_BUILD
