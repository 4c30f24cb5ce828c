// Scopes: sources with a deadline that can be asked for.
//
//   belay::root_scope request(wheel, sync::now() + 30 * second);
//   belay::scope query(request, sync::now() + 5 * second);
//   belay::scope row(query, sync::now() + 60 * second);   // row.deadline() == query.deadline()
//   belay::child_operation read(row, routine);
//
// A scope's deadline is its own or its parent's, whichever is earlier. Only if it is its own does
// the scope have a timer: a later deadline than the parent's costs nothing, because the parent's
// cancellation comes before it. What expires is cancelled with reason_kind::timeout; what is below
// inherits that:
//   query.reason().kind() == timeout   row.reason().kind() == parent, .origin().kind() == timeout
//
// A `shielded_scope` is out of its parent's reach from birth until unshield(): neither the parent's
// cancellation nor its deadline, nor those further up, concern it or what is below it. So its
// deadline is its own alone, and counts. (A plain `shield` around a scope defers all that comes
// from above, and with it each deadline that the scope, or one below it, has left to its parent.)
//
// Thread safety, lifetime: as for sources: a scope outlives what is attached to it, the parent
// outlives the scope, the wheel outlives all. The destructor disarms the timer first; if that is
// just firing on another actor it waits for it. Also inside its last listener. No heap.
#pragma once

#include <algorithm>
#include <concepts>

#include "belay/child_source.hpp"
#include "belay/deadline.hpp"
#include "belay/shield.hpp"

namespace belay::inline BELAY_BUILD {

/// tests/core/deadline_scope_explored.cpp shows what taking it back lets in.
struct scope_traits {
  using source = source_traits;
  using deadline = deadline_traits;
  static constexpr bool reset_heeds_expiry = true;
};

/// What all scopes have besides a source.
template <class Traits>
class basic_time_limit {
 public:
  using wheel_type = basic_timer_wheel<typename Traits::deadline>;

  /// When it is cancelled at the latest; sync::forever if nothing says so.
  sync::nanoseconds deadline() const noexcept { return deadline_; }
  /// Whether that is its own deadline, so that it has a timer.
  bool has_timer() const noexcept { return deadline_ < inherited_; }
  wheel_type& wheel() const noexcept { return wheel_; }

 protected:
  using source_type = basic_source<typename Traits::source>;

  basic_time_limit(source_type& of, wheel_type& wheel, sync::nanoseconds when,
                   sync::nanoseconds inherited) noexcept
      : wheel_(wheel), inherited_(inherited), deadline_(std::min(when, inherited)) {
    if (!of.cancelled()) start(of);
  }
  ~basic_time_limit() = default;

  bool try_reset(source_type& of, sync::nanoseconds when) noexcept {
    const handshake before = limit_.try_disarm();
    const bool is_firing = before == handshake::running || before == handshake::cancelled_inside;
    if (is_firing && Traits::reset_heeds_expiry) return false;
    const bool resets = of.try_reset();
    if (resets) deadline_ = std::min(when, inherited_);
    if (resets || before == handshake::won) start(of);
    return resets;
  }

 private:
  void start(source_type& of) noexcept {
    if (has_timer()) limit_.arm(wheel_, deadline_, of);
  }

  wheel_type& wheel_;
  const sync::nanoseconds inherited_;
  sync::nanoseconds deadline_;
  basic_deadline<typename Traits::deadline> limit_;
};

/// What a scope can be below of.
template <class Parent, class Traits>
concept scope_of = std::derived_from<Parent, basic_time_limit<Traits>> &&
    std::derived_from<Parent, basic_source<typename Traits::source>>;

/// A scope without a parent.
template <class Traits>
class basic_root_scope : public basic_source<typename Traits::source>,
                         public basic_time_limit<Traits> {
  using limit = basic_time_limit<Traits>;

 public:
  explicit basic_root_scope(typename limit::wheel_type& wheel,
                            sync::nanoseconds when = sync::forever) noexcept
      : limit(*this, wheel, when, sync::forever) {}

  /// Makes it as new, for another use with another deadline.
  ///
  /// Callers:  its owner, when nobody else attaches anything; also inside its listeners.
  /// Returns:  false, with nothing changed, if it was cancelled, if anything is registered, or if
  ///           its deadline is just firing. It never waits.
  /// Races:    against the deadline: it cancels the use that it was given to, or none.
  bool try_reset(sync::nanoseconds when) noexcept { return limit::try_reset(*this, when); }
};

/// A scope below another.
template <class Traits>
class basic_scope : public basic_child_source<typename Traits::source>,
                    public basic_time_limit<Traits> {
  using child = basic_child_source<typename Traits::source>;
  using limit = basic_time_limit<Traits>;

 public:
  /// Attaches to `parent`; if that is cancelled, so is this, and has no timer.
  template <scope_of<Traits> Parent>
  explicit basic_scope(Parent& parent, sync::nanoseconds when = sync::forever) noexcept
      : child(parent), limit(*this, parent.wheel(), when, parent.deadline()) {}

  /// As basic_root_scope::try_reset(). It stays attached to its parent.
  bool try_reset(sync::nanoseconds when) noexcept { return limit::try_reset(*this, when); }

 protected:
  struct alone {};
  template <scope_of<Traits> Parent>
  basic_scope(alone, Parent& parent, sync::nanoseconds when) noexcept
      : child(parent), limit(*this, parent.wheel(), when, sync::forever) {}
};

/// A scope that does not hear from its parent until unshield().
template <class Traits>
class basic_shielded_scope : public basic_scope<Traits> {
 public:
  /// As a scope: a parent that is cancelled already cancels it.
  template <scope_of<Traits> Parent>
  explicit basic_shielded_scope(Parent& parent, sync::nanoseconds when = sync::forever) noexcept
      : basic_scope<Traits>(typename basic_scope<Traits>::alone{}, parent, when), shield_(*this) {}

  /// Whether the parent was cancelled meanwhile, and that waits for unshield().
  bool pending() const noexcept { return shield_.pending(); }

  /// From now on it is in the parent's reach.
  ///
  /// Callers:  its owner.
  /// Returns:  true if the parent was cancelled meanwhile: it is cancelled now, on this actor.
  bool unshield() noexcept { return shield_.end(); }

 private:
  basic_shield<typename Traits::source> shield_;
};

using root_scope = basic_root_scope<scope_traits>;
using scope = basic_scope<scope_traits>;
using shielded_scope = basic_shielded_scope<scope_traits>;

}  // namespace belay::inline BELAY_BUILD
