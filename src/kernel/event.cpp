// Events, semaphores, mutexes.
#include "kernel/dispatcher_nt.hpp"
#include "kernel/verifier.hpp"

namespace belay::inline BELAY_BUILD::kernel {

LONG change_event(DISPATCHER_HEADER& header, LONG state) {
  const guard hold(the_executive().lock);
  const LONG before = header.SignalState;
  header.SignalState = state;
  if (state > 0) satisfy_waiters_locked(header);
  return before;
}

bool add_to_semaphore(PRKSEMAPHORE semaphore, LONG by, LONG& before) {
  const guard hold(the_executive().lock);
  before = semaphore->Header.SignalState;
  if (by <= 0 || by > semaphore->Limit - before) return false;
  semaphore->Header.SignalState = before + by;
  satisfy_waiters_locked(semaphore->Header);
  return true;
}

namespace {

thread* owner_of(const KMUTANT& mutex) {
  auto* const object = reinterpret_cast<thread_object*>(mutex.OwnerThread);
  return object != nullptr ? object->owner : nullptr;
}

void free_mutant_locked(KMUTANT& mutex, bool abandoned) {
  thread* const owner = owner_of(mutex);
  mutex.MutantListEntry.Blink->Flink = mutex.MutantListEntry.Flink;
  mutex.MutantListEntry.Flink->Blink = mutex.MutantListEntry.Blink;
  mutex.MutantListEntry = {};
  mutex.Header.SignalState = 1;
  mutex.OwnerThread = nullptr;
  mutex.Abandoned = abandoned;
  if (owner != nullptr) owner->critical_regions -= mutex.ApcDisable;
}

}  // namespace

bool give_mutant(PRKMUTANT mutex, bool abandoned, LONG& before) {
  thread_object* const self = current_object();
  const guard hold(the_executive().lock);
  before = mutex->Header.SignalState;
  const bool owned = mutex->OwnerThread == reinterpret_cast<PKTHREAD>(self);
  if (!owned && !(abandoned && mutex->OwnerThread != nullptr)) return false;
  if (!abandoned && before + 1 < 1) {
    mutex->Header.SignalState = before + 1;
    return true;
  }
  free_mutant_locked(*mutex, abandoned);
  satisfy_waiters_locked(mutex->Header);
  return true;
}

void abandon_mutants(thread& owner) {
  const guard hold(the_executive().lock);
  while (owner.mutants.next != &owner.mutants) {
    auto* const entry = reinterpret_cast<PLIST_ENTRY>(owner.mutants.next);
    KMUTANT& mutex = *CONTAINING_RECORD(entry, KMUTANT, MutantListEntry);
    free_mutant_locked(mutex, true);
    satisfy_waiters_locked(mutex.Header);
  }
}

void forget_freed_mutants(const void* memory, std::size_t bytes) {
  const guard hold(the_executive().lock);
  for (thread* each = the_executive().threads; each != nullptr; each = each->next) {
    for (links* at = each->mutants.next; at != &each->mutants;) {
      links* const next = at->next;
      if (within(memory, bytes, at)) {
        at->previous->next = next;
        next->previous = at->previous;
      }
      at = next;
    }
  }
}

void make_mutant(PRKMUTANT mutex, bool owned, bool apc_disable) {
  make_header(mutex->Header, mutant, 1, sizeof *mutex);
  mutex->MutantListEntry = {};
  mutex->OwnerThread = nullptr;
  mutex->Abandoned = FALSE;
  mutex->ApcDisable = apc_disable;
  void* object = mutex;
  if (owned) wait_objects(1, &object, false, true, 0);
}

namespace {

/// Contract: WDM-LOCK-005: Wait = TRUE at IRQL <= APC_LEVEL only.
void check_promise(BOOLEAN wait, const char* what, const void* object) {
  BELAY_CONTRACT(!wait || irql() <= apc_level, "WDM-LOCK-005", "IrqlKeSetEvent", 0xC4,
                 (0x20016, irql(), 0, 0), object,
                 "%s with Wait = TRUE at %s; it needs IRQL <= APC_LEVEL", what, irql_name(irql()));
  if (wait) promise_wait(what);
}

}  // namespace

void set_event(void* event, int) {
  order(sync::access_kind::update, event, sizeof(KEVENT));
  change_event(static_cast<PKEVENT>(event)->Header, 1);
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

// ---- events
// --------------------------------------------------------------------------------------

VOID KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State) {
  BELAY_EXPORT(KeInitializeEvent, Event);
  format(Event, sizeof *Event);
  make_header(Event->Header, Type == NotificationEvent ? notification_event : synchronization_event,
              State ? 1 : 0, sizeof *Event);
}

/// Signals an event: all waiters of a notification event, one of a synchronization event.
///
/// Callers:  IRQL <= DISPATCH_LEVEL; with Wait IRQL <= APC_LEVEL, and the next call is the wait.
/// Returns:  the previous state, non-zero if it was signalled.
/// Contract: WDM-LOCK-005
LONG KeSetEvent(PRKEVENT Event, KPRIORITY, BOOLEAN Wait) {
  BELAY_EXPORT(KeSetEvent, Event);
  check_promise(Wait, "KeSetEvent", Event);
  DISPATCHER_HEADER& header =
      use_object(Event, sizeof *Event, notification_event, synchronization_event, "KeSetEvent");
  return change_event(header, 1);
}
VOID KeClearEvent(PRKEVENT Event) {
  BELAY_EXPORT(KeClearEvent, Event);
  change_event(
      use_object(Event, sizeof *Event, notification_event, synchronization_event, "KeClearEvent"),
      0);
}
LONG KeResetEvent(PRKEVENT Event) {
  BELAY_EXPORT(KeResetEvent, Event);
  return change_event(
      use_object(Event, sizeof *Event, notification_event, synchronization_event, "KeResetEvent"),
      0);
}
/// Releases those who wait now, then leaves the event not signalled.
LONG KePulseEvent(PRKEVENT Event, KPRIORITY, BOOLEAN Wait) {
  BELAY_EXPORT(KePulseEvent, Event);
  DISPATCHER_HEADER& header =
      use_object(Event, sizeof *Event, notification_event, synchronization_event, "KePulseEvent");
  check_promise(Wait, "KePulseEvent", Event);
  const LONG before = change_event(header, 1);
  change_event(header, 0);
  return before;
}
LONG KeReadStateEvent(PRKEVENT Event) {
  BELAY_EXPORT(KeReadStateEvent, Event);
  return use_object(Event, sizeof *Event, notification_event, synchronization_event,
                    "KeReadStateEvent", sync::access_kind::read)
      .SignalState;
}

// ---- semaphores
// ----------------------------------------------------------------------------------

VOID KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit) {
  BELAY_EXPORT(KeInitializeSemaphore, Semaphore);
  format(Semaphore, sizeof *Semaphore);
  make_header(Semaphore->Header, semaphore, Count, sizeof *Semaphore);
  Semaphore->Limit = Limit;
}

