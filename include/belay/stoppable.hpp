// The concepts by which generic code speaks of stop tokens, as C++26 defines them ([stoptoken]),
// for C++20; and the token that never stops.
//
//   template <belay::stoppable_token Token>
//   void search(Token stop) { while (!stop.stop_requested()) … }
//
// Tokens of ours that model them are in tokens.hpp. std::stop_token does so from C++26 on; until
// then it lacks callback_type, and std_bridge.hpp takes it as it is.
//
// The draft says `stoppable-source` and `stoppable-callback-for`: for exposition only there, with
// names here.
#pragma once

#include <concepts>
#include <type_traits>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD {

namespace core {
template <template <class> class>
struct check_type_alias_exists;  // not defined
}  // namespace core

/// Copies refer to the same stop state, and say whether a request came and whether one still can.
///
/// Semantics (which no concept can check): once stop_possible() is false, or stop_requested() is
/// true, it stays so; copies are equal; questions do not race with anything.
template <class Token>
concept stoppable_token = requires(const Token token) {
  typename core::check_type_alias_exists<Token::template callback_type>;
  { token.stop_requested() }
  noexcept->std::same_as<bool>;
  { token.stop_possible() }
  noexcept->std::same_as<bool>;
  { Token(token) }
  noexcept;
}
&&std::copyable<Token>&& std::equality_comparable<Token>&& std::swappable<Token>;

/// A token that is known, when compiling, never to stop: code for the other case can go.
template <class Token>
concept unstoppable_token = stoppable_token<Token> && requires {
  requires std::bool_constant<(!Token::stop_possible())>::value;
};

/// What registers `CallbackFn` with a `Token`.
template <class Token, class CallbackFn>
using stop_callback_for_t = typename Token::template callback_type<CallbackFn>;

/// `Token` takes a `CallbackFn`, made from an `Initializer`.
///
/// Semantics: the callback runs at most once: inside the constructor, if a request came before, or
/// on the requester's actor. The destructor takes it out. It does not wait for other callbacks; if
/// this one is running on another actor, it waits until that has returned; inside it, it does not.
template <class CallbackFn, class Token, class Initializer = CallbackFn>
concept stoppable_callback_for =
    std::invocable<CallbackFn> && std::constructible_from<CallbackFn, Initializer> && requires {
  typename stop_callback_for_t<Token, CallbackFn>;
} && std::constructible_from < stop_callback_for_t<Token, CallbackFn>,
const Token&, Initializer > ;

/// Owns a stop state or shares it: gives out tokens and makes the request.
///
/// Semantics: request_stop() returns true for the request that counts, and runs the callbacks
/// before it returns; false for all others.
template <class Source>
concept stoppable_source = requires(Source& source, const Source constant) {
  { constant.get_token() } -> stoppable_token;
  { constant.stop_possible() }
  noexcept->std::same_as<bool>;
  { constant.stop_requested() }
  noexcept->std::same_as<bool>;
  { source.request_stop() } -> std::same_as<bool>;
};

/// The token of what cannot be stopped. Its callbacks are empty and never run.
class never_token {
  struct never_callback {
    explicit constexpr never_callback(never_token, auto&&) noexcept {}
  };

 public:
  template <class>
  using callback_type = never_callback;

  static constexpr bool stop_requested() noexcept { return false; }
  static constexpr bool stop_possible() noexcept { return false; }
  friend constexpr bool operator==(const never_token&, const never_token&) noexcept = default;
};

static_assert(unstoppable_token<never_token>);

}  // namespace belay::inline BELAY_BUILD
