// Types that both builds of sync share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::sync {

/// A point on the monotonic clock of this build, or a span of it, in nanoseconds. The native clock
/// is CLOCK_MONOTONIC; the explored clock starts each execution at zero and moves only when nothing
/// else must run.
using nanoseconds = std::int64_t;
inline constexpr nanoseconds forever = INT64_MAX;

/// What an actor is about to do to a piece of shared memory. The explored build decides at each
/// such point who goes on, and derives the happens-before order from it; the native build ignores
/// it.
enum class access_kind : std::uint8_t {
  none,     ///< nothing shared; ordered with nothing
  start,    ///< an actor's first step
  read,     ///< reads `size` bytes
  write,    ///< writes them
  update,   ///< reads and writes them in one step
  acquire,  ///< takes a lock word: possible only while it is zero
  release,  ///< gives it back
  wait,     ///< goes on only when its gate opens
  yield,    ///< offers the processor: going on elsewhere is no preemption
};

/// One piece of work of the program under test, a thread or a short task.
using actor_id = int;
inline constexpr actor_id no_actor = -1;

enum class actor_kind : std::uint8_t {
  thread,  ///< its own OS thread when native
  task,    ///< short; a pooled worker runs it when native
};

/// Opens when the actor may go on. Called with no lock held and must not block or change anything.
using gate = bool (*)(const void* argument);

struct actor_options {
  /// Shown in reports. Must outlive the actor.
  const char* name = "actor";
  actor_kind kind = actor_kind::thread;
  /// Identity across executions of the explored build (for example the KDPC that this task serves).
  /// nullptr: the parent and the count of its children so far.
  const void* key = nullptr;
  /// Explored: an optional actor may act or never act; it keeps neither the clock nor the end of
  /// the execution waiting.
  bool optional = false;
  /// Explored: the actor starts only when this opens. A native actor may start at once.
  gate start_gate = nullptr;
  const void* start_argument = nullptr;
};

using entry = void (*)(void* argument);

/// Who may touch a block, for the explored build's shadow memory.
enum class memory_use : std::uint8_t {
  internal,  ///< ours: a guest that touches it has a wild pointer
  guest,     ///< the guest's, or shared with it
};

/// Why a block may no longer be touched.
enum class memory_state : std::uint8_t {
  addressable = 8,
  completed = 0xfc,  ///< an I/O request packet after its completion
  freed = 0xfd,
  redzone = 0xfa,
};

}  // namespace belay::inline BELAY_BUILD::sync
