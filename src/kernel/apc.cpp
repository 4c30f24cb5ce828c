// Asynchronous procedure calls: what is queued to a thread, and when it runs.
//
// A user APC runs in run_user_apcs(), which an alertable wait in UserMode that ended with
// STATUS_USER_APC asks for. A kernel APC runs where the thread is open to it: in a wait, and where
// it leaves a region or comes below APC_LEVEL. (Windows delivers one between any two instructions.)
//
// Thread safety: the queues change under the executive's lock.
// Invariants: a record is on the queue of its target exactly while `queued`; whoever takes it off
// runs it or drops it. Contract: WDM-EX-003
#include "kernel/dispatcher_nt.hpp"
#include "kernel/waitable.hpp"

namespace belay::inline BELAY_BUILD::kernel {

namespace {

struct apc_routines {
  PKKERNEL_ROUTINE kernel;
  PKRUNDOWN_ROUTINE rundown;
  PKNORMAL_ROUTINE normal;
};
apc_routines& routines(KAPC& apc) { return reinterpret_cast<apc_routines&>(apc.Reserved); }

bool open_to(const thread& self, const apc_record& record) {
  using kind = apc_record::kind;
  if (record.what == kind::user || irql() >= apc_level || self.guarded_regions != 0) return false;
  return record.what == kind::kernel_special || (self.critical_regions == 0 && !self.in_normal_apc);
}

/// A driver's APC: its kernel routine, which may change what follows, then its normal routine.
void run_driver_apc(KAPC* apc, bool in_kernel) {
  PKNORMAL_ROUTINE normal = routines(*apc).normal;
  PVOID context = apc->NormalContext;
  PVOID first = apc->SystemArgument1;
  PVOID second = apc->SystemArgument2;
  thread& self = current();
  const std::uint8_t before = irql();
  sync::level() = apc_level;
  {
    const sync::unsealed open;
    routines(*apc).kernel(apc, &normal, &context, &first, &second);
  }
  sync::level() = before;
  if (normal == nullptr) return;
  self.in_normal_apc = in_kernel;
  {
    const sync::unsealed open;
    normal(context, first, second);
  }
  self.in_normal_apc = false;
}

void run(apc_record* record) {
  void (*const routine)(void*) = record->routine;
  void* const context = record->context;
  KAPC* const apc = record->apc;
  const bool in_kernel = record->what != apc_record::kind::user;
  if (record->ours) discard(record);
  if (apc == nullptr) {
    const sync::unsealed open;
    routine(context);
    return;
  }
  InterlockedExchange8(reinterpret_cast<volatile CHAR*>(&apc->Inserted), FALSE);
  run_driver_apc(apc, in_kernel);
}

template <class Pick>
apc_record* take_first(thread& self, Pick wanted) {
  const guard hold(the_executive().lock);
  for (apc_record* each = self.first_apc; each != nullptr; each = each->next) {
    if (!wanted(*each)) continue;
    unqueue_apc_locked(*each);
    return each;
  }
  return nullptr;
}

bool is_user(const apc_record& record) { return record.what == apc_record::kind::user; }

}  // namespace

bool queue_apc_locked(thread& target, apc_record& record) {
  if (record.queued) return false;
  record.queued = true;
  record.target = &target;
  record.next = nullptr;
  record.previous = target.last_apc;
  (target.last_apc != nullptr ? target.last_apc->next : target.first_apc) = &record;
  target.last_apc = &record;
  interrupt_wait_locked(target, record.what);
  return true;
}

void unqueue_apc_locked(apc_record& record) {
  if (!record.queued) return;
  thread& target = *record.target;
  (record.previous != nullptr ? record.previous->next : target.first_apc) = record.next;
  (record.next != nullptr ? record.next->previous : target.last_apc) = record.previous;
  record.queued = false;
  record.target = nullptr;
}

bool has_user_apc_locked(const thread& self) {
  for (const apc_record* each = self.first_apc; each != nullptr; each = each->next) {
    if (is_user(*each)) return true;
  }
  return false;
}

bool kernel_apc_ready_locked(const thread& self) {
  for (const apc_record* each = self.first_apc; each != nullptr; each = each->next) {
    if (open_to(self, *each)) return true;
  }
  return false;
}

void run_kernel_apcs() {
  thread* const self = current_if_any();
  if (self == nullptr) return;
  while (apc_record* const record =
             take_first(*self, [=](const apc_record& each) { return open_to(*self, each); })) {
    run(record);
  }
}

int run_user_apcs() {
  thread& self = current();
  int ran = 0;
  while (apc_record* const record = take_first(self, &is_user)) {
    order(sync::access_kind::update, &self.first_apc, sizeof self.first_apc);
    run(record);
    ++ran;
  }
  return ran;
}

void drop_apcs(thread& self) {
  {
    const guard hold(the_executive().lock);
    forget_timer_calls_locked(self);
  }
  while (apc_record* const record = take_first(self, [](const apc_record&) { return true; })) {
    KAPC* const apc = record->apc;
    if (record->ours) discard(record);
    if (apc == nullptr) continue;
    apc->Inserted = FALSE;
    if (routines(*apc).rundown != nullptr) routines(*apc).rundown(apc);
  }
}

namespace {

/// Queues to the actor of a thread object. Returns: false if it has ended.
bool queue_to(thread_object* object, apc_record* record) {
  order(sync::access_kind::update, &object->owner, sizeof object->owner);
  const guard hold(the_executive().lock);
  if (object->terminating) return false;
  if (object->owner != nullptr) return queue_apc_locked(*object->owner, *record);
  record->queued = true;
  record->next = object->early;
  object->early = record;
  return true;
}

}  // namespace

bool queue_user_apc(void* thread, user_apc routine, void* context) {
  auto* const record = make<apc_record>();
  record->routine = routine;
  record->context = context;
  const bool queued = queue_to(static_cast<thread_object*>(thread), record);
  if (!queued) discard(record);
  return queued;
}

bool queue_user_apc(thread& who, user_apc routine, void* context) {
  auto* const record = make<apc_record>();
  record->routine = routine;
  record->context = context;
  order(sync::access_kind::update, &who.first_apc, sizeof who.first_apc);
  const guard hold(the_executive().lock);
  return queue_apc_locked(who, *record);
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

/// Formats an APC. UserMode: a user APC. KernelMode without a normal routine: a special one, which
/// only guarded regions and APC_LEVEL keep off; with one: a normal one, which critical regions do.
VOID KeInitializeApc(PRKAPC Apc, PRKTHREAD Thread, KAPC_ENVIRONMENT Environment,
                     PKKERNEL_ROUTINE KernelRoutine, PKRUNDOWN_ROUTINE RundownRoutine,
                     PKNORMAL_ROUTINE NormalRoutine, KPROCESSOR_MODE ProcessorMode,
                     PVOID NormalContext) {
  BELAY_EXPORT(KeInitializeApc, Apc);
  kernel::format(Apc, sizeof *Apc);
  fill_bytes(Apc, 0, sizeof *Apc);
  Apc->Size = sizeof *Apc;
  Apc->Thread = Thread;
  Apc->ApcStateIndex = static_cast<CCHAR>(Environment);
  routines(*Apc) = {KernelRoutine, RundownRoutine, NormalRoutine};
  Apc->ApcMode =
      NormalRoutine != nullptr ? ProcessorMode : static_cast<KPROCESSOR_MODE>(KernelMode);
  Apc->NormalContext = NormalRoutine != nullptr ? NormalContext : nullptr;
}

/// Returns: FALSE, and does nothing, if it is queued already or its thread has ended.
/// Contract: WDM-EX-003
BOOLEAN KeInsertQueueApc(PRKAPC Apc, PVOID SystemArgument1, PVOID SystemArgument2, KPRIORITY) {
  BELAY_EXPORT(KeInsertQueueApc, Apc);
  use(Apc, sizeof *Apc);
  if (Apc->Inserted) return FALSE;
  using kind = apc_record::kind;
  auto* const record = make<apc_record>();
  record->apc = Apc;
  record->what = Apc->ApcMode != KernelMode         ? kind::user
                 : routines(*Apc).normal != nullptr ? kind::kernel_normal
                                                    : kind::kernel_special;
  Apc->SystemArgument1 = SystemArgument1;
  Apc->SystemArgument2 = SystemArgument2;
  Apc->Inserted = TRUE;
  if (queue_to(reinterpret_cast<thread_object*>(Apc->Thread), record)) {
    if (Apc->Thread == KeGetCurrentThread()) run_kernel_apcs();
    return TRUE;
  }
  Apc->Inserted = FALSE;
  discard(record);
  return FALSE;
}

}  // extern "C"
