// Deferred procedure calls.
//
// Each queued DPC is a task of its own, known across executions by its KDPC. It starts when the
// actor that queued it has left DISPATCH_LEVEL: on Windows both would share a processor.
//
// Thread safety: records change under the executive's lock.
// Invariants: KDPC.DpcData is not NULL exactly while the DPC is queued and has not started; a DPC
// that has started may be queued again.
#include "kernel/dispatcher_nt.hpp"

namespace belay::inline BELAY_BUILD::kernel {

struct dpc_record {
  dpc_record* next = nullptr;
  dpc_record* previous = nullptr;
  PKDPC dpc = nullptr;
  PKDEFERRED_ROUTINE routine = nullptr;
  std::uint64_t turn = 0;  // of being queued
  bool queued = true;      // not started, not removed
  bool removed = false;
  const std::uint8_t* gate_level = nullptr;
};

/// A KeFlushQueuedDpcs in progress: waits for those that were queued before it came.
struct flush_waiter {
  flush_waiter* next = nullptr;
  flush_waiter* previous = nullptr;
  std::uint64_t up_to = 0;
  std::uint64_t left = 0;
  thread* who = nullptr;
};

namespace {

bool gate_is_open(const void* argument) {
  const auto* const record = static_cast<const dpc_record*>(argument);
  return record->gate_level == nullptr || *record->gate_level < dispatch_level || record->removed;
}

void finish(dpc_record* record) {
  executive& root = the_executive();
  {
    const guard hold(root.lock);
    unlink(root.dpcs, record);
    for (flush_waiter* each = root.flushes; each != nullptr; each = each->next) {
      if (record->turn <= each->up_to && --each->left == 0) each->who->parking.unpark();
    }
  }
  discard(record);
}

void run_routine(dpc_record* record, PVOID context, PVOID argument1, PVOID argument2) {
  const PKDPC dpc = record->dpc;
  const PKDEFERRED_ROUTINE routine = record->routine;
  sync::note("DPC routine", dpc, nullptr);
  const routine_state entered = routine_entered();
  routine(dpc, context, argument1, argument2);
  routine_returned(entered, "the DPC routine", reinterpret_cast<const void*>(routine),
                   "WDM-IRP-024", 0xC8, 0);
}

void dpc_task(void* argument) {
  auto* const record = static_cast<dpc_record*>(argument);
  executive& root = the_executive();
  sync::level() = dispatch_level;
  order(sync::access_kind::update, record->dpc, sizeof(KDPC));
  PVOID context = nullptr;
  PVOID arguments[2] = {};
  bool runs = false;
  if (!record->removed) {
    const sync::sealed seal;
    sync::touch(record->dpc, sizeof(KDPC), sync::access_kind::update);
  }
  {
    const guard hold(root.lock);
    runs = record->queued;
    if (runs) {
      KDPC& dpc = *record->dpc;
      record->queued = false;
      dpc.DpcData = nullptr;
      record->routine = dpc.DeferredRoutine;
      context = dpc.DeferredContext;
      arguments[0] = dpc.SystemArgument1;
      arguments[1] = dpc.SystemArgument2;
    }
  }
  if (runs) run_routine(record, context, arguments[0], arguments[1]);
  finish(record);
  sync::level() = passive_level;
  end_task();
}

void initialize(PKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context, UCHAR type) {
  format(dpc, sizeof *dpc);
  bool queued = false;
  {
    const guard hold(the_executive().lock);
    for (const dpc_record* each = the_executive().dpcs; each != nullptr; each = each->next) {
      queued |= each->dpc == dpc && each->queued;
    }
  }
  BELAY_CONTRACT(!queued, "WDM-IRP-026", "TIMER_OR_DPC_INVALID", 0xC7,
                 (1, reinterpret_cast<std::uint64_t>(dpc), 0, 0), dpc,
                 "KeInitializeDpc on a DPC that is queued");
  fill_bytes(dpc, 0, sizeof *dpc);
  dpc->Type = type;
  dpc->Importance = MediumImportance;
  dpc->DeferredRoutine = routine;
  dpc->DeferredContext = context;
}

constexpr UCHAR dpc_type = 19;
constexpr UCHAR threaded_dpc_type = 26;

void use_dpc(PKDPC dpc, const char* what) {
  use(dpc, sizeof *dpc);
  BELAY_CONTRACT(dpc->Type == dpc_type || dpc->Type == threaded_dpc_type, "WDM-IRP-026",
                 "TIMER_OR_DPC_INVALID", 0xC7, (1, reinterpret_cast<std::uint64_t>(dpc), 0, 0), dpc,
                 "%s on memory that is no initialised DPC", what);
}

}  // namespace

dpc_record* queue_dpc_locked(PKDPC dpc, PVOID argument1, PVOID argument2) {
  if (dpc->DpcData != nullptr) return nullptr;
  executive& root = the_executive();
  dpc_record* const record = make<dpc_record>();
  record->dpc = dpc;
  record->routine = dpc->DeferredRoutine;
  record->turn = ++root.dpcs_queued;
  dpc->DpcData = record;
  dpc->SystemArgument1 = argument1;
  dpc->SystemArgument2 = argument2;
  push_front(root.dpcs, record);
  return record;
}

void start_dpc(dpc_record* record, bool gated) {
  sync::actor_options options;
  options.name = "DPC";
  options.kind = sync::actor_kind::task;
  options.key = record->dpc;
  if (gated && sync::level() >= dispatch_level) {
    record->gate_level = &sync::level();
    options.start_gate = &gate_is_open;
    options.start_argument = record;
  }
  const sync::actor_id who = spawn_task(options, &dpc_task, record);
  BELAY_ASSERT(who != sync::no_actor);
}

void free_dpcs() {
  executive& root = the_executive();
  while (dpc_record* const each = root.dpcs) {
    unlink(root.dpcs, each);
    discard(each);
  }
}

void flush_dpcs() {
  executive& root = the_executive();
  thread& self = current();
  flush_waiter wait;
  wait.who = &self;
  {
    const guard hold(root.lock);
    wait.up_to = root.dpcs_queued;
    for (const dpc_record* each = root.dpcs; each != nullptr; each = each->next) ++wait.left;
    if (wait.left == 0) return;
    self.parking.reset();
    push_front(root.flushes, &wait);
  }
  for (;;) {
    self.parking.park(sync::forever);
    const guard hold(root.lock);
    if (wait.left != 0) continue;
    unlink(root.flushes, &wait);
    self.parking.reset();
    return;
  }
}

void check_dpcs(const void* code, std::size_t bytes) {
  violation what;
  {
    const guard hold(the_executive().lock);
    const dpc_record* left = the_executive().dpcs;
    while (left != nullptr &&
           (left->removed ||
            (bytes != 0 && !within(code, bytes, reinterpret_cast<const void*>(left->routine))))) {
      left = left->next;
    }
    if (left == nullptr) return;
    what.object = left->dpc;
    what.site = reinterpret_cast<const void*>(left->routine);
    __builtin_snprintf(what.text, sizeof what.text,
                       "the driver is unloaded while its DPC %p is still %s",
                       static_cast<const void*>(left->dpc), left->queued ? "queued" : "running");
  }
  what.clause = "WDM-IRP-019";
  what.rule = "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS";
  what.bug_check = 0xCE;
  what.parameter[0] = reinterpret_cast<std::uint64_t>(what.site);
  report(what);
}

void check_freed_dpcs(const void* memory, std::size_t bytes) {
  PKDPC found = nullptr;
  {
    const guard hold(the_executive().lock);
    for (const dpc_record* each = the_executive().dpcs; each != nullptr; each = each->next) {
      if (each->queued && overlaps(memory, bytes, each->dpc, sizeof(KDPC))) found = each->dpc;
    }
  }
  BELAY_CONTRACT(
      found == nullptr, "WDM-IRP-019", "TIMER_OR_DPC_INVALID", 0xC7,
      (1, reinterpret_cast<std::uint64_t>(found), reinterpret_cast<std::uint64_t>(memory),
       reinterpret_cast<std::uint64_t>(memory) + bytes),
      found, "memory is freed that holds the DPC %p, which is still queued",
      static_cast<const void*>(found));
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

/// Formats a DPC. Contract: WDM-IRP-026: not while it is queued.
VOID KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext) {
  BELAY_EXPORT(KeInitializeDpc, Dpc);
  initialize(Dpc, DeferredRoutine, DeferredContext, dpc_type);
}
/// A threaded DPC. Ours runs at DISPATCH_LEVEL like any other, as Windows may do too.
VOID KeInitializeThreadedDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine,
                             PVOID DeferredContext) {
  BELAY_EXPORT(KeInitializeThreadedDpc, Dpc);
  initialize(Dpc, DeferredRoutine, DeferredContext, threaded_dpc_type);
}

