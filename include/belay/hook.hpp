// What an edge hangs on an operation or a source: one function that a request runs.
//
// Edges turn a request into what Linux understands: a readable descriptor, a signal, an io_uring
// cancel. Each derives from hook, gives it the function to run, and calls detach() first in its own
// destructor. A hook is attached to one thing at a time, and may be attached again.
//
// Thread safety: the function runs on the canceller's actor. Everything else is the owner's side,
// one call after the other.
// Invariants: while attached, the function runs at most once; once detach() or complete() returned
// it has returned (unless the caller is inside it) and does not run any more.
#pragma once

#include <utility>

#include "belay/operation.hpp"
#include "belay/source.hpp"
#include "core/misused.hpp"

namespace belay::inline BELAY_BUILD {

class hook {
 public:
  hook(const hook&) = delete;
  hook& operator=(const hook&) = delete;

  /// Whether detach() has something to do: true from an attach() that returned true, whatever came
  /// since.
  bool is_attached() const noexcept { return operation_ != nullptr || source_ != nullptr; }

 protected:
  using function = void (*)(hook& self, belay::reason why) noexcept;

  explicit hook(function call) noexcept : call_(call), routine_(*this), listener_(*this) {}
  /// Detached by whoever derives from it: its members are gone here.
  ~hook() {
    if (is_attached()) core::misused();
  }

  /// From now on a request to `to` runs the function.
  ///
  /// Callers:  the owner of `to`, with nothing armed there; the hook is not attached. `to` stays
  ///           until detach() or complete().
  /// Returns:  false if a request came first: not attached, and the function does not run.
  bool attach(operation& to) noexcept {
    if (is_attached()) core::misused();
    if (!to.arm(routine_)) return false;
    operation_ = &to;
    return true;
  }
  /// The same with a source: Callers: any actor.
  bool attach(source& to) noexcept {
    if (is_attached()) core::misused();
    if (!to.add(listener_)) return false;
    source_ = &to;
    return true;
  }

  /// Returns:  won: the function never runs. cancelled: it ran and has returned.
  ///           cancelled_inside: the caller is inside it. refused: it is not attached.
  /// Ordering: what the function did happens before the return of `cancelled`.
  handshake detach() noexcept {
    operation* const from_operation = std::exchange(operation_, nullptr);
    if (from_operation != nullptr) return from_operation->disarm(routine_);
    source* const from_source = std::exchange(source_, nullptr);
    return from_source != nullptr ? from_source->remove(listener_) : handshake::refused;
  }

  /// Detaches, and reports the outcome if no request came before: one step. A source has no outcome
  /// and is only detached from.
  ///
  /// Returns:  as detach(). Unless `won` the outcome was not reported.
  handshake complete(outcome how) noexcept {
    operation* const from = std::exchange(operation_, nullptr);
    return from != nullptr ? from->complete(routine_, how) : detach();
  }

 private:
  struct as_routine final : notify_routine {
    explicit as_routine(hook& of) noexcept : notify_routine(&run), of_(of) {}
    static void run(routine& self, belay::reason why) noexcept {
      hook& of = static_cast<as_routine&>(self).of_;
      of.call_(of, why);
    }
    hook& of_;
  };
  struct as_listener final : listener {
    explicit as_listener(hook& of) noexcept : listener(&run), of_(of) {}
    static void run(listener& self, belay::reason why) noexcept {
      hook& of = static_cast<as_listener&>(self).of_;
      of.call_(of, why);
    }
    hook& of_;
  };

  function call_;
  operation* operation_ = nullptr;
  source* source_ = nullptr;
  as_routine routine_;
  as_listener listener_;
};

}  // namespace belay::inline BELAY_BUILD
