// Regions that defer cancellation.
//
// A `shield` stands between a child and its parent: while it lives the parent's cancellation, and
// that of everything above, deadlines included, does not reach the child. At its end the child gets
// what came meanwhile. The child can still be cancelled directly.
//
//   belay::child_source cleanup(request);
//   {
//     belay::shield region(cleanup);
//     flush(cleanup);                    // goes on, although `request` was cancelled
//   }                                    // now cleanup.cancelled(), if it was
//
// A `routine_shield` does the same for an operation with an armed routine: a request that comes
// meanwhile is on record and can be asked for, but runs nothing.
//
// Cost: one locked instruction at each end.
#pragma once

#include "belay/child_operation.hpp"
#include "belay/child_source.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
class basic_shield : private listener {
 public:
  /// Shields `child`, unless it is cancelled, detached or shielded already: then this does nothing,
  /// and the outer shield, if there is one, still does.
  ///
  /// Callers: the child's owner, who keeps it for longer than this.
  explicit basic_shield(basic_child_source<Traits>& child) noexcept
      : basic_shield(child, child.parent(), &basic_child_source<Traits>::enter) {}
  explicit basic_shield(basic_child_operation<Traits>& child) noexcept
      : basic_shield(child, child.parent(), &basic_child_operation<Traits>::deliver) {}

  ~basic_shield() { end(); }

  /// Whether it shields: the child was in its parent's reach before.
  bool holds() const noexcept { return holds_; }

  /// Whether a cancellation waits for the end of the region.
  bool pending() const noexcept { return holds_ && parent_.cancelled(); }

  /// Ends the region before its scope. The child is in its parent's reach again, or, if the parent
  /// was cancelled meanwhile, cancelled here, on this actor, with the inherited reason.
  ///
  /// Returns:  true if it delivered a cancellation.
  /// Races:    against the parent's cancel: the child is cancelled exactly once, by the canceller
  ///           or here.
  bool end() noexcept {
    if (!holds_) return false;
    holds_ = false;
    if (parent_.replace(*this, child_)) return false;
    if (Traits::shield_waits) parent_.remove(*this);  // until why_ is written
    if (Traits::shield_delivers) deliver_(child_, why_.get());
    return true;
  }

 private:
  basic_shield(listener& child, basic_source<Traits>& parent, listener::function deliver) noexcept
      : listener(&keep),
        child_(child),
        parent_(parent),
        deliver_(deliver),
        holds_(parent.replace(child, *this)) {}

  static void keep(listener& self, belay::reason why) noexcept {
    static_cast<basic_shield&>(self).why_.set(why);
  }

  listener& child_;
  basic_source<Traits>& parent_;
  listener::function deliver_;
  sync::checked<belay::reason> why_;
  bool holds_;
};

using shield = basic_shield<source_traits>;

template <class Routine, class Traits = operation_traits>
class routine_shield {
 public:
  /// Takes `routine`, which is armed, out of `operation`. Callers: the operation's owner.
  routine_shield(basic_operation<Traits>& operation, Routine& routine) noexcept
      : operation_(operation), routine_(routine), began_(operation.disarm(routine)) {}
  ~routine_shield() { end(); }
  routine_shield(const routine_shield&) = delete;
  routine_shield& operator=(const routine_shield&) = delete;

  /// What disarm() returned: only if it is `won` is there a region, else the request came first.
  handshake began() const noexcept { return began_; }
  /// Whether a request came during the region.
  bool pending() const noexcept {
    return began_ == handshake::won && !ended_ && operation_.cancelled();
  }

  /// Ends the region before its scope, and arms the routine again.
  ///
  /// Returns: false if it is not armed: a request came first, or there was no region. The right to
  ///          finish is where it was.
  bool end() noexcept {
    if (ended_ || began_ != handshake::won) return false;
    ended_ = true;
    return operation_.arm(routine_);
  }

 private:
  basic_operation<Traits>& operation_;
  Routine& routine_;
  const handshake began_;
  bool ended_ = false;
};

}  // namespace belay::inline BELAY_BUILD
