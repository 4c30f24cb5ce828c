// An operation that is cancelled when its parent is: a leaf of a tree.
//
//   belay::source connection;
//   belay::child_operation read(connection, routine);   // armed
//   …
//   read.complete(routine, belay::outcome::completed);  // against read.cancel() and
//                                                       // connection.cancel() alike
//
// It is an operation in every respect. A request to the parent, or to any ancestor, becomes a
// request to it, with the inherited reason; who wins against the owner is decided by the operation
// alone. 48 bytes, no heap; attaching and detaching take one locked instruction each.
#pragma once

#include "belay/source.hpp"

namespace belay::inline BELAY_BUILD {

template <class Traits>
class basic_child_operation : public basic_operation<typename Traits::operation>, private listener {
 public:
  using base = basic_operation<typename Traits::operation>;

  /// Attaches to `parent`, which outlives it; if that is cancelled already, so is this, with the
  /// parent's reason and nothing armed.
  explicit basic_child_operation(basic_source<Traits>& parent) noexcept
      : listener(&deliver), parent_(&parent) {
    attach();
  }
  /// The same with `routine` armed. If the parent is cancelled already the routine runs inside.
  template <class Routine>
  basic_child_operation(basic_source<Traits>& parent, Routine& routine) noexcept
      : base(routine), listener(&deliver), parent_(&parent) {
    attach();
  }

  /// Callers: as for an operation; also inside its notify routine, and wherever a claim routine
  ///          may destroy it.
  /// Races:   against the cancel of an ancestor: returns when that is done with this operation,
  ///          unless the caller is inside it.
  ~basic_child_operation() { detach(); }

  /// Leaves the parent: its cancellation no longer concerns this.
  ///
  /// Callers:  its owner; also inside its routine.
  /// Returns:  won, or cancelled or cancelled_inside if a request to an ancestor came first, or
  ///           refused if it was detached already, or attached too late.
  handshake detach() noexcept { return parent_->remove(*this); }

  basic_source<Traits>& parent() const noexcept { return *parent_; }

 private:
  template <class>
  friend class basic_shield;

  void attach() noexcept {
    if (!parent_->add(*this) && Traits::child_heeds_parent) [[unlikely]]
      this->cancel(parent_->reason().inherited());
  }
  static void deliver(listener& self, belay::reason why) noexcept {
    static_cast<basic_child_operation&>(self).cancel(why.inherited());
  }

  basic_source<Traits>* parent_;
};

using child_operation = basic_child_operation<source_traits>;
static_assert(sizeof(sync::brief_lock) != 1 || sizeof(child_operation) == 48);

}  // namespace belay::inline BELAY_BUILD
