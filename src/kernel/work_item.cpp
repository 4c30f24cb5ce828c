// Work items: routines at PASSIVE_LEVEL in a system worker thread.
//
// Invariants: a queued item belongs to us until its routine starts; then it may be queued again or
// freed, by the routine too.
#include <cstdio>

#include "kernel/dispatcher_nt.hpp"
#include "kernel/pool.hpp"

/// Opaque to drivers, who know its size only from IoSizeofWorkItem.
struct _IO_WORKITEM {
  WORK_QUEUE_ITEM Item;
  PVOID IoObject;
  PIO_WORKITEM_ROUTINE Routine;
  PIO_WORKITEM_ROUTINE_EX RoutineEx;
  PVOID Context;
};

namespace belay::inline BELAY_BUILD::kernel {

struct work_record {
  work_record* next = nullptr;
  work_record* previous = nullptr;
  const void* item = nullptr;  // what it is known by
  bool queued = true;          // has not started
  const void* routine = nullptr;
  PWORKER_THREAD_ROUTINE plain = nullptr;
  PIO_WORKITEM_ROUTINE of_device = nullptr;
  PIO_WORKITEM_ROUTINE_EX extended = nullptr;
  PVOID object = nullptr;  // IoObject, referenced
  PVOID context = nullptr;
  const void* site = nullptr;
};

namespace {

bool is_queued(const void* item) {
  const guard hold(the_executive().lock);
  for (const work_record* each = the_executive().work; each != nullptr; each = each->next) {
    if (each->item == item && each->queued) return true;
  }
  return false;
}

void work_task(void* argument) {
  auto* const record = static_cast<work_record*>(argument);
  executive& root = the_executive();
  order(sync::access_kind::update, record->item, sizeof(WORK_QUEUE_ITEM));
  {
    const guard hold(root.lock);
    record->queued = false;
  }
  sync::note("work item", record->item, nullptr);
  const routine_state entered = routine_entered();
  if (record->plain != nullptr) {
    record->plain(record->context);
  } else if (record->of_device != nullptr) {
    record->of_device(static_cast<PDEVICE_OBJECT>(record->object), record->context);
  } else {
    record->extended(record->object, record->context,
                     static_cast<PIO_WORKITEM>(const_cast<void*>(record->item)));
  }
  routine_returned(entered, "the work item", record->routine, "WDM-IRP-024", 0xE1,
                   reinterpret_cast<std::uint64_t>(record->routine));
  if (record->object != nullptr && is_object(record->object, nullptr))
    dereference_object(record->object);
  {
    const guard hold(root.lock);
    unlink(root.work, record);
    if (root.awaits_work != nullptr) root.awaits_work->parking.unpark();
  }
  discard(record);
  end_task();
}

/// Contract: WDM-IRP-026: the item is not queued already.
void queue_work(const work_record& like) {
  BELAY_CONTRACT(!is_queued(like.item), "WDM-IRP-026", "WORKER_INVALID", 0xE4,
                 (1, reinterpret_cast<std::uint64_t>(like.item), 0, 0), like.item,
                 "a work item is queued that is queued already");
  work_record* const record = make<work_record>();
  *record = like;
  if (record->object != nullptr && is_object(record->object, nullptr))
    reference_object(record->object);
  executive& root = the_executive();
  {
    const guard hold(root.lock);
    push_front(root.work, record);
  }
  sync::actor_options options;
  options.name = "work item";
  options.kind = sync::actor_kind::task;
  options.key = record->item;
  const sync::actor_id who = spawn_task(options, &work_task, record);
  BELAY_ASSERT(who != sync::no_actor);
}

void queue_io_work(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE routine,
                   PIO_WORKITEM_ROUTINE_EX extended, PVOID context, const void* site) {
  use(item, sizeof *item);
  work_record like;
  like.item = item;
  like.of_device = routine;
  like.extended = extended;
  like.routine = routine != nullptr ? reinterpret_cast<const void*>(routine)
                                    : reinterpret_cast<const void*>(extended);
  like.object = item->IoObject;
  like.context = context;
  like.site = site;
  queue_work(like);
}

constexpr ULONG work_tag = 0x69576f49;  // 'IoWi'

}  // namespace

void free_work() {
  executive& root = the_executive();
  while (work_record* const each = root.work) {
    unlink(root.work, each);
    discard(each);
  }
}

namespace {

/// The newest item of the driver: of a device (IoQueueWorkItem) or not (ExQueueWorkItem).
const work_record* find_locked(const void* code, std::size_t bytes, bool of_device) {
  const work_record* each = the_executive().work;
  while (each != nullptr && ((each->plain == nullptr) != of_device ||
                             (bytes != 0 && !within(code, bytes, each->routine)))) {
    each = each->next;
  }
  return each;
}

/// An item of a device keeps the device, and so the driver, until its routine has returned.
void wait_for_device_work(const void* code, std::size_t bytes) {
  executive& root = the_executive();
  thread& self = current();
  for (;;) {
    {
      const guard hold(root.lock);
      const bool running = find_locked(code, bytes, true) != nullptr;
      root.awaits_work = running ? &self : nullptr;
      if (!running) break;
    }
    self.parking.park(sync::forever);
  }
  self.parking.reset();
}

}  // namespace

void check_work(const void* code, std::size_t bytes) {
  wait_for_device_work(code, bytes);
  violation what;
  {
    const guard hold(the_executive().lock);
    const work_record* const left = find_locked(code, bytes, false);
    if (left == nullptr) return;
    what.object = left->item;
    what.site = left->site;
    what.parameter[0] = reinterpret_cast<std::uint64_t>(left->routine);
    std::snprintf(what.text, sizeof what.text,
                  "the driver is unloaded while its work item %p, queued here, is still %s",
                  left->item, left->queued ? "queued" : "running");
  }
  what.clause = "WDM-IRP-019";
  what.rule = "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS";
  what.bug_check = 0xCE;
  report(what);
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

/// Queues a routine. Contract: WDM-IRP-026: the item is not queued already.
VOID ExQueueWorkItem(PWORK_QUEUE_ITEM WorkItem, WORK_QUEUE_TYPE) {
  BELAY_EXPORT(ExQueueWorkItem, WorkItem);
  use(WorkItem, sizeof *WorkItem);
  work_record like;
  like.item = WorkItem;
  like.plain = WorkItem->WorkerRoutine;
  like.routine = reinterpret_cast<const void*>(WorkItem->WorkerRoutine);
  like.context = WorkItem->Parameter;
  like.site = __builtin_return_address(0);
  queue_work(like);
}

ULONG IoSizeofWorkItem(VOID) { return sizeof(_IO_WORKITEM); }
VOID IoInitializeWorkItem(PVOID IoObject, PIO_WORKITEM IoWorkItem) {
  BELAY_EXPORT(IoInitializeWorkItem, IoWorkItem);
  format(IoWorkItem, sizeof *IoWorkItem);
  fill_bytes(IoWorkItem, 0, sizeof *IoWorkItem);
  IoWorkItem->IoObject = IoObject;
}
/// Contract: WDM-IRP-019: not while it is queued.
VOID IoUninitializeWorkItem(PIO_WORKITEM IoWorkItem) {
  BELAY_EXPORT(IoUninitializeWorkItem, IoWorkItem);
  use(IoWorkItem, sizeof *IoWorkItem);
  BELAY_CONTRACT(!is_queued(IoWorkItem), "WDM-IRP-019", "WORKER_INVALID", 0xE4,
                 (0, reinterpret_cast<std::uint64_t>(IoWorkItem), 0, 0), IoWorkItem,
                 "IoUninitializeWorkItem on a work item that is queued");
}
PIO_WORKITEM IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject) {
  BELAY_EXPORT(IoAllocateWorkItem, DeviceObject);
  auto* const item = static_cast<PIO_WORKITEM>(
      allocate_pool(sizeof(_IO_WORKITEM), work_tag, true, __builtin_return_address(0)));
  if (item != nullptr) item->IoObject = DeviceObject;
  return item;
}
/// Contract: WDM-IRP-019: not while it is queued.
VOID IoFreeWorkItem(PIO_WORKITEM IoWorkItem) {
  BELAY_EXPORT(IoFreeWorkItem, IoWorkItem);
  use(IoWorkItem, sizeof *IoWorkItem);
  BELAY_CONTRACT(!is_queued(IoWorkItem), "WDM-IRP-019", "WORKER_INVALID", 0xE4,
                 (0, reinterpret_cast<std::uint64_t>(IoWorkItem), 0, 0), IoWorkItem,
                 "IoFreeWorkItem on a work item that is queued");
  free_pool_block(IoWorkItem, work_tag, "IoFreeWorkItem", __builtin_return_address(0));
}
/// Queues an item's routine; the device object stays until it returned. Contract: WDM-IRP-026
VOID IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine, WORK_QUEUE_TYPE,
                     PVOID Context) {
  BELAY_EXPORT(IoQueueWorkItem, IoWorkItem);
  queue_io_work(IoWorkItem, WorkerRoutine, nullptr, Context, __builtin_return_address(0));
}
VOID IoQueueWorkItemEx(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine,
                       WORK_QUEUE_TYPE, PVOID Context) {
  BELAY_EXPORT(IoQueueWorkItemEx, IoWorkItem);
  queue_io_work(IoWorkItem, nullptr, WorkerRoutine, Context, __builtin_return_address(0));
}
/// Returns FALSE, and does nothing, if the item is queued already.
BOOLEAN IoTryQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine,
                           WORK_QUEUE_TYPE, PVOID Context) {
  BELAY_EXPORT(IoTryQueueWorkItem, IoWorkItem);
  use(IoWorkItem, sizeof *IoWorkItem);
  if (is_queued(IoWorkItem)) return FALSE;
  const sync::sealed seal;
  queue_io_work(IoWorkItem, nullptr, WorkerRoutine, Context, __builtin_return_address(0));
  return TRUE;
}

}  // extern "C"
