// What can be waited for, for façades that have no Windows types: events, semaphores, mutexes,
// timers and threads as counted objects, the wait itself, and calls to a thread (user APCs).
//
// Thread safety: everything, from any actor between kernel::start() and stop().
// Invariants: a waitable is an object of kernel/object.hpp. create_…() gives one reference, which
// the caller drops by dereference_object(); create_handle() takes its own. Statuses are Windows'
// NTSTATUS values. None of these checks the IRQL; they are for PASSIVE_LEVEL.
#pragma once

#include <cstdint>

#include "kernel/object.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// NTSTATUS values that a wait returns. With several objects STATUS_WAIT_0 + index says which.
inline constexpr std::int32_t wait_satisfied = 0x00000000;  ///< STATUS_WAIT_0
inline constexpr std::int32_t wait_abandoned = 0x00000080;  ///< STATUS_ABANDONED_WAIT_0 (+ index)
inline constexpr std::int32_t wait_user_apc = 0x000000C0;   ///< STATUS_USER_APC
inline constexpr std::int32_t wait_alerted = 0x00000101;    ///< STATUS_ALERTED
inline constexpr std::int32_t wait_timeout = 0x00000102;    ///< STATUS_TIMEOUT

extern const object_type mutant_type;
extern const object_type timer_type;
/// Whether `object` is a living object that can be waited for.
bool is_waitable(const void* object);

// ---- making them. Returns: an object with one reference, or nullptr when there is no memory.

void* create_event(bool manual_reset, bool signalled);
/// REQUIRES: 0 <= count <= limit, 1 <= limit.
void* create_semaphore(std::int32_t count, std::int32_t limit);
/// A mutex that its owner's end abandons; `owned`: by the calling thread.
void* create_mutex(bool owned);
/// A timer; `manual_reset`: it stays signalled until it is set again.
void* create_timer(bool manual_reset);

// ---- changing them. Returns: an NTSTATUS, STATUS_OBJECT_TYPE_MISMATCH for another kind of object.

enum class event_change { set, reset, pulse };
/// `*previous` (may be nullptr) becomes the state before, non-zero if it was signalled.
std::int32_t change_event(void* event, event_change change, std::int32_t* previous = nullptr);
/// Returns: STATUS_SEMAPHORE_LIMIT_EXCEEDED, and changes nothing, when `by` is not positive or does
///          not fit.
std::int32_t release_semaphore(void* semaphore, std::int32_t by, std::int32_t* previous = nullptr);
/// Returns: STATUS_MUTANT_NOT_OWNED when another thread owns it or nobody does. `*previous` is the
///          count before: 0 when this released it.
std::int32_t release_mutex(void* mutex, std::int32_t* previous = nullptr);

/// Runs on the thread to which it was queued, at PASSIVE_LEVEL, in run_user_apcs().
using user_apc = void (*)(void* context);

/// Sets a timer, replacing what was set before: signalled at `due` (sync::now()'s clock) and, with
/// a period, each `period` after. With `routine`, each expiry queues it to the calling thread, as
/// SetWaitableTimer does, unless the one before is still queued.
std::int32_t set_timer(void* timer, sync::nanoseconds due, sync::nanoseconds period = 0,
                       user_apc routine = nullptr, void* context = nullptr);
/// `*was_set` (may be nullptr): it was set and had not expired. Takes back its queued call.
std::int32_t cancel_timer(void* timer, bool* was_set = nullptr);

// ---- waiting

/// Waits until one (or, with `all`, each at the same moment) of the objects is signalled, and takes
/// the signals. `deadline` <= sync::now() polls; sync::forever waits without end.
///
/// REQUIRES: 1 <= count <= 64; the caller's references keep the objects alive; no lock held.
/// Returns:  wait_satisfied + index (index 0 with `all`); wait_abandoned + index when that mutex's
///           owner had ended without releasing it; wait_timeout; with `alertable` wait_user_apc
///           when calls are queued to this thread (call run_user_apcs() then) or wait_alerted. A
///           signalled object comes before a queued call, a queued call before the deadline.
/// Ordering: what the signaller did before happens before the return.
std::int32_t wait_for_many(void* const* objects, unsigned count, bool all, bool alertable,
                           sync::nanoseconds deadline);
/// Sleeps; alertable as above. Returns: wait_timeout (slept through), wait_user_apc, wait_alerted.
std::int32_t delay(sync::nanoseconds deadline, bool alertable);
/// signal, which is an event, a semaphore (by one) or a mutex, and the wait in one step, as
/// SignalObjectAndWait. Returns: the wait's status, or why the signal failed.
std::int32_t signal_and_wait(void* signal, void* object, bool alertable,
                             sync::nanoseconds deadline);

// ---- calls to a thread

/// Queues a call to `thread` (an object of create_thread() or thread_object_of_caller()); an
/// alertable wait of it ends.
///
/// Returns:  false when the thread has ended.
/// Races:    against the thread's end: a call that comes too late never runs.
bool queue_user_apc(void* thread, user_apc routine, void* context);
/// The same by what the executive keeps for an actor. REQUIRES: the actor is alive.
bool queue_user_apc(thread& who, user_apc routine, void* context);
/// Runs the calls that are queued to the calling thread, and those that they queue, in order.
/// Returns: how many ran.
int run_user_apcs();

// ---- threads

/// What a thread runs; its result is the exit status.
using thread_routine = std::int32_t (*)(void* argument);

/// Starts a thread. Its object is signalled when it has ended, its mutexes abandoned, and its
/// requests cancelled and awaited (callbacks::thread_ends).
///
/// Returns:  the thread object with one reference, or nullptr when the system has no thread to
/// give. `name`    must outlive the thread.
void* create_thread(const char* name, thread_routine run, void* argument);
/// Ends the calling thread, which create_thread() started, without returning to its routine.
[[noreturn]] void exit_thread(std::int32_t status);
/// The calling actor's object, without a reference; any actor has one.
void* thread_object_of_caller();
/// The calling actor, which create_thread() did not start, ends: its mutexes are abandoned, its
/// queued calls dropped and its object signalled. Called by retire().
void end_of_caller();

struct thread_facts {
  std::uint64_t number = 0;  ///< its thread id
  bool ended = false;
  std::int32_t exit_status = 0;  ///< STATUS_PENDING (0x103) while it runs
};
thread_facts facts_of_thread(const void* thread_object);

}  // namespace belay::inline BELAY_BUILD::kernel
