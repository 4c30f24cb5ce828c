#include <cstdio>
#include <new>

#include "kernel/dispatcher_nt.hpp"
#include "kernel/verifier.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// One wait in progress, on the waiting actor's stack.
struct waiter {
  waiter* next = nullptr;
  waiter* previous = nullptr;
  thread* who = nullptr;
  void* const* objects = nullptr;
  ULONG count = 0;
  bool all = false;
  wait_manner manner;
  bool done = false;
  NTSTATUS result = STATUS_TIMEOUT;
};

namespace {

DISPATCHER_HEADER& header_at(void* object) { return *static_cast<DISPATCHER_HEADER*>(object); }

bool signalled(const DISPATCHER_HEADER& header, const thread& who) {
  if (header.SignalState > 0) return true;
  return header.Type == mutant &&
         reinterpret_cast<const KMUTANT&>(header).OwnerThread ==
             reinterpret_cast<PKTHREAD>(who.object) &&
         who.object != nullptr;
}

void link_mutant(thread& owner, KMUTANT& mutex) {
  auto* const head = reinterpret_cast<PLIST_ENTRY>(&owner.mutants);
  mutex.MutantListEntry = {head->Flink, head};
  head->Flink->Blink = &mutex.MutantListEntry;
  head->Flink = &mutex.MutantListEntry;
}

/// Takes the signal. Returns: STATUS_ABANDONED if the mutant was.
NTSTATUS consume(DISPATCHER_HEADER& header, thread& who) {
  switch (header.Type) {
    case synchronization_event:
    case synchronization_timer:
      header.SignalState = 0;
      break;
    case semaphore:
      --header.SignalState;
      break;
    case mutant: {
      auto& mutex = reinterpret_cast<KMUTANT&>(header);
      if (--header.SignalState == 0) {
        mutex.OwnerThread = reinterpret_cast<PKTHREAD>(who.object);
        link_mutant(who, mutex);
        who.critical_regions += mutex.ApcDisable;
        if (mutex.Abandoned) {
          mutex.Abandoned = FALSE;
          return STATUS_ABANDONED_WAIT_0;
        }
      }
      break;
    }
    default:
      break;
  }
  return STATUS_SUCCESS;
}

/// Satisfies `wait` if its objects allow it now.
bool try_satisfy(waiter& wait) {
  if (wait.all) {
    for (ULONG i = 0; i < wait.count; ++i) {
      if (!signalled(header_at(wait.objects[i]), *wait.who)) return false;
    }
    NTSTATUS result = STATUS_SUCCESS;
    for (ULONG i = 0; i < wait.count; ++i) {
      if (consume(header_at(wait.objects[i]), *wait.who) != STATUS_SUCCESS) {
        result = STATUS_ABANDONED_WAIT_0;
      }
    }
    wait.result = result;
    return wait.done = true;
  }
  for (ULONG i = 0; i < wait.count; ++i) {
    DISPATCHER_HEADER& header = header_at(wait.objects[i]);
    if (!signalled(header, *wait.who)) continue;
    wait.result = consume(header, *wait.who) + static_cast<NTSTATUS>(i);
    return wait.done = true;
  }
  return false;
}

void append(executive& root, waiter& wait) {
  wait.previous = root.last_waiter;
  wait.next = nullptr;
  (root.last_waiter != nullptr ? root.last_waiter->next : root.first_waiter) = &wait;
  root.last_waiter = &wait;
}

void take_off(executive& root, waiter& wait) {
  (wait.previous != nullptr ? wait.previous->next : root.first_waiter) = wait.next;
  (wait.next != nullptr ? wait.next->previous : root.last_waiter) = wait.previous;
}

bool concerns(const waiter& wait, const DISPATCHER_HEADER& header) {
  for (ULONG i = 0; i < wait.count; ++i) {
    if (wait.objects[i] == &header) return true;
  }
  return false;
}

}  // namespace

void satisfy_waiters_locked(DISPATCHER_HEADER& header) {
  executive& root = the_executive();
  for (waiter* each = root.first_waiter; each != nullptr;) {
    waiter* const next = each->next;
    if (concerns(*each, header) && try_satisfy(*each)) {
      take_off(root, *each);
      each->who->parking.unpark();
      if (header.SignalState <= 0) return;
    }
    each = next;
  }
}

void interrupt_wait_locked(thread& target, apc_record::kind why) {
  waiter* const wait = target.waiting;
  if (wait == nullptr || wait->done) return;
  if (why == apc_record::kind::user) {
    if (!wait->manner.alertable || !wait->manner.user) return;
    take_off(the_executive(), *wait);
    wait->done = true;
    wait->result = STATUS_USER_APC;
  }
  target.parking.unpark();
}

