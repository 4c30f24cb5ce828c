// A source that is cancelled when its parent is: an inner node of a tree.
//
//   belay::source server;
//   belay::child_source connection(server);
//   belay::child_source request(connection);
//
//   server.cancel(belay::reason_kind::shutdown);
//     request.reason().kind()          == belay::reason_kind::parent
//     request.reason().origin().kind() == belay::reason_kind::shutdown
//
// A child is a listener of its parent: attaching and detaching it take one locked instruction,
// whatever else is attached, and no memory but its own. Cancelling a child leaves the parent alone.
//
// cancel() of an ancestor goes through the tree in depth, a node's listeners and children in the
// order last added, first run. It holds on to a child from taking it out of its parent's list until
// everything below has run; whoever destroys the child meanwhile on another actor waits for that.
// A child that somebody else has cancelled already is left to that one.
#pragma once

#include "belay/source.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
class basic_child_source : public basic_source<Traits>, private listener {
 public:
  /// Attaches to `parent`, which outlives it; if that is cancelled already, so is this, with the
  /// parent's reason.
  explicit basic_child_source(basic_source<Traits>& parent) noexcept
      : listener(&enter), parent_(&parent) {
    if (!parent.add(*this) && Traits::child_heeds_parent) [[unlikely]]
      this->cancel(parent.reason().inherited());
  }

  /// A child of a child, not a copy.
  explicit basic_child_source(basic_child_source& parent) noexcept
      : basic_child_source(static_cast<basic_source<Traits>&>(parent)) {}
  basic_child_source(const basic_child_source&) = delete;

  /// Callers: as for a source; nothing is attached to it. Also inside its last listener, or the
  ///          last below it.
  /// Races:   against the cancel of an ancestor: returns when that is done with everything below,
  ///          unless the caller is inside it.
  ~basic_child_source() {
    if (!parent_->listeners_.unlink(*this)) [[unlikely]]
      parent_->leave_slowly(*this);
  }

  /// Leaves the parent: its cancellation no longer concerns this.
  ///
  /// Callers:  its owner; also inside its listeners.
  /// Returns:  won, or cancelled if a request to an ancestor came first and is done with all that
  ///           is below, or cancelled_inside, when the caller is below: then it goes on after that.
  ///           refused if it was detached already, or attached too late.
  handshake detach() noexcept { return parent_->remove(*this); }

  basic_source<Traits>& parent() const noexcept { return *parent_; }

 private:
  template <class>
  friend struct core::walk;
  template <class>
  friend class core::list;
  template <class>
  friend class basic_source;
  template <class>
  friend class basic_shield;

  /// Marks a child in its parent's list; walk::run() does not call it but goes in.
  static void enter(listener& self, belay::reason why) noexcept {
    static_cast<basic_child_source&>(self).cancel(why.inherited());
  }

  basic_source<Traits>* parent_;
};

extern template class basic_child_source<source_traits>;

using child_source = basic_child_source<source_traits>;

}  // namespace belay::inline BELAY_BUILD