/// Queues a DPC, which runs at DISPATCH_LEVEL once the caller has left it.
///
/// Callers:  any IRQL.
/// Returns:  FALSE if it is queued already (its arguments stay what they are).
/// Ordering: what the caller did before happens before the routine.
BOOLEAN KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2) {
  BELAY_EXPORT(KeInsertQueueDpc, Dpc);
  use_dpc(Dpc, "KeInsertQueueDpc");
  executive& root = the_executive();
  order(sync::access_kind::read, &root.flushes);
  dpc_record* record = nullptr;
  {
    const guard hold(root.lock);
    record = queue_dpc_locked(Dpc, SystemArgument1, SystemArgument2);
  }
  if (record != nullptr) start_dpc(record, true);
  return record != nullptr;
}

/// Takes a DPC out of the queue. Returns: TRUE if it was queued; FALSE if not, or if it has
/// started.
BOOLEAN KeRemoveQueueDpc(PRKDPC Dpc) {
  BELAY_EXPORT(KeRemoveQueueDpc, Dpc);
  use_dpc(Dpc, "KeRemoveQueueDpc");
  const guard hold(the_executive().lock);
  auto* const record = static_cast<dpc_record*>(Dpc->DpcData);
  if (record == nullptr) return FALSE;
  Dpc->DpcData = nullptr;
  record->queued = false;
  record->removed = true;
  return TRUE;
}

VOID KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance) {
  BELAY_EXPORT(KeSetImportanceDpc, Dpc);
  use_dpc(Dpc, "KeSetImportanceDpc");
  Dpc->Importance = static_cast<UCHAR>(Importance);
}
VOID KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number) {
  BELAY_EXPORT(KeSetTargetProcessorDpc, Dpc);
  use_dpc(Dpc, "KeSetTargetProcessorDpc");
  Dpc->Number = static_cast<USHORT>(Number);
}
NTSTATUS KeSetTargetProcessorDpcEx(PKDPC Dpc, PPROCESSOR_NUMBER ProcNumber) {
  BELAY_EXPORT(KeSetTargetProcessorDpcEx, Dpc);
  use_dpc(Dpc, "KeSetTargetProcessorDpcEx");
  Dpc->Number = ProcNumber->Number;
  return STATUS_SUCCESS;
}

/// Returns when all DPCs that were queued before the call have run.
VOID KeFlushQueuedDpcs(VOID) {
  BELAY_EXPORT(KeFlushQueuedDpcs, nullptr);
  sync::point(sync::access_kind::update, &the_executive().flushes, 1);
  flush_dpcs();
}

}  // extern "C"
