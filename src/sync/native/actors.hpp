// Who runs: threads, and short tasks on a pool of workers.
//
// Thread safety: everything, from any thread. A thread that sync did not start becomes an actor at
// its first call and stops being one when it ends.
// Invariants: an id names one actor for the life of the process, up to 32,768 reuses of its slot; a
// record is never freed, so that joining an actor that ended long ago is harmless.
#pragma once

#include <cstdint>

#include "sync/native/atomic.hpp"
#include "sync/types.hpp"

namespace belay::inline BELAY_BUILD::sync {

namespace native {

struct actor_record {
  actor_id id = no_actor;
  std::uint8_t level = 0;
  void* local = nullptr;
  /// Changes when the actor ends. The upper half of the actor's id is its value meanwhile.
  atomic<std::uint32_t> generation{0};
  std::uint32_t slot = 0;
  entry run = nullptr;
  void* argument = nullptr;
  const char* name = nullptr;
  actor_record* next = nullptr;  // in the free list or the workers' queue
};

extern constinit thread_local actor_record* current_actor;

/// Makes the calling thread, which sync did not start, an actor.
actor_record* adopt_thread();

inline actor_record& me() {
  actor_record* const known = current_actor;
  return known != nullptr ? *known : *adopt_thread();
}

/// A fresh record for an actor that is about to start; nullptr when there are 65,536 already.
actor_record* new_actor(const actor_options& options, entry run, void* argument);
/// Runs the actor on the calling thread, to its end, and lets those go on who join it.
void run_actor(actor_record& who);

}  // namespace native

inline actor_id self() { return native::me().id; }
inline void*& local() { return native::me().local; }
inline std::uint8_t& level() { return native::me().level; }

/// Starts an actor.
///
/// Returns:  its id; no_actor when the system has no thread to give.
/// Ordering: what the caller did before happens before the actor's first step.
actor_id spawn(const actor_options& options, entry run, void* argument);

/// Returns when `who` has finished. Its writes happen before this return.
void join(actor_id who);

/// Lets others run.
void yield();

/// One turn of a spin loop.
inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

inline void linger() {}

}  // namespace belay::inline BELAY_BUILD::sync
