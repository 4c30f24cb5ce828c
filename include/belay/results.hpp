// The words for how things come out: of a cancel request, of the owner's attempt to take its
// routine back, and of the operation as a whole.
//
// They are three independent facts. A request may come and the operation completes all the same; an
// operation that nobody asked to stop may fail; and an owner that lost its routine to a request may
// still be the one to report the outcome:
//
//   asked, and completed   the owner won the handshake, or was told of the request and finished
//                          all the same
//   asked, and canceled    the routine, or an owner that was told, stopped the work
//   asked, and failed      it ended badly before the owner learned of the request
//   not asked, and failed  nobody wanted to stop it; it could not be done
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD {

/// How an operation ended. Reported exactly once, by whoever holds the right to finish.
enum class outcome : std::uint8_t {
  none,       ///< it has not ended
  completed,  ///< it did what it was for
  canceled,   ///< it stopped because somebody asked
  failed,     ///< it ended for another reason
};

/// What a cancel request met.
enum class cancel_result : std::uint8_t {
  /// This request counts. An operation's routine, or a source's listeners, ran on this actor
  /// (those that somebody else had not taken out before).
  claimed,
  /// This request counts, and there was no routine to run: it is on record, and the owner sees it
  /// at its next arm() or when it asks. Only from operations.
  requested_nothing_armed,
  /// An earlier request counts, with its reason; nothing changed. Its routine may still be running.
  already_cancelled,
  /// The operation had its outcome already; nothing changed. Only from operations.
  too_late,
};

/// What came out when an owner tried to take its routine, or its listener, out.
enum class handshake : std::uint8_t {
  /// The caller took it out: it never runs, and the right to finish is the caller's.
  won,
  /// The request took it out. A notify routine or a listener has returned, its effects are visible,
  /// and the right to finish is still the caller's; a claim routine has that right.
  cancelled,
  /// As `cancelled`, but the caller is inside the routine, which of course has not returned.
  cancelled_inside,
  /// The request took it out and it is still running: only from calls that do not wait for it, or
  /// not for that long.
  running,
  /// The caller had no right to it: the operation has its outcome and was never asked to cancel, or
  /// the listener is not registered (any more), because it never was or somebody removed it.
  refused,
};

}  // namespace belay::inline BELAY_BUILD
