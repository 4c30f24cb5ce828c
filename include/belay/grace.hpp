// Cancel, give it time, then do something about it.
//
//   const auto how = belay::cancel_within(transfer, belay::reason_kind::shutdown,
//                                         belay::sync::now() + 5'000'000'000,
//                                         [&] { connection.abort(); });
//
// The request asks; nothing makes whoever performs the operation heed it. So this waits until the
// operation has its outcome, and when the deadline passes first it calls `escalate`, once: to close
// what the operation reads from, to report it, to end the process.
//
// Thread safety: any actor that may block; not the one that has to report the outcome, which would
// wait for itself. Each caller has a deadline and an `escalate` of its own. The operation exists
// until this returns, whatever `escalate` does to it.
#pragma once

#include <concepts>
#include <cstdint>
#include <utility>

#include "belay/reason.hpp"
#include "belay/results.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD {

/// What came of cancel_within().
enum class grace : std::uint8_t {
  ended_before,   ///< it had its outcome before it was asked
  ended_in_time,  ///< it has its outcome, and a notify routine, if there was one, has returned
  escalated,      ///< the deadline passed first, and `escalate` has returned
};

/// What cancel_within() needs: an operation, or what promises the same.
template <class T>
concept can_be_waited_for = requires(T& it, reason why, sync::nanoseconds deadline) {
  { it.cancel(why) } -> std::same_as<cancel_result>;
  { it.wait(deadline) } -> std::same_as<bool>;
};

/// Cancels `it`, waits for its end until `deadline`, and calls `escalate()` if it has not ended
/// then.
///
/// Callers:  see above; with no lock held that its routine takes, for the routine runs inside. That
///           time counts: `deadline` is a point on the clock, not a span that begins afterwards.
/// Returns:  ended_before, at once; ended_in_time; or escalated. After escalated it may have ended
///           late, by itself or by what `escalate` did: ask outcome(), or wait() again.
/// Ordering: what was done before the outcome was reported happens before the return of
///           ended_in_time; so it does for ended_before, but a notify routine may be running still.
/// Races:    against the end: `escalate` runs once if wait(deadline) said that it had not ended,
///           else never. It may end while `escalate` begins, which must allow for that. Against
///           other requests: the first one's reason counts; this waits all the same.
template <can_be_waited_for Operation, std::invocable Escalate>
grace cancel_within(Operation& it, reason why, sync::nanoseconds deadline, Escalate&& escalate) {
  if (it.cancel(why) == cancel_result::too_late) return grace::ended_before;
  if (it.wait(deadline)) return grace::ended_in_time;
  std::forward<Escalate>(escalate)();
  return grace::escalated;
}

}  // namespace belay::inline BELAY_BUILD
