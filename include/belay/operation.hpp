// One cancellable operation: the request, the outcome, and the handshake between them.
//
// A cancel *request* may come at any time, from anybody; the first one counts and carries the
// reason. The *outcome* is reported exactly once, by whoever holds the right to finish: the owner,
// until a request takes an armed claim routine out. The *handshake* decides between the two by one
// atomic exchange on one word (operation_word.hpp: its layout and invariants).
//
// Thread safety: cancel(), wait() and the questions from any actor. Calls of the owner's side (arm,
// replace, disarm, complete, try_reset) are one after the other, serialised by whatever hands the
// operation from one holder to the next. Everybody who calls sees to it that the operation still
// exists: the owner keeps it until nobody has its address any more; cancel() needs it until its
// swap.
//
// Cost when nobody cancels: one locked instruction for each arm, disarm or complete, none for the
// constructor that arms. 16 bytes, no heap.
#pragma once

#include <cstdint>

#include "belay/operation_word.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
class basic_operation {
 public:
  /// Open, with nothing armed.
  constexpr basic_operation() noexcept = default;

  /// Open, with `routine` armed. Whatever publishes the operation publishes the routine, too.
  template <class Routine>
  explicit basic_operation(Routine& routine) noexcept : word_(operation_word::armed(routine)) {}

  basic_operation(const basic_operation&) = delete;
  basic_operation& operator=(const basic_operation&) = delete;
  /// Callers: whoever knows that nobody else has the address any more; or the notify routine, when
  ///          nobody waits for it.
  ~basic_operation() {
    if (operation_word::is_running(word_.load(sync::order::relaxed))) [[unlikely]]
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
    word was = 0;
    if (word_.compare_exchange_strong(was, operation_word::armed(routine), Traits::arm,
                                      Traits::look)) [[likely]]
      return true;
    return arm_slowly(operation_word::armed(routine), was);
  }

  /// Arms `to` in place of `from`, which is armed. There is no moment in which neither is.
  ///
  /// Returns:  won, or, with `to` not armed, what try_disarm(from) would have.
  template <class From, class To>
  handshake replace(From& from, To& to) noexcept {
    return take(operation_word::armed(from), operation_word::armed(to), Traits::arm, 0);
  }

  /// Takes `routine`, which was armed, out; the right to finish is then certainly with the caller.
  ///
  /// Callers:  the owner; also inside the notify routine.
  /// Returns:  won, cancelled or cancelled_inside. After it lost to a notify routine it returns
  ///           when that has returned, unless the caller is inside. After it lost to a claim
  ///           routine the caller must not touch the operation.
  /// Ordering: what a notify routine did happens before the return of `cancelled`.
  /// Races:    disarm against cancel: exactly one takes the routine out.
  handshake disarm(auto& routine) noexcept { return disarm_until(routine, sync::forever); }
  /// As disarm(), but waits for a running notify routine only until `deadline`; then: running.
  handshake disarm_until(auto& routine, sync::nanoseconds deadline) noexcept {
    return take(operation_word::armed(routine), 0, Traits::disarm, deadline);
  }
  /// As disarm(), but never waits.
  handshake try_disarm(auto& routine) noexcept { return disarm_until(routine, 0); }
  /// As try_disarm(). After `running`, and only then, `after` is called once with the routine, on
  /// the canceller's actor, when the routine has returned; until then both stay where they are.
  handshake disarm_async(notify_routine& routine, routine::function after) noexcept;

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
    return take(operation_word::armed(routine), operation_word::ended(how), Traits::complete,
                sync::forever);
  }

  /// Reports the outcome, whether or not a request came.
  ///
  /// Callers:  whoever holds the right to finish, with nothing armed: the owner that armed nothing,
  ///           won a handshake or was notified; a claim routine or whoever that handed the right
  ///           to. Once it returns somebody else may destroy the operation.
  /// Returns:  false, with nothing changed, if there is an outcome already.
  /// Ordering: what the caller did before happens before anyone sees the outcome.
  bool complete(belay::outcome how) noexcept {
    word was = 0;
    if (word_.compare_exchange_strong(was, operation_word::ended(how), Traits::complete,
                                      Traits::look)) [[likely]]
      return true;
    return complete_slowly(operation_word::ended(how), was);
  }

  /// Makes it as new, for another use.
  ///
  /// Callers:  the owner.
  /// Returns:  false, with nothing changed, when something is in flight or was: a request came, a
  ///           routine is armed, or somebody waits. Such an operation is destroyed, not used again.
  /// Races:    reset against cancel: the request counts for the old use or for the next, never for
  ///           both; who must not reach the next goes through an operation_table.
  bool try_reset() noexcept;

  // ---- anybody's side

  /// Asks for cancellation, and runs the armed routine, if there is one, on this actor.
  ///
  /// Callers:  any actor, with no lock held that the routine takes.
  /// Ordering: what the caller did before happens before anyone sees the request.
  /// Races:    cancel against cancel: the first counts. Against the owner: see there.
  cancel_result cancel(belay::reason why) noexcept;

  /// What request() took out, for run(), once.
  struct taken {
    std::uintptr_t routine;  // and whether it is a notify routine; 0: none
    belay::reason why;
    cancel_result result;
  };
  /// The two halves of cancel(), for who holds something that keeps the operation in existence but
  /// must not be held while the routine runs. Between them a notify routine counts as running.
  taken request(belay::reason why) noexcept;
  cancel_result run(taken what) noexcept;

  /// Waits until the operation has its outcome and no notify routine is running (other than the one
  /// that the caller is inside).
  ///
  /// Returns:  false when `deadline` passed first.
  /// Ordering: what was done before the outcome was reported happens before the return of true.
  bool wait(sync::nanoseconds deadline = sync::forever) noexcept;

  /// Whether a request came.
  bool cancelled() const noexcept { return operation_word::is_cancelled(word_.load(Traits::look)); }
  /// The reason of the request that counts; reason_kind::none when there is none.
  belay::reason reason() const noexcept {
    return operation_word::reason_of(word_.load(Traits::look));
  }
  /// How it ended; none when it has not.
  belay::outcome outcome() const noexcept {
    return operation_word::outcome_of(word_.load(Traits::look));
  }
  /// Whether the calling actor made the request that counts.
  bool is_canceller() const noexcept {
    return operation_word::is_canceller(word_.load(Traits::look));
  }

 private:
  using word = operation_word::value;
  struct call_frame {  // on the canceller's stack while it calls a notify routine
    bool destroyed = false;
  };

  handshake take(word from, word to, sync::order::kind order, sync::nanoseconds deadline) noexcept {
    word was = from;
    if (word_.compare_exchange_strong(was, to, order, Traits::look)) [[likely]]
      return handshake::won;
    return take_slowly(from, to, was, deadline);
  }
  bool arm_slowly(word to, word was) noexcept;
  handshake take_slowly(word from, word to, word was, sync::nanoseconds deadline) noexcept;
  bool complete_slowly(word end, word was) noexcept;
  bool wait_for_change(word& was, sync::nanoseconds deadline) noexcept;
  taken take_out(belay::reason why) noexcept;
  void run_taken(taken what) noexcept;
  void destroyed_inside() noexcept;
  const volatile void* low_half() const noexcept;

  sync::atomic<word> word_{0};
  call_frame* frame_ = nullptr;  // the canceller's own, while RUN
};

using operation = basic_operation<operation_traits>;
static_assert(sizeof(operation) == 16);

}  // namespace belay::inline BELAY_BUILD

#include "belay/operation_cancel.hpp"
