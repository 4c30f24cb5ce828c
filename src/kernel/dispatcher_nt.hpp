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

/// Waits for one or all of `count` objects. `poll`: no waiting at all.
NTSTATUS wait_objects(ULONG count, void* const* objects, bool all, bool poll,
                      sync::nanoseconds deadline);

/// Sets or queues a DPC while the lock is held; the task is spawned by the caller afterwards.
dpc_record* queue_dpc_locked(PKDPC dpc, PVOID argument1, PVOID argument2);
/// Starts the task of a DPC just queued; `gated`: only when the calling actor has left
/// DISPATCH_LEVEL.
void start_dpc(dpc_record* record, bool gated);

}  // namespace belay::inline BELAY_BUILD::kernel
