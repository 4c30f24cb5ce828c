// Cancellation as a file descriptor, for poll, epoll, select and io_uring.
//
//   belay::event_fd stop(operation);
//   pollfd both[] = {{socket, POLLIN, 0}, {stop.descriptor(), POLLIN, 0}};
//   poll(both, 2, -1);                                  // returns when there is data, or a request
//
// The descriptor is an eventfd(2), close-on-exec and non-blocking. It becomes readable when the
// request comes, and stays so until clear(), whoever polls it and how often. Attached to what is
// cancelled already it is readable at once.
//
// Thread safety: the descriptor may be polled by anybody. The calls are the owner's, one after the
// other. A request may come at any time, on any actor.
// Lifetime: the destructor takes the routine out, waits for one that is running elsewhere, and only
// then closes the descriptor: a request never writes to a descriptor that means something else by
// then. Who polls must be done before. Not movable: the request finds it where it is.
#pragma once

#include "belay/hook.hpp"

namespace belay::inline BELAY_BUILD {

class event_fd : private hook {
 public:
  /// Opens a descriptor that is attached to nothing. See valid().
  event_fd() noexcept;

  /// Opens a descriptor, and watches `to` unless that failed. See watch().
  explicit event_fd(operation& to) noexcept;
  explicit event_fd(source& to) noexcept;

  /// Callers: the owner; not inside the request.
  ~event_fd();

  /// Whether the descriptor could be opened.
  bool valid() const noexcept { return descriptor_ >= 0; }
  /// Why not: EMFILE, ENFILE, ENOMEM or ENODEV, as eventfd(2) has it; 0 when it is valid.
  int error() const noexcept { return error_; }
  /// The descriptor; it belongs to this. -1 when it is not valid.
  int descriptor() const noexcept { return descriptor_; }

  /// From now on a request to `to` makes the descriptor readable.
  ///
  /// Callers:  the owner of an operation, with nothing armed there; anybody for a source. This is
  ///           valid() and watches nothing. `to` stays until unwatch() or complete().
  /// Returns:  false if a request came first: it is readable, and watches nothing.
  /// Ordering: what the canceller did before happens before whoever finds the descriptor readable
  ///           and then asks `to`.
  /// Races:    watch against cancel: the descriptor becomes readable in either order.
  bool watch(operation& to) noexcept;
  bool watch(source& to) noexcept;

  /// Takes the routine out. What is readable stays readable.
  ///
  /// Returns:  won: no request came. cancelled: one came, and the descriptor is readable. refused:
  ///           it watched nothing.
  handshake unwatch() noexcept { return detach(); }

  /// Takes the routine out and reports the outcome in one step, as operation::complete(). A source
  /// has no outcome: then as unwatch().
  ///
  /// Returns:  as unwatch(). Unless `won`, the outcome is still the caller's to report.
  handshake complete(outcome how) noexcept { return hook::complete(how); }

  /// Makes the descriptor unreadable again.
  ///
  /// Returns:  whether it was readable.
  bool clear() noexcept;

 private:
  static void on_request(hook& self, belay::reason why) noexcept;
  template <class Target>
  bool watch_either(Target& to) noexcept;
  void make_readable() noexcept;

  int descriptor_ = -1;
  int error_ = 0;
};

}  // namespace belay::inline BELAY_BUILD