namespace {

/// Whether the wait ends before it began, for another reason than its objects.
bool interrupted_locked(thread& self, waiter& wait) {
  if (!wait.manner.alertable) return false;
  if (self.alerted) {
    self.alerted = false;
    wait.result = STATUS_ALERTED;
    return true;
  }
  if (!wait.manner.user || !has_user_apc_locked(self)) return false;
  wait.result = STATUS_USER_APC;
  return true;
}

enum class turn { over, again };

/// One look at the objects and, if need be, one sleep. `again`: a kernel APC is to run first.
turn wait_once(thread& self, waiter& wait, bool poll, sync::nanoseconds deadline) {
  executive& root = the_executive();
  {
    const guard hold(root.lock);
    if (kernel_apc_ready_locked(self)) return turn::again;
    if (try_satisfy(wait) || interrupted_locked(self, wait)) return turn::over;
    wait.result = STATUS_TIMEOUT;
    if (poll) return turn::over;
    self.parking.reset();
    append(root, wait);
    self.waiting = &wait;
  }
  for (;;) {
    const bool woken = self.parking.park(deadline);
    const guard hold(root.lock);
    const bool late = !woken && deadline != sync::forever && sync::now() >= deadline;
    const bool called = !wait.done && kernel_apc_ready_locked(self);
    if (!wait.done && !late && !called) continue;
    self.waiting = nullptr;
    if (wait.done) {
      self.parking.reset();
      return turn::over;
    }
    take_off(root, wait);
    return late ? turn::over : turn::again;
  }
}

}  // namespace

NTSTATUS wait_objects(ULONG count, void* const* objects, bool all, bool poll,
                      sync::nanoseconds deadline, wait_manner manner) {
  current_object();
  thread& self = current();
  waiter wait;
  wait.who = &self;
  wait.objects = objects;
  wait.count = count;
  wait.all = all;
  wait.manner = manner;
  while (wait_once(self, wait, poll, deadline) == turn::again) run_kernel_apcs();
  return wait.result;
}

std::int32_t wait_for(void* object, sync::nanoseconds deadline) {
  order(sync::access_kind::update, object, sizeof(DISPATCHER_HEADER));
  return wait_objects(1, &object, false, false, deadline);
}

void make_header(DISPATCHER_HEADER& header, dispatcher_type type, LONG state, std::size_t size) {
  header.Lock = 0;
  header.Type = type;
  header.Size = static_cast<UCHAR>(size / sizeof(LONG));
  header.SignalState = state;
  header.WaitListHead.Flink = &header.WaitListHead;
  header.WaitListHead.Blink = &header.WaitListHead;
}

DISPATCHER_HEADER& use_object(void* object, std::size_t size, dispatcher_type least,
                              dispatcher_type most, const char* what, sync::access_kind kind) {
  use(object, size, kind);
  DISPATCHER_HEADER& header = header_at(object);
  const bool formatted = header.WaitListHead.Flink == &header.WaitListHead;
  BELAY_CONTRACT(formatted && header.Type >= least && header.Type <= most, "WDM-IRP-026",
                 "IRQL_NOT_LESS_OR_EQUAL", 0xA,
                 (reinterpret_cast<std::uint64_t>(header.WaitListHead.Flink), irql(), 1, 0), object,
                 "%s: the object %p is not initialised as one", what, object);
  return header;
}

void promise_wait(const char* by) {
  thread& self = current();
  self.wait_promised = by;
  new (self.promise_seal) sync::sealed;
}

void keep_promise() {
  thread* const self = current_if_any();
  if (self == nullptr || self->wait_promised == nullptr) return;
  self->wait_promised = nullptr;
  std::launder(reinterpret_cast<sync::sealed*>(self->promise_seal))->~sealed();
}

