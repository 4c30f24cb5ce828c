// What the files of the executive know of one another, without Windows types.
#pragma once

#include <new>

#include "kernel/executive.hpp"
#include "sync/vital.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// Intrusive lists by members `next` and `previous`, newest first.
template <class T>
void push_front(T*& first, T* what) {
  what->previous = nullptr;
  what->next = first;
  if (first != nullptr) first->previous = what;
  first = what;
}
template <class T>
void unlink(T*& first, T* what) {
  (what->previous != nullptr ? what->previous->next : first) = what->next;
  if (what->next != nullptr) what->next->previous = what->previous;
  what->next = what->previous = nullptr;
}

/// A T of our own, or nullptr: for what reaches a caller that Windows tells of missing memory.
template <class T>
T* try_make() {
  void* const memory = sync::allocate(sizeof(T), sync::memory_use::internal);
  return memory == nullptr ? nullptr : new (memory) T;
}
/// A T of our own, or the end of the program: for what Windows has in memory that is there already.
template <class T>
T* make() {
  void* const memory = sync::allocate_vital(sizeof(T), sync::memory_use::internal);
  BELAY_ASSERT(memory != nullptr && "out of memory");
  return new (memory) T;
}
template <class T>
void discard(T* what) {
  what->~T();
  sync::deallocate(what);
}

inline bool overlaps(const void* block, std::size_t bytes, const void* object, std::size_t size) {
  const auto first = reinterpret_cast<std::uintptr_t>(block);
  const auto at = reinterpret_cast<std::uintptr_t>(object);
  return at < first + bytes && first < at + size;
}
inline bool within(const void* block, std::size_t bytes, const void* address) {
  return overlaps(block, bytes, address, 1);
}

// start() and stop()
void make_process();
void stop_timers();
void free_dpcs();
void free_work();
void free_objects();
void free_pool();
void make_registry();  // if it is not there yet
void free_registry();

/// Spawns an actor of the executive's own; its last step is end_task().
sync::actor_id spawn_task(const sync::actor_options& options, sync::entry run, void* argument);
/// Retires the calling actor; nothing of the executive may be touched after it.
void end_task();

/// Runs the kernel APCs that may run at this moment.
void run_kernel_apcs();
/// Whether PsCreateSystemThread started it.
bool is_system_thread(const thread& self);
/// The actor of a thread object ends without having been a system thread.
void thread_left(thread& self);

// Oracles of check_unload and check_freed, by kind.
void check_timers(const void* code, std::size_t bytes);
void check_dpcs(const void* code, std::size_t bytes);
void check_work(const void* code, std::size_t bytes);
void check_threads(const void* code, std::size_t bytes);
void check_pool(const void* code, std::size_t bytes);
void check_freed_timers(const void* memory, std::size_t bytes);
void check_freed_dpcs(const void* memory, std::size_t bytes);

/// Keeps the next call to be the wait (Wait = TRUE), and the pair unpreempted.
void promise_wait(const char* by);
/// The wait has come.
void keep_promise();

}  // namespace belay::inline BELAY_BUILD::kernel