/// Adds `Adjustment` to the count.
///
/// Returns:  the previous count.
/// Contract: WDM-LOCK-005; WDM-LOCK-012: the count stays within the limit (Windows raises
///           STATUS_SEMAPHORE_LIMIT_EXCEEDED).
LONG KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY, LONG Adjustment, BOOLEAN Wait) {
  BELAY_EXPORT(KeReleaseSemaphore, Semaphore);
  use_object(Semaphore, sizeof *Semaphore, semaphore, semaphore, "KeReleaseSemaphore");
  check_promise(Wait, "KeReleaseSemaphore", Semaphore);
  LONG before = 0;
  const bool fits = add_to_semaphore(Semaphore, Adjustment, before);
  BELAY_CONTRACT(fits, "WDM-LOCK-012", "STATUS_SEMAPHORE_LIMIT_EXCEEDED", 0x7E,
                 (0xC0000047, 0, 0, 0), Semaphore,
                 "KeReleaseSemaphore by %d: the count is %d and the limit %d", Adjustment, before,
                 Semaphore->Limit);
  return before;
}
LONG KeReadStateSemaphore(PRKSEMAPHORE Semaphore) {
  BELAY_EXPORT(KeReadStateSemaphore, Semaphore);
  return use_object(Semaphore, sizeof *Semaphore, semaphore, semaphore, "KeReadStateSemaphore",
                    sync::access_kind::read)
      .SignalState;
}

// ---- mutexes
// -------------------------------------------------------------------------------------

VOID KeInitializeMutex(PRKMUTEX Mutex, ULONG) {
  BELAY_EXPORT(KeInitializeMutex, Mutex);
  format(Mutex, sizeof *Mutex);
  make_mutant(Mutex, false, true);
}
VOID KeInitializeMutant(PRKMUTANT Mutant, BOOLEAN InitialOwner) {
  BELAY_EXPORT(KeInitializeMutant, Mutant);
  format(Mutant, sizeof *Mutant);
  make_mutant(Mutant, InitialOwner, false);
}
LONG KeReadStateMutex(PRKMUTEX Mutex) {
  BELAY_EXPORT(KeReadStateMutex, Mutex);
  return use_object(Mutex, sizeof *Mutex, mutant, mutant, "KeReadStateMutex",
                    sync::access_kind::read)
      .SignalState;
}

namespace {
LONG release_mutant(PRKMUTANT mutex, bool abandoned, const char* what) {
  LONG before = 0;
  const bool owned = give_mutant(mutex, abandoned, before);
  BELAY_CONTRACT(owned, "WDM-LOCK-012", "STATUS_MUTANT_NOT_OWNED", 0x7E, (0xC0000046, 0, 0, 0),
                 mutex, "%s by a thread that does not own the mutex", what);
  lock_given(mutex);
  return before;
}
}  // namespace

/// Gives a mutex back once. Returns: the previous state, 0 if this released it.
/// Contract: WDM-LOCK-005; WDM-LOCK-012: the caller owns it (Windows raises
/// STATUS_MUTANT_NOT_OWNED).
LONG KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait) {
  BELAY_EXPORT(KeReleaseMutex, Mutex);
  use_object(Mutex, sizeof *Mutex, mutant, mutant, "KeReleaseMutex");
  check_promise(Wait, "KeReleaseMutex", Mutex);
  return release_mutant(Mutex, false, "KeReleaseMutex");
}
LONG KeReleaseMutant(PRKMUTANT Mutant, KPRIORITY, BOOLEAN Abandoned, BOOLEAN Wait) {
  BELAY_EXPORT(KeReleaseMutant, Mutant);
  use_object(Mutant, sizeof *Mutant, mutant, mutant, "KeReleaseMutant");
  check_promise(Wait, "KeReleaseMutant", Mutant);
  return release_mutant(Mutant, Abandoned, "KeReleaseMutant");
}

}  // extern "C"
