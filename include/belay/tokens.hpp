// Stop tokens over sources and operations, for code that is written against the standard's words.
//
//   belay::token_source stop;
//   search(stop.get_token());                    // any stoppable_token will do
//   belay::stop_callback_for_t<belay::source_token, F> on_stop(stop.get_token(), f);
//   stop.request_stop();
//
//   source_token     of a source: any number of callbacks
//   operation_token  of an operation: one callback at a time (as P3409 proposes); a second one
//                    traps. It is the operation's routine, so registering it is the owner's affair,
//                    and the operation cannot end before it is taken out
//
// Both tell the reason, too. They do not own what they refer to: that outlives its tokens and their
// callbacks. A default-constructed token refers to nothing and never stops.
//
// Thread safety: as what they refer to. A token is a value of one pointer; a callback's constructor
// and destructor each run on one actor, not necessarily the same. No heap.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "belay/source.hpp"
#include "belay/stoppable.hpp"

namespace belay::inline BELAY_BUILD {

template <class Source, class Listener, class Fn>
class source_stop_callback;
template <class Operation, class Fn>
class operation_stop_callback;

/// `Listener` is what `Source` takes: wide_listener for a wide_source, and so on.
template <class Source, class Listener = listener>
class basic_source_token {
 public:
  template <class Fn>
  using callback_type = source_stop_callback<Source, Listener, Fn>;

  constexpr basic_source_token() noexcept = default;
  constexpr explicit basic_source_token(Source& of) noexcept : of_(&of) {}

  bool stop_requested() const noexcept { return of_ != nullptr && of_->cancelled(); }
  bool stop_possible() const noexcept { return of_ != nullptr; }
  /// Of the request that counts; reason_kind::none when there is none.
  belay::reason reason() const noexcept { return of_ != nullptr ? of_->reason() : belay::reason(); }
  friend constexpr bool operator==(const basic_source_token&,
                                   const basic_source_token&) noexcept = default;

 private:
  template <class, class, class>
  friend class source_stop_callback;
  Source* of_ = nullptr;
};

template <class Source, class Listener, class Fn>
class source_stop_callback : private Listener {
 public:
  using callback_type = Fn;

  /// If a request came already, `fn` runs here, before this returns.
  template <class Init>
  requires std::constructible_from<Fn, Init>
  explicit source_stop_callback(basic_source_token<Source, Listener> token,
                                Init&& fn) noexcept(std::is_nothrow_constructible_v<Fn, Init>)
      : Listener(&run), fn_(std::forward<Init>(fn)), of_(token.of_) {
    if (of_ == nullptr || of_->add(*this)) return;
    of_ = nullptr;
    invoke();
  }
  /// On return `fn` has run, or never will; inside it, without waiting.
  ~source_stop_callback() {
    if (of_ != nullptr) of_->remove(*this);
  }

 private:
  static void run(listener& self, belay::reason) noexcept {
    static_cast<source_stop_callback&>(static_cast<Listener&>(self)).invoke();
  }
  void invoke() noexcept { std::forward<Fn>(fn_)(); }

  [[no_unique_address]] Fn fn_;
  Source* of_;  // nullptr: nothing to take out
};

template <class Operation>
class basic_operation_token {
 public:
  template <class Fn>
  using callback_type = operation_stop_callback<Operation, Fn>;

  constexpr basic_operation_token() noexcept = default;
  constexpr explicit basic_operation_token(Operation& of) noexcept : of_(&of) {}

  bool stop_requested() const noexcept { return of_ != nullptr && of_->cancelled(); }
  /// False also when it ended and nobody had asked.
  bool stop_possible() const noexcept {
    return of_ != nullptr && (of_->outcome() == outcome::none || of_->cancelled());
  }
  belay::reason reason() const noexcept { return of_ != nullptr ? of_->reason() : belay::reason(); }
  friend constexpr bool operator==(const basic_operation_token&,
                                   const basic_operation_token&) noexcept = default;

 private:
  template <class, class>
  friend class operation_stop_callback;
  Operation* of_ = nullptr;
};

template <class Operation, class Fn>
class operation_stop_callback : private notify_routine {
 public:
  using callback_type = Fn;

  /// Callers: the operation's owner; nothing is armed. If a request came already, `fn` runs here.
  template <class Init>
  requires std::constructible_from<Fn, Init>
  explicit operation_stop_callback(basic_operation_token<Operation> token,
                                   Init&& fn) noexcept(std::is_nothrow_constructible_v<Fn, Init>)
      : notify_routine(&run), fn_(std::forward<Init>(fn)), of_(token.of_) {
    if (of_ == nullptr || of_->arm(me())) return;
    const bool asked = of_->cancelled();  // else it has ended
    of_ = nullptr;
    if (asked) invoke();
  }
  /// As of a source. Afterwards something else may be armed, or the outcome reported.
  ~operation_stop_callback() {
    if (of_ != nullptr) of_->disarm(me());
  }

 private:
  notify_routine& me() noexcept { return *this; }
  static void run(routine& self, belay::reason) noexcept {
    static_cast<operation_stop_callback&>(static_cast<notify_routine&>(self)).invoke();
  }
  void invoke() noexcept { std::forward<Fn>(fn_)(); }

  [[no_unique_address]] Fn fn_;
  Operation* of_;
};

using source_token = basic_source_token<source>;
using operation_token = basic_operation_token<operation>;
static_assert(stoppable_token<source_token> && stoppable_token<operation_token>);

/// `Base`, a source or an operation, with the standard's names beside its own.
template <class Base, class Token>
class with_token : public Base {
 public:
  using Base::Base;
  Token get_token() const noexcept {
    return Token(const_cast<with_token&>(*this));  // asking for a token changes nothing yet
  }
  static constexpr bool stop_possible() noexcept { return true; }
  bool stop_requested() const noexcept { return Base::cancelled(); }
  /// Returns: true for the request that counts, when what it runs has returned; else false.
  bool request_stop(belay::reason why = reason_kind::user) noexcept {
    const cancel_result result = Base::cancel(why);
    return result == cancel_result::claimed || result == cancel_result::requested_nothing_armed;
  }
};

using token_source = with_token<source, source_token>;
using token_operation = with_token<operation, operation_token>;
static_assert(stoppable_source<token_source> && stoppable_source<token_operation>);

}  // namespace belay::inline BELAY_BUILD
