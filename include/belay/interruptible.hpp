// System calls that a request ends: read, accept, a futex wait, or any other that blocks.
//
//   belay::interruptible calls(operation);              // on the thread that makes the calls
//   const belay::call_result got = calls.read(fd, buffer, sizeof buffer);
//   if (got.is_cancelled()) …                           // nothing was read
//
// A request that comes while the thread is inside a call sends it a signal. The signal may arrive
// after the thread looked whether there is a request and before the system call's instruction;
// then the handler moves the thread past that instruction (src/edges/interruptible_call.S). So a
// request is never lost, whenever it comes, and a result is never lost either: what the kernel has
// done is returned, also when a request came meanwhile.
//
// Promises:
//   - Once a request has come no call blocks, and none starts.
//   - `unstarted` and `blocked`: the call had no effect that the kernel does not document for EINTR
//     (a connect(2), for example, goes on by itself; so does what sleeps uninterruptibly).
//   - The signal reaches only a thread that is inside a call here, and has been received before the
//     call returns: no other system call of the program fails with EINTR because of it.
//
// The signal is a real-time signal that the program does not use (see signal()). Signals of that
// number from elsewhere go to whoever had its handler before. A handler of the program that runs
// during a call is none of our business: the call returns -EINTR, or goes on if that handler was
// installed with SA_RESTART; in neither case does a request get lost.
//
// Thread safety: an object belongs to the thread that made it. Requests come from any actor, also
// from that very thread in a signal handler. Any number of objects on one thread, and any number of
// threads; a call made from inside a signal handler that interrupted another such call is not
// supported, nor is a child of fork(2) that goes on with its parent's objects.
// Processors: x86-64 and aarch64.
#pragma once

#if !(defined(__x86_64__) && defined(__LP64__)) && !(defined(__aarch64__) && defined(__LP64__))
#error "belay/interruptible.hpp: src/edges/interruptible_call.S has no code for this processor"
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "belay/hook.hpp"

namespace belay::inline BELAY_BUILD {

/// How a call came to its end.
enum class call_end : std::uint8_t {
  returned,   ///< by itself: `value` is its result, or -errno; -EINTR is somebody else's signal
  unstarted,  ///< a request came before: it was not made, or the kernel took it back untouched
  blocked,    ///< a request interrupted it while it waited
};

struct call_result {
  /// What the kernel returned: -4095 to -1 is an error. -ECANCELED unless it `returned`.
  long value;
  call_end end;

  bool is_cancelled() const noexcept { return end != call_end::returned; }
  bool is_error() const noexcept { return value < 0 && value >= -4095; }
};

class interruptible : private hook {
 public:
  /// Watches nothing: calls are ordinary ones until watch().
  ///
  /// Callers: the thread that will make the calls. The signal is unblocked there until the
  ///          destructor; the program does not block it meanwhile.
  interruptible() noexcept;
  explicit interruptible(operation& to) noexcept : interruptible() { watch(to); }
  explicit interruptible(source& to) noexcept : interruptible() { watch(to); }

  /// Takes the routine out, and waits for one that is running elsewhere: no request reaches the
  /// thread any more, which may end.
  ///
  /// Callers: the thread that made it.
  ~interruptible();

  /// From now on a request to `to` ends the call that is being made, and keeps others from
  /// starting.
  ///
  /// Callers:  the owner of an operation, with nothing armed there; anybody for a source. This
  ///           watches nothing. `to` stays until unwatch() or complete().
  /// Returns:  false if a request came first: no call starts until unwatch().
  bool watch(operation& to) noexcept { return begin(attach(to)); }
  bool watch(source& to) noexcept { return begin(attach(to)); }

  /// Takes the routine out; the calls are ordinary ones again.
  ///
  /// Returns:  won: no request came. cancelled: one came. refused: it watched nothing, or what was
  ///           cancelled before watch().
  handshake unwatch() noexcept { return end(detach()); }

  /// As unwatch(), and reports the outcome in one step, as operation::complete().
  ///
  /// Returns:  as unwatch(). Unless `won`, the outcome is still the caller's to report.
  handshake complete(outcome how) noexcept { return end(hook::complete(how)); }

  /// Whether a request came since watch().
  bool cancelled() const noexcept {
    return (state_.word.load(sync::order::acquire) & state::cancelled) != 0;
  }

  /// Makes a system call. Its arguments are numbers and pointers, six at most.
  ///
  /// Callers:  the thread that made this.
  /// Returns:  see call_result. errno is left alone.
  /// Ordering: what the canceller did before happens before the return of a cancelled call.
  template <class... Arguments>
  call_result call(long number, Arguments... arguments) noexcept {
    static_assert(sizeof...(Arguments) <= 6, "a system call has six arguments at most");
    const long all[6] = {as_long(arguments)...};
    return make(number, all);
  }

  call_result read(int descriptor, void* buffer, std::size_t size) noexcept;
  call_result write(int descriptor, const void* buffer, std::size_t size) noexcept;
  /// `value` is the new descriptor, which is close-on-exec.
  call_result accept(int descriptor) noexcept;
  /// Sleeps while the word equals `expected`, until woken or `deadline`: 0, -EAGAIN when it did
  /// not, -ETIMEDOUT. Others wake it with sync::wake_all(), or with FUTEX_WAKE of a private futex.
  call_result futex_wait(const volatile std::uint32_t* word, std::uint32_t expected,
                         sync::nanoseconds deadline = sync::forever) noexcept;

  /// The number of the signal. The first use chooses a high real-time signal that has its default
  /// action, and installs the handler, for good.
  static int signal() noexcept;
  /// Chooses, before the first use. A handler that the signal has already goes on getting what
  /// others send.
  ///
  /// Returns:  false if another one was chosen before.
  static bool use_signal(int number) noexcept;

  /// What the calling thread, a request and the signal handler share. For src/edges only.
  struct state {
    static constexpr std::uint32_t inside = 1;     // a call is being made
    static constexpr std::uint32_t cancelled = 2;  // a request came; interruptible_call.S knows it
    static constexpr std::uint32_t sent = 4;       // it saw `inside`, and the signal is on its way
    static constexpr std::uint32_t waiting = 8;    // the thread sleeps until `sent`

    sync::atomic<std::uint32_t> word{0};
    std::int32_t thread = 0;
    // Of the thread, and of the handler that interrupts it.
    volatile bool is_over = false;   // the call, if the handler does not find out by itself
    volatile bool received = false;  // the signal
  };

 private:
  template <class Argument>
  static long as_long(Argument argument) noexcept {
    if constexpr (std::is_pointer_v<Argument>)
      return reinterpret_cast<long>(argument);
    else if constexpr (std::is_null_pointer_v<Argument>)
      return 0;
    else
      return static_cast<long>(argument);
  }
  static void on_request(hook& self, belay::reason why) noexcept;
  bool begin(bool attached) noexcept;
  handshake end(handshake how) noexcept;
  call_result make(long number, const long (&arguments)[6]) noexcept;
  void receive() noexcept;

  state state_;
  sync::actor_id owner_;
  bool was_blocked_ = false;
};

}  // namespace belay::inline BELAY_BUILD
