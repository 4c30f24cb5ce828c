// An operation that a coroutine waits for.
//
//   belay::awaitable_operation read;
//   begin(read);                                   // somebody will report its outcome
//   const auto [how, why] = co_await read;         // resumed where it is reported
//
// It is an operation, with one continuation. The coroutine is resumed once the operation has its
// outcome, whoever reports it: the owner with complete(routine, how), a claim routine, or the owner
// after a notify routine with complete(how). It is resumed there and then, inside that call, on
// that actor; it goes on without having been suspended when the outcome came first. A request
// reaches a suspended coroutine like any other owner: through the armed routine.
//
// The resumption is the last thing that complete() does, and it does not touch the operation any
// more: the coroutine may destroy it. Nobody else may on seeing the outcome: only co_await says
// that complete() is through.
//
// Destroying a suspended coroutine takes its continuation out. That must not race with the report
// of the outcome: whoever destroys it holds the right to finish, or knows that nobody will. A
// report that came first is found, and traps.
//
// Thread safety: as an operation; one coroutine at a time waits. 24 bytes, no heap.
#pragma once

#include <coroutine>

#include "belay/operation.hpp"

namespace belay::inline BELAY_BUILD {

/// Each is needed: tests/core/awaitable_explored.cpp shows what comes of taking it back.
struct awaitable_traits {
  using operation = operation_traits;
  static constexpr sync::order::kind suspend = sync::order::release;
  static constexpr sync::order::kind finish = sync::order::acq_rel;
  /// By the book; the outcome, which is read next, orders the same, so that no test can miss it.
  static constexpr sync::order::kind look = sync::order::acquire;
  static constexpr bool suspends_in_one_step = true;
  static constexpr bool waits_for_routine = true;
};

/// What co_await gives.
struct awaited {
  belay::outcome outcome;
  belay::reason reason;  ///< of the request that counts; reason_kind::none when nobody asked
  friend constexpr bool operator==(awaited, awaited) noexcept = default;
};

template <class Traits>
class basic_awaitable_operation : private basic_operation<typename Traits::operation> {
 public:
  using operation_type = basic_operation<typename Traits::operation>;
  class awaiter;

  /// Open, with nothing armed.
  constexpr basic_awaitable_operation() noexcept = default;
  /// Open, with `routine` armed.
  template <class Routine>
  explicit basic_awaitable_operation(Routine& routine) noexcept : operation_type(routine) {}

  // As an operation's:
  using operation_type::arm, operation_type::replace;
  using operation_type::cancel, operation_type::request, operation_type::run;
  using operation_type::cancelled, operation_type::is_canceller;
  using operation_type::disarm, operation_type::disarm_until, operation_type::try_disarm;
  using operation_type::disarm_async;
  using operation_type::outcome, operation_type::reason;

  /// As operation::complete(). After `won` the coroutine has been resumed, if one was suspended.
  template <class Routine>
  handshake complete(Routine& routine, belay::outcome how) noexcept {
    const handshake result = operation_type::complete(routine, how);
    if (result == handshake::won) finish();
    return result;
  }

  /// As operation::complete(), and resumes as above.
  bool complete(belay::outcome how) noexcept {
    if (!operation_type::complete(how)) return false;
    finish();
    return true;
  }

  /// As operation::try_reset(); also false while a coroutine waits.
  ///
  /// Callers: the owner, when complete() has returned.
  bool try_reset() noexcept {
    if (next_.load(sync::order::relaxed) > ended) return false;
    if (!operation_type::try_reset()) return false;
    next_.store(nobody, sync::order::relaxed);
    return true;
  }

  /// For who only cancels or waits: a table, a deadline, cancel_within(). An outcome that is
  /// reported through this resumes nobody.
  operation_type& inner() noexcept { return *this; }

  /// Callers:  a coroutine, when no other waits.
  /// Returns:  to it, once: the outcome and the reason.
  /// Ordering: what was done before the outcome was reported, and what a notify routine did,
  ///           happens before the coroutine goes on.
  /// Races:    suspending against complete(): it is resumed, or never suspended. If a notify
  ///           routine is still running then, on another actor, it blocks until that has returned.
  awaiter operator co_await() noexcept { return awaiter(*this); }

 private:
  static constexpr std::uintptr_t nobody = 0, ended = 1;

  void finish() noexcept {
    const std::uintptr_t next = next_.exchange(ended, Traits::finish);
    if (next != nobody)
      std::coroutine_handle<>::from_address(reinterpret_cast<void*>(next)).resume();
  }

  sync::atomic<std::uintptr_t> next_{nobody};  // or the suspended coroutine's address, or `ended`
};

/// Lives in the coroutine's frame while that waits.
template <class Traits>
class basic_awaitable_operation<Traits>::awaiter {
 public:
  awaiter(const awaiter&) = delete;
  awaiter& operator=(const awaiter&) = delete;
  ~awaiter() {
    if (suspended_ != nobody) [[unlikely]]
      deregister();
  }

  bool await_ready() const noexcept { return of_.next_.load(Traits::look) == ended; }

  bool await_suspend(std::coroutine_handle<> who) noexcept {
    const auto mine = reinterpret_cast<std::uintptr_t>(who.address());
    suspended_ = mine;  // before the exchange: after it this may be gone
    if (suspend(mine)) return true;
    suspended_ = nobody;
    return false;
  }

  awaited await_resume() noexcept {
    suspended_ = nobody;
    if (Traits::waits_for_routine) of_.operation_type::wait();
    return {of_.outcome(), of_.reason()};
  }

 private:
  friend class basic_awaitable_operation;
  explicit awaiter(basic_awaitable_operation& of) noexcept : of_(of) {}
  bool suspend(std::uintptr_t mine) noexcept;
  void deregister() noexcept;

  basic_awaitable_operation& of_;
  std::uintptr_t suspended_ = nobody;  // what is to be taken out when the frame is destroyed
};

extern template class basic_awaitable_operation<awaitable_traits>;

using awaitable_operation = basic_awaitable_operation<awaitable_traits>;
static_assert(sizeof(awaitable_operation) == 24);

}  // namespace belay::inline BELAY_BUILD