namespace {

/// Contract: WDM-IRP-018, WDM-LOCK-006.
void check_wait_level(const char* what, const void* object, const LARGE_INTEGER* timeout) {
  const std::uint8_t level = irql();
  const bool polls = timeout != nullptr && timeout->QuadPart == 0;
  if (level <= apc_level || (polls && level == dispatch_level)) return;
  const held_lock* held = nullptr;
  const bool locked = spin_locks_held(&held) != 0;
  BELAY_CONTRACT(polls, "WDM-IRP-018", "ATTEMPTED_SWITCH_FROM_DPC", 0xB8,
                 (reinterpret_cast<std::uint64_t>(object), level, 0, 0), object, "%s waits at %s%s",
                 what, irql_name(level), locked ? ", holding a spin lock" : "");
  fail("WDM-LOCK-006", "IrqlKeWaitForMultipleObjects", 0xC4,
       {0x3B, level, reinterpret_cast<std::uint64_t>(object), 0}, object, "%s polls at %s", what,
       irql_name(level));
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

/// Waits until `Object` is signalled or the time is over.
///
/// Callers:  IRQL <= APC_LEVEL; with *Timeout == 0 also DISPATCH_LEVEL.
/// Returns:  STATUS_SUCCESS, STATUS_ABANDONED or STATUS_TIMEOUT; if alertable also STATUS_ALERTED,
///           and in UserMode STATUS_USER_APC.
/// Contract: WDM-IRP-018, WDM-LOCK-005, WDM-LOCK-006
NTSTATUS KeWaitForSingleObject(PVOID Object, KWAIT_REASON, KPROCESSOR_MODE WaitMode,
                               BOOLEAN Alertable, PLARGE_INTEGER Timeout) {
  BELAY_EXPORT(KeWaitForSingleObject, Object);
  check_wait_level("KeWaitForSingleObject", Object, Timeout);
  const bool poll = Timeout != nullptr && Timeout->QuadPart == 0;
  const sync::nanoseconds deadline =
      Timeout == nullptr ? sync::forever : deadline_of(Timeout->QuadPart);
  use_object(Object, sizeof(DISPATCHER_HEADER), notification_event, synchronization_timer,
             "KeWaitForSingleObject");
  keep_promise();
  const bool mutex = header_at(Object).Type == mutant;
  if (mutex && !poll) lock_awaited(Object, lock_kind::mutex, __builtin_return_address(0));
  const NTSTATUS status =
      wait_objects(1, &Object, false, poll, deadline, {Alertable != 0, WaitMode != KernelMode});
  if (mutex && (status == STATUS_SUCCESS || status == STATUS_ABANDONED))
    lock_taken(Object, lock_kind::mutex, __builtin_return_address(0));
  return status;
}

/// Waits for one (WaitAny) or all (WaitAll) of `Count` objects.
///
/// Returns:  STATUS_WAIT_0 + the index of the one that was signalled; STATUS_SUCCESS for all;
///           STATUS_TIMEOUT.
/// Contract: WDM-IRP-018, WDM-LOCK-005, WDM-LOCK-006
NTSTATUS KeWaitForMultipleObjects(ULONG Count, PVOID Object[], WAIT_TYPE WaitType, KWAIT_REASON,
                                  KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                  PLARGE_INTEGER Timeout, PKWAIT_BLOCK WaitBlockArray) {
  BELAY_EXPORT(KeWaitForMultipleObjects, Count != 0 ? Object[0] : nullptr);
  check_wait_level("KeWaitForMultipleObjects", Count != 0 ? Object[0] : nullptr, Timeout);
  const ULONG most = WaitBlockArray != nullptr ? MAXIMUM_WAIT_OBJECTS : THREAD_WAIT_OBJECTS;
  BELAY_CONTRACT(
      Count != 0 && Count <= most, "WDM-LOCK-006", "MAXIMUM_WAIT_OBJECTS_EXCEEDED", 0xC,
      (Count, 0, 0, 0), Object,
      "KeWaitForMultipleObjects with %u objects; without wait blocks 3 are allowed, with "
      "them 64",
      Count);
  const bool poll = Timeout != nullptr && Timeout->QuadPart == 0;
  const sync::nanoseconds deadline =
      Timeout == nullptr ? sync::forever : deadline_of(Timeout->QuadPart);
  void* objects[MAXIMUM_WAIT_OBJECTS];
  for (ULONG i = 0; i < Count; ++i) objects[i] = Object[i];
  use_object(objects[0], sizeof(DISPATCHER_HEADER), notification_event, synchronization_timer,
             "KeWaitForMultipleObjects");
  {
    // One step: nothing may come between the looks at the objects.
    const sync::sealed seal;
    for (ULONG i = 1; i < Count; ++i) {
      use_object(objects[i], sizeof(DISPATCHER_HEADER), notification_event, synchronization_timer,
                 "KeWaitForMultipleObjects");
    }
  }
  keep_promise();
  return wait_objects(Count, objects, WaitType == WaitAll, poll, deadline,
                      {Alertable != 0, WaitMode != KernelMode});
}

/// Sleeps. Contract: WDM-IRP-017 (IrqlKeApcLte1)
/// Returns: STATUS_SUCCESS; if alertable also STATUS_ALERTED, and in UserMode STATUS_USER_APC.
NTSTATUS KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                                PLARGE_INTEGER Interval) {
  BELAY_EXPORT(KeDelayExecutionThread, nullptr);
  const LONGLONG due = Interval->QuadPart;
  const wait_manner manner{Alertable != 0, WaitMode != KernelMode};
  if (due == 0 && !Alertable) {
    sync::yield();
    return STATUS_SUCCESS;
  }
  const NTSTATUS status = wait_objects(0, nullptr, false, due == 0, deadline_of(due), manner);
  return status == STATUS_TIMEOUT ? STATUS_SUCCESS : status;
}

/// Waits that the death of the calling thread ends. Here threads die only at their end.
NTSTATUS FsRtlCancellableWaitForSingleObject(PVOID Object, PLARGE_INTEGER Timeout, PIRP) {
  BELAY_EXPORT(FsRtlCancellableWaitForSingleObject, Object);
  return KeWaitForSingleObject(Object, Executive, KernelMode, FALSE, Timeout);
}
NTSTATUS FsRtlCancellableWaitForMultipleObjects(ULONG Count, PVOID ObjectArray[],
                                                WAIT_TYPE WaitType, PLARGE_INTEGER Timeout,
                                                PKWAIT_BLOCK WaitBlockArray, PIRP) {
  BELAY_EXPORT(FsRtlCancellableWaitForMultipleObjects, Count != 0 ? ObjectArray[0] : nullptr);
  return KeWaitForMultipleObjects(Count, ObjectArray, WaitType, Executive, KernelMode, FALSE,
                                  Timeout, WaitBlockArray);
}

}  // extern "C"
