// An operation whose owner pays next to nothing, and whose cancellers pay for both.
//
// It promises what an operation promises, with the same words. But arm, disarm and complete are a
// plain store and a few plain loads each: about a nanosecond for an arm and a disarm, where an
// operation takes two locked instructions. The first request, or wait(), ends that: it runs a fence
// on every other thread of the process (sync::heavy_fence()), and from there on everything goes
// through the operation inside.
//
// When it pays: with fewer than about one cancel for 900 operations, and where the kernel has
// membarrier(2). A cancel costs between a third of a microsecond and some ten of them, by what the
// other threads are doing, and it disturbs all of them; cancel_all() shares one fence among many.
// Elsewhere take an operation. ThreadSanitizer cannot see the fence: it neither complains of this
// class nor would it notice that the fence were missing.
//
// How it works. Only the owner writes `slot_`; only the others write `asked`. `bias_` is zero until
// somebody asks.
//
//   owner      slot_ := what it wants;   light fence;   bias_ == 0?  then that is how it is
//   others     bias_ := asked;           heavy fence;   the first under a lock hands slot_'s
//                                                       content to the operation (it settles)
//
//   1. Of a pair of such fences at least one side sees what the other stored before. So whenever an
//      owner saw zero, every settle that follows finds what the owner had stored, or what it stored
//      later.
//   2. An owner that sees `asked` settles, too, unless somebody was first; that one left whether it
//      saw the owner's store. If it did, the store counts; else the operation decides.
//   3. It is settled once. From there on the operation decides, alone.
//
// The explored build is sequentially consistent and shows 2 and 3; that 1 is needed and suffices is
// what the litmus test (tests/core/biased_litmus_test.cpp) is for.
//
// Thread safety: as an operation. Lifetime: as an operation, but for this: who reports the outcome
// may look at it until complete() has returned. That somebody sees the outcome, by wait() or
// outcome(), is no leave to destroy it. 32 bytes, no heap.
#pragma once

#include <span>

#include "belay/operation.hpp"

namespace belay::inline BELAY_BUILD {

/// Each is needed: see tests/core/biased_mutants.cpp, and biased_litmus_test.cpp for the fence.
struct biased_traits {
  using operation = operation_traits;
  static constexpr sync::order::kind publish = sync::order::release;
  static constexpr sync::order::kind look = sync::order::acquire;
  static constexpr bool looks_again = true;
  static constexpr bool asks = true;
  static constexpr bool settles_once = true;
  static constexpr bool heeds_what_was_seen = true;
  static void heavy_fence() noexcept { sync::heavy_fence(); }
};

template <class Traits>
class basic_biased_operation {
 public:
  /// Open, with nothing armed.
  constexpr basic_biased_operation() noexcept = default;
  /// Open, with `routine` armed.
  template <class Routine>
  explicit basic_biased_operation(Routine& routine) noexcept
      : slot_(operation_word::armed(routine)) {}
  basic_biased_operation(const basic_biased_operation&) = delete;
  basic_biased_operation& operator=(const basic_biased_operation&) = delete;

  // ---- the owner's side; each call as the operation's of the same name

  template <class Routine>
  bool arm(Routine& routine) noexcept {
    const step done = move(0, operation_word::armed(routine));
    return done == step::taken || (done == step::machine && operation_.arm(routine));
  }
  template <class Routine>
  handshake disarm(Routine& routine) noexcept {
    return disarm_until(routine, sync::forever);
  }
  template <class Routine>
  handshake try_disarm(Routine& routine) noexcept {
    return disarm_until(routine, 0);
  }
  template <class Routine>
  handshake disarm_until(Routine& routine, sync::nanoseconds deadline) noexcept {
    const step done = move(operation_word::armed(routine), 0);
    if (done == step::taken) [[likely]]
      return handshake::won;
    return done == step::ended ? handshake::refused : operation_.disarm_until(routine, deadline);
  }
  template <class Routine>
  handshake complete(Routine& routine, belay::outcome how) noexcept {
    const step done = move(operation_word::armed(routine), operation_word::ended(how));
    if (done == step::taken) [[likely]]
      return handshake::won;
    return done == step::ended ? handshake::refused : operation_.complete(routine, how);
  }
  bool complete(belay::outcome how) noexcept {
    if (is_settled()) return operation_.complete(how);  // whoever has the right: not just the owner
    const step done = move(0, operation_word::ended(how));
    return done == step::taken || (done == step::machine && operation_.complete(how));
  }
  /// Also false when anybody ever asked or waited.
  bool try_reset() noexcept;

  // ---- anybody's side

  /// As operation::cancel(). Costs a heavy fence, unless it is settled.
  cancel_result cancel(belay::reason why) noexcept {
    settle_for_others();
    return operation_.cancel(why);
  }

  /// Cancels all of `which`, one after the other, for one heavy fence.
  ///
  /// Callers: as for cancel(); each of them is there until its own turn has come.
  /// Returns: how many routines it ran.
  static std::size_t cancel_all(std::span<basic_biased_operation* const> which,
                                belay::reason why) noexcept;

  /// As operation::wait(). Costs a heavy fence, unless it is settled.
  bool wait(sync::nanoseconds deadline = sync::forever) noexcept {
    settle_for_others();
    return operation_.wait(deadline);
  }

  bool cancelled() const noexcept { return operation_.cancelled(); }
  belay::reason reason() const noexcept { return operation_.reason(); }
  bool is_canceller() const noexcept { return operation_.is_canceller(); }
  /// How it ended; none when it has not. Costs a heavy fence if it meets the first request.
  belay::outcome outcome() noexcept;

 private:
  using word = operation_word::value;
  enum class step { taken, ended, machine };
  static constexpr std::uint8_t asked = 1, settled = 2, saw_armed = 4, saw_end = 8;
  static constexpr word moved = operation_word::cancel_bit;  // in slot_: the owner knows it settled

  bool is_settled() const noexcept { return (bias_.load(Traits::look) & settled) != 0; }
  static bool is_end(word what) noexcept { return (what & operation_word::done_bit) != 0; }

  /// The owner's step. taken: it is done. ended: there was an outcome. machine: it is the
  /// operation that decides.
  step move(word from, word to) noexcept {
    if (slot_.load(sync::order::relaxed) != from) [[unlikely]]
      return look_elsewhere();
    slot_.store(to, Traits::publish);
    sync::light_fence();
    if (bias_.load(Traits::look) == 0 || !Traits::looks_again) [[likely]]
      return step::taken;
    return settle_for_owner(to);
  }
  step look_elsewhere() const noexcept;
  step settle_for_owner(word to) noexcept;
  void settle_for_others() noexcept;
  void ask() noexcept;
  void settle_with_slot() noexcept;
  void settle(word with) noexcept;
  static std::uint8_t seen(word what) noexcept;

  sync::atomic<word> slot_{0};  // as an operation's open word, or its end; or `moved`
  sync::atomic<std::uint8_t> bias_{0};
  sync::brief_lock lock_;  // guards the change of bias_ to settled
  basic_operation<typename Traits::operation> operation_;
};

extern template class basic_biased_operation<biased_traits>;

using biased_operation = basic_biased_operation<biased_traits>;

}  // namespace belay::inline BELAY_BUILD
