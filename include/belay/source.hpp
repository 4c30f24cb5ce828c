// A source of cancellation: one request, any number of listeners, and a node of a tree.
//
//   belay::source stop;
//   belay::callback on_stop(stop, [&](belay::reason why) { … });
//   stop.cancel(belay::reason_kind::shutdown);           // runs it, on this actor
//
// The request is an operation's: the first one counts, with its reason. Then every listener that
// was added before runs, one after the other, the last added first, with no lock held. Children
// (child_source.hpp, child_operation.hpp) are listeners, too: cancel() goes down into them and up
// again without recursion, however deep the tree is.
//
// Promises, in whichever order things happen:
//   - add against cancel: the listener runs, or add() returns false; never both or neither.
//   - remove against cancel: the listener never runs (won), or it ran and has returned (cancelled,
//     cancelled_inside); never neither.
//   - remove() waits for its own listener only, and only while that runs on another actor; never
//     for other listeners.
//   - When cancel() returns what it returns to the one whose request counts, every listener that it
//     ran has returned, and everything below is cancelled, except below a child that somebody else
//     had cancelled before: there it is that one's cancel() that sees to it.
//
// Lifetime: a source outlives all calls on it, and what is attached to it. But a listener may
// remove itself, and when no other is registered at that moment, destroy itself and the source, or
// have another actor do it: cancel() does not touch the source after its last listener.
//
// Cost: add and remove take one locked instruction each, whatever is registered; 40 bytes, no heap.
#pragma once

#include "belay/listener.hpp"
#include "belay/listener_list.hpp"
#include "belay/operation.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
class basic_source {
 public:
  constexpr basic_source() noexcept = default;
  basic_source(const basic_source&) = delete;
  basic_source& operator=(const basic_source&) = delete;

  /// Callers: whoever knows that nobody uses it any more; or its last listener, from inside.
  ///          Nothing is attached to it.
  ~basic_source() {
    if (!listeners_.is_quiet()) [[unlikely]]
      destroyed_slowly();
  }

  /// Registers `which`: from now on a request runs it.
  ///
  /// Callers:  any actor.
  /// Returns:  false if a request came first. It is not registered then, and does not run.
  /// Ordering: what the caller did before happens before the listener runs.
  bool add(listener& which) noexcept {
    if (!Traits::adds_under_lock && cancelled()) return false;
    return listeners_.add(which, operation_);
  }

  /// Takes `which` out.
  ///
  /// Callers:  any actor; also inside `which`, and inside other listeners.
  /// Returns:  won: it never runs. cancelled: it ran and has returned. cancelled_inside: the caller
  ///           is inside it. refused: it is not registered, never was, or somebody else removed
  ///           it; if that was the listener itself, from inside, it may still be running.
  /// Ordering: what the listener did happens before the return of `cancelled`.
  handshake remove(listener& which) noexcept { return remove_until(which, sync::forever); }
  /// As remove(), but never waits: running.
  handshake try_remove(listener& which) noexcept { return remove_until(which, 0); }
  /// As remove(), but waits for `which` only until `deadline`; then: running.
  handshake remove_until(listener& which, sync::nanoseconds deadline) noexcept {
    if (listeners_.unlink(which)) [[likely]]
      return handshake::won;
    return remove_slowly(which, deadline);
  }
  /// As try_remove(). After `running`, and only then, `after` is called once with `which`, on the
  /// canceller's actor, when the listener has returned; until then both stay where they are.
  /// `which` is spent then, and not to be added again.
  handshake remove_async(listener& which, listener::function after) noexcept;

  /// Puts `to` in the place of `from`: a request runs the one or the other.
  ///
  /// Returns:  false, with nothing changed, when `from` is not registered any more.
  bool replace(listener& from, listener& to) noexcept { return listeners_.replace(from, to); }

  /// Asks for cancellation, and runs the listeners on this actor.
  ///
  /// Callers:  any actor, with no lock held that a listener takes; also inside a listener.
  /// Returns:  claimed for the request that counts, whether or not there were listeners;
  ///           already_cancelled for all others, perhaps while listeners are still running.
  /// Ordering: what the caller did before happens before anyone sees the request.
  cancel_result cancel(belay::reason why) noexcept;

  /// Makes it as new, for another use.
  ///
  /// Callers:  its owner, when nobody else calls add().
  /// Returns:  false, with nothing changed, if a request came or anything is registered.
  bool try_reset() noexcept { return !cancelled() && listeners_.is_empty(); }

  bool cancelled() const noexcept { return operation_.cancelled(); }
  /// The reason of the request that counts; reason_kind::none when there is none.
  belay::reason reason() const noexcept { return operation_.reason(); }
  /// Whether the calling actor made the request that counts.
  bool is_canceller() const noexcept { return operation_.is_canceller(); }

 private:
  template <class>
  friend struct core::walk;
  template <class>
  friend class core::list;
  template <class>
  friend class basic_child_source;

  void destroyed_slowly() noexcept;
  void leave_slowly(basic_child_source<Traits>& child) noexcept;
  handshake remove_slowly(listener& which, sync::nanoseconds deadline) noexcept;

  basic_operation<typename Traits::operation> operation_;
  core::list<Traits> listeners_;
};

extern template class core::list<source_traits>;
extern template class basic_source<source_traits>;

using source = basic_source<source_traits>;
static_assert(sizeof(sync::brief_lock) != 1 || sizeof(source) == 40);

}  // namespace belay::inline BELAY_BUILD
