// Between our cancellation and other stop tokens, std::stop_token first of all.
//
//   belay::cancel_on_stop follow(jthread_token, operation);   // in: a stop cancels the operation
//
//   belay::std_stop stop(source.get_token());                 // out: a cancel is a stop
//   condition.wait(lock, stop.get_token(), ready);            // std::condition_variable_any
//
// What comes in through a token is of reason_kind::parent; a token of ours hands its reason down.
//
// Each holds for a scope. On its end, what it did or is doing on another actor is over; inside its
// own callback it does not wait.
//
// Thread safety: constructor and destructor on one actor each; get_token() from any.
#pragma once

#include <stop_token>
#include <utility>

#include "belay/reason.hpp"
#include "belay/stoppable.hpp"

namespace belay::inline BELAY_BUILD {

namespace core {

template <class Token, class Fn>
struct callback_for {
  using type = stop_callback_for_t<Token, Fn>;
};
template <class Fn>
struct callback_for<std::stop_token, Fn> {  // it has no callback_type before C++26
  using type = std::stop_callback<Fn>;
};

/// The reason that a part gets when what `token` belongs to is cancelled.
template <class Token>
reason reason_for_parts(const Token& token) noexcept {
  if constexpr (requires {
                  { token.reason() } -> std::same_as<reason>;
                }) {
    return token.reason().inherited();
  } else {
    return reason_kind::parent;
  }
}

}  // namespace core

/// What the bridges take: a stoppable_token, or std::stop_token.
template <class Token>
concept any_stop_token = stoppable_token<Token> || std::same_as<Token, std::stop_token>;

/// Cancels `target`, which has cancel(reason) and outlives this, when `token` stops.
template <any_stop_token Token, class Target>
class cancel_on_stop {
 public:
  /// If it has stopped already, `target` is cancelled here, before this returns.
  ///
  /// Callers: any actor, with no lock held that the target's routine or listeners take.
  /// Throws:  nothing by itself; what registering with a foreign token throws.
  cancel_on_stop(Token token, Target& target) : callback_(token, relay{token, &target}) {}
  cancel_on_stop(const cancel_on_stop&) = delete;
  cancel_on_stop& operator=(const cancel_on_stop&) = delete;

 private:
  struct relay {
    Token token;
    Target* target;
    void operator()() const noexcept { target->cancel(core::reason_for_parts(token)); }
  };
  typename core::callback_for<Token, relay>::type callback_;
};

/// A std::stop_token that stops when `token` does.
///
/// It owns a std::stop_source, and that allocates: the one place of the core that does. The tokens
/// it gives out may outlive it, and then no longer stop.
template <any_stop_token Token>
class std_stop {
 public:
  /// Throws: std::bad_alloc, as std::stop_source; what registering with a foreign token throws.
  explicit std_stop(Token token) : callback_(token, relay{&source_}) {}
  std_stop(const std_stop&) = delete;
  std_stop& operator=(const std_stop&) = delete;

  std::stop_token get_token() const noexcept { return source_.get_token(); }

 private:
  struct relay {
    std::stop_source* source;
    void operator()() const noexcept { source->request_stop(); }
  };
  std::stop_source source_;  // before the callback, which uses it
  typename core::callback_for<Token, relay>::type callback_;
};

}  // namespace belay::inline BELAY_BUILD
