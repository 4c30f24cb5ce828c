// A function object that runs when a source is cancelled, registered for the life of a scope.
//
//   belay::callback on_stop(source, [&](belay::reason why) { … });
//   belay::callback also(source, [&] { … });
//
// As std::stop_callback, with the differences that the callback learns the reason, that nothing is
// allocated, and that whoever must not wait can ask first (try_remove).
#pragma once

#include <type_traits>
#include <utility>

#include "belay/source.hpp"

namespace belay::inline BELAY_BUILD {

template <class F, class Traits = source_traits>
class callback : private listener {
  static_assert(std::is_invocable_v<F&> || std::is_invocable_v<F&, belay::reason>,
                "a callback takes the reason, or nothing");

 public:
  /// Registers `call` with `source`, which outlives this. If that is cancelled already, `call` runs
  /// here, before the constructor returns.
  ///
  /// Races: against cancel: `call` runs exactly once, here or on the canceller's actor.
  template <class Init = F>
  callback(basic_source<Traits>& source, Init&& call) noexcept
      : listener(&run), source_(&source), call_(std::forward<Init>(call)) {
    if (source.add(*this)) [[likely]]
      return;
    source_ = nullptr;
    invoke(source.reason());
  }

  /// Callers: any one actor; also from inside `call`.
  /// Races:   against cancel: `call` never runs, or has returned, unless the caller is inside it.
  ~callback() { remove(); }

  /// Takes it out before the end of the scope.
  ///
  /// Returns: as source::remove; refused if `call` ran in the constructor, or on a second call.
  handshake remove() noexcept { return leave(sync::forever); }
  /// As remove(), but never waits: running. Then the destructor still waits.
  handshake try_remove() noexcept { return leave(0); }
  /// As remove(), but waits only until `deadline`; then: running.
  handshake remove_until(sync::nanoseconds deadline) noexcept { return leave(deadline); }

 private:
  static void run(listener& self, belay::reason why) noexcept {
    static_cast<callback&>(self).invoke(why);
  }
  void invoke(belay::reason why) noexcept {
    if constexpr (std::is_invocable_v<F&, belay::reason>) {
      call_(why);
    } else {
      call_();
    }
  }
  handshake leave(sync::nanoseconds deadline) noexcept {
    if (source_ == nullptr) return handshake::refused;
    basic_source<Traits>& source = *source_;
    const handshake result = source.remove_until(*this, deadline);
    if (result != handshake::running) source_ = nullptr;
    return result;
  }

  basic_source<Traits>* source_;  // nullptr: nothing is left to remove
  [[no_unique_address]] F call_;
};

template <class F, class Traits>
callback(basic_source<Traits>&, F) -> callback<F, Traits>;

}  // namespace belay::inline BELAY_BUILD
