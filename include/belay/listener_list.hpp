// The list of a source's listeners, and the decisions about it that the tests take back one by one.
// For source.hpp and its kin only.
//
// Thread safety: everything, from any actor.
// Invariants:
//   1. A listener is in the list iff its previous_ is set; both change under the lock only. The
//      first one's previous_ need not point anywhere.
//   2. Whoever adds looks for a request under the lock. The canceller's request is on record before
//      it takes the lock for the first time; so whoever was let in is found, and runs.
//   3. The canceller takes one listener at a time and holds no lock while it runs. When it took the
//      last one it never looks at the list again: the source may be gone.
//   4. A taken listener is over by the canceller's last access to it: under the lock when another
//      follows, which saves a locked instruction, else by an exchange. Whoever would sleep on it
//      says so under the lock.
#pragma once

#include "belay/listener.hpp"
#include "belay/operation_word.hpp"
#include "belay/results.hpp"

namespace belay::inline BELAY_BUILD {

namespace core {
/// What a list knows of its order beyond its links: nothing.
struct no_hints {
  void added(listener&) noexcept {}
  void taken(listener&) noexcept {}
};
}  // namespace core

/// Each is needed: tests/core/source_mutants.cpp shows the race that taking it back lets in.
struct source_traits {
  using operation = operation_traits;
  using hints = core::no_hints;  // see fan_out_source.hpp
  static constexpr sync::order::kind finish = sync::order::acq_rel;
  static constexpr sync::order::kind finish_locked = sync::order::release;
  static constexpr sync::order::kind look = sync::order::acquire;
  static constexpr bool adds_under_lock = true;
  static constexpr bool unlinks_under_lock = true;
  static constexpr bool takes_one_at_a_time = true;
  static constexpr bool leaves_after_last = true;
  static constexpr bool remover_waits = true;
  static constexpr bool heeds_destruction = true;
  static constexpr bool wakes = true;
  static constexpr bool descends = true;
  static constexpr bool child_heeds_parent = true;
  static constexpr bool shield_waits = true;
  static constexpr bool shield_delivers = true;
  static constexpr int spins = operation_traits::spins;

  /// Whether the caller is the canceller.
  template <class Operation, class Hints>
  static bool is_inside(const Operation& of, const Hints&) noexcept {
    return of.is_canceller();
  }
};

template <class Traits>
class basic_child_source;

namespace core {

template <class Traits>
struct walk;

template <class Traits>
class list {
 public:
  constexpr list() noexcept = default;
  list(const list&) = delete;
  list& operator=(const list&) = delete;

  /// False when a request came to `of`, the source's operation.
  template <class Operation>
  bool add(listener& which, const Operation& of) noexcept {
    lock_.lock();
    if (Traits::adds_under_lock && of.cancelled()) [[unlikely]] {
      lock_.unlock();
      return false;
    }
    listener* const first = head_;
    which.next_ = first;
    if (first != nullptr) first->previous_ = &which.next_;
    which.previous_ = &head_;
    head_ = &which;
    hints_.added(which);
    lock_.unlock();
    return true;
  }

  /// False when it is not in the list.
  bool unlink(listener& which) noexcept {
    const bool was_linked = !Traits::unlinks_under_lock && which.previous_ != nullptr;
    lock_.lock();
    if ((which.previous_ == nullptr && !was_linked) ||
        (walk_ != nullptr && !Traits::takes_one_at_a_time)) [[unlikely]] {
      lock_.unlock();
      return false;
    }
    (head_ == &which ? head_ : *which.previous_) = which.next_;
    if (which.next_ != nullptr) which.next_->previous_ = which.previous_;
    make_idle(which);
    lock_.unlock();
    return true;
  }

  /// False, with nothing changed, when `from` is not in the list.
  bool replace(listener& from, listener& to) noexcept;
  bool is_empty() noexcept;
  /// Whether the list can go just so; else destroyed() looks.
  bool is_quiet() const noexcept { return head_ == nullptr && walk_ == nullptr; }
  void destroyed(bool inside) noexcept;
  /// `child`, which is not linked, is being destroyed: returns when its canceller is done with it.
  void leave(basic_child_source<Traits>& child, bool inside) noexcept;

  /// What became of `which`, which is not linked: refused, cancelled, cancelled_inside or running.
  /// `inside`: the caller is the canceller.
  handshake look(listener& which, bool inside) noexcept;
  /// As look(), but waits until `which` is over, or `deadline`.
  handshake wait(listener& which, sync::nanoseconds deadline) noexcept;
  handshake call_after(listener& which, listener::function after) noexcept;

  const typename Traits::hints& hints() const noexcept { return hints_; }

 private:
  friend struct walk<Traits>;
  using state = std::uintptr_t;

  static bool is_running(state now) noexcept { return (now & ~listener::flags) != 0; }
  static handshake result(state now) noexcept {
    return now == listener::idle   ? handshake::refused
           : now == listener::over ? handshake::cancelled
                                   : handshake::running;
  }
  static void make_idle(listener& which) noexcept {
    which.previous_ = nullptr;
    new (&which.state_) sync::atomic<state>(listener::idle);
  }
  static walk<Traits>* walk_of(state now) noexcept {
    return reinterpret_cast<walk<Traits>*>(now & ~listener::flags);
  }
  static bool is_entered(const listener& which) noexcept;
  void forget(listener& which, walk<Traits>& by) noexcept;
  state raise(listener& which, state flag) noexcept;

  listener* next(walk<Traits>& by, listener* done, listener::function& call) noexcept;
  static void finish(listener& which, belay::reason why) noexcept;
  static void settle(listener& which, state was, belay::reason why) noexcept;

  sync::brief_lock lock_;
  listener* head_ = nullptr;
  walk<Traits>* walk_ = nullptr;  // while a listener runs that was not the last
  [[no_unique_address]] typename Traits::hints hints_;
};

}  // namespace core

}  // namespace belay::inline BELAY_BUILD
