// The pool that runs tasks. Private to sync/native.
//
// It starts with no thread and aims at one running worker for each processor, two at least. A
// worker that sleeps in wait_on, in a parking or in join does not count as running: while tasks
// wait, others take its place, so that tasks that wait for tasks never stop the pool.
#pragma once

#include "sync/native/actors.hpp"

namespace belay::inline BELAY_BUILD::sync::native {

/// False when the task cannot be run because the system gives no thread and the pool has none.
bool queue_task(actor_record& who);

/// Starts a detached thread.
bool start_thread(void* (*main)(void*), void* argument);

extern constinit thread_local bool is_worker;
void worker_blocks();
void worker_goes_on();

/// The calling thread may sleep while this lives.
class blocking_scope {
 public:
  blocking_scope() {
    if (is_worker) worker_blocks();
  }
  ~blocking_scope() {
    if (is_worker) worker_goes_on();
  }
  blocking_scope(const blocking_scope&) = delete;
  blocking_scope& operator=(const blocking_scope&) = delete;
};

}  // namespace belay::inline BELAY_BUILD::sync::native
