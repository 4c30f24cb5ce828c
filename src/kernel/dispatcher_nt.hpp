// Dispatcher objects: what can be waited for.
//
// Thread safety: the state of every dispatcher object, and the list of waiters, changes under the
// executive's lock only. Functions named *_locked want it held.
// Invariants: who waits is written down on our side, never in the guest's object; a waiter on the
// list is unsatisfied, and whoever signals an object takes those that it satisfies off the list, in
// order of arrival, and hands them their result.
#pragma once

#include "kernel/api.hpp"
#include "kernel/object.hpp"
#include "kernel/parts.hpp"

#include <ntifs.h>

namespace belay::inline BELAY_BUILD::kernel {

/// Values of DISPATCHER_HEADER.Type, as on Windows.
enum dispatcher_type : UCHAR {
  notification_event = 0,
  synchronization_event = 1,
  mutant = 2,
  process = 3,
  queue = 4,
  semaphore = 5,
  thread_kind = 6,
  gate_kind = 7,
  notification_timer = 8,
  synchronization_timer = 9,
};

/// What KeGetCurrentThread and ObReferenceObjectByHandle hand out: opaque to drivers.
struct thread_object {
  DISPATCHER_HEADER header;
  thread* owner;  ///< nullptr once its actor has left
  const void* start_routine;
  std::uint64_t number;
  LONG priority;
  NTSTATUS exit_status;
  bool system;
  bool terminating;
  struct apc_record* early;  ///< queued before its actor took its first step, newest first
};
/// The calling actor's, made if need be.
thread_object* current_object();

struct process_object {
  DISPATCHER_HEADER header;
};

/// Formats a header.
void make_header(DISPATCHER_HEADER& header, dispatcher_type type, LONG state, std::size_t size);

/// The point of an export on a dispatcher object; checks that it is one of `least`..`most`.
DISPATCHER_HEADER& use_object(void* object, std::size_t size, dispatcher_type least,
                              dispatcher_type most, const char* what,
                              sync::access_kind kind = sync::access_kind::update);

/// Hands the signals of `header` to waiters, first come first served.
void satisfy_waiters_locked(DISPATCHER_HEADER& header);

/// A time span or point as drivers give it: 0 polls, negative is relative, positive absolute.
sync::nanoseconds deadline_of(LONGLONG due_time);
/// 100-ns units since 1601.
LONGLONG system_time();
sync::nanoseconds to_clock(LONGLONG system_time);

/// How a wait may end besides.
struct wait_manner {
  bool alertable = false;
  bool user = false;  ///< UserMode: queued user APCs end it if it is alertable
};
/// Waits for one or all of `count` objects; none: only for the time. `poll`: no waiting at all.
/// Kernel APCs that are queued meanwhile run on the way.
NTSTATUS wait_objects(ULONG count, void* const* objects, bool all, bool poll,
                      sync::nanoseconds deadline, wait_manner manner = {});

/// The changes of signal states, each one step; the caller has made its point.
LONG change_event(DISPATCHER_HEADER& header, LONG state);
/// Returns: false, and nothing changed, if `by` does not fit.
bool add_to_semaphore(PRKSEMAPHORE semaphore, LONG by, LONG& before);
/// Returns: false if the caller does not own it.
bool give_mutant(PRKMUTANT mutex, bool abandoned, LONG& before);
/// Gives up what the thread owns, for others to find abandoned.
void abandon_mutants(thread& owner);
/// Mutexes in memory that is freed are nobody's any more.
void forget_freed_mutants(const void* memory, std::size_t bytes);
/// Formats a mutex; `apc_disable`: holding it disables normal kernel APCs, as a KMUTEX does.
void make_mutant(PRKMUTANT mutex, bool owned, bool apc_disable);

/// A call that is queued to a thread.
struct apc_record {
  apc_record* next = nullptr;
  apc_record* previous = nullptr;
  enum class kind : std::uint8_t { user, kernel_special, kernel_normal } what = kind::user;
  bool queued = false;
  bool ours = true;  ///< freed when it has run
  void (*routine)(void*) = nullptr;
  void* context = nullptr;
  struct _KAPC* apc = nullptr;  ///< of a driver's
  thread* target = nullptr;     ///< while it is queued
};
/// Queues it and ends or interrupts the thread's wait if need be. Returns: false if it is queued
/// already.
bool queue_apc_locked(thread& target, apc_record& record);
void unqueue_apc_locked(apc_record& record);
bool has_user_apc_locked(const thread& self);
/// Whether a kernel APC could run on the calling thread at this moment.
bool kernel_apc_ready_locked(const thread& self);
/// Runs the kernel APCs that may run now. Called where a thread becomes open to them.
void run_kernel_apcs();
/// The thread ends: what is queued to it never runs.
void drop_apcs(thread& self);
/// Ends the alertable or interruptible wait of a thread, as `apc_record` says.
void interrupt_wait_locked(thread& target, apc_record::kind why);

/// A timer by the clock. `call`: queued to the calling thread at each expiry, or nullptr.
bool set_timer_at(PKTIMER timer, sync::nanoseconds due, sync::nanoseconds period, PKDPC dpc,
                  const void* site, void (*call)(void*) = nullptr, void* context = nullptr);
bool cancel_timer_record(PKTIMER timer);
/// The thread is gone: no timer calls it any more.
void forget_timer_calls_locked(const thread& gone);

/// Sets or queues a DPC while the lock is held; the task is spawned by the caller afterwards.
dpc_record* queue_dpc_locked(PKDPC dpc, PVOID argument1, PVOID argument2);
/// Starts the task of a DPC just queued; `gated`: only when the calling actor has left
/// DISPATCH_LEVEL.
void start_dpc(dpc_record* record, bool gated);

/// The object of `type` that a handle names, with a reference. `*access`: the handle's rights.
///
/// Returns: STATUS_SUCCESS; STATUS_INVALID_HANDLE; STATUS_OBJECT_TYPE_MISMATCH.
NTSTATUS hold_object(HANDLE handle, const object_type& type, void** object,
                     ACCESS_MASK* access = nullptr);

}  // namespace belay::inline BELAY_BUILD::kernel
