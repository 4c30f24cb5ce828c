// Device queue objects.
//
// Thread safety: any actor at DISPATCH_LEVEL (KeRemoveEntryDeviceQueue: at or below). Each call is
// one step: the queue's own lock is not seen by anybody else.
// Invariants: an entry is Inserted while it is linked; a queue with linked entries is Busy.
// Contract: WDM-STARTIO-007
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// The step and its checks; the queue is ours for the scope.
class queue_step {
 public:
  queue_step(PKDEVICE_QUEUE queue, const char* what, bool must_be_busy = false) : queue_(queue) {
    kernel::use(queue, sizeof(*queue));
    BELAY_CONTRACT(queue->DeviceListHead.Flink != nullptr, "WDM-IRP-026", "", 0,
                   (word(queue), 0, 0, 0), queue, "%s: the device queue %p was not initialised",
                   what, static_cast<const void*>(queue));
    BELAY_CONTRACT(!must_be_busy || queue->Busy, "WDM-STARTIO-007", "", 0, (word(queue), 0, 0, 0),
                   queue,
                   "%s on the idle device queue %p: only who made it busy may take the next entry",
                   what, static_cast<const void*>(queue));
    io().device_queue_lock.lock();
  }
  ~queue_step() { io().device_queue_lock.unlock(); }
  queue_step(const queue_step&) = delete;
  queue_step& operator=(const queue_step&) = delete;

  bool empty() const { return IsListEmpty(&queue_->DeviceListHead); }

  // Returns: false if the queue was idle.
  bool insert(PKDEVICE_QUEUE_ENTRY entry, bool by_key) {
    entry->Inserted = queue_->Busy;
    if (!queue_->Busy) {
      queue_->Busy = TRUE;
      return false;
    }
    PLIST_ENTRY at = &queue_->DeviceListHead;
    if (by_key) {
      at = at->Flink;
      while (at != &queue_->DeviceListHead && entry_at(at)->SortKey <= entry->SortKey)
        at = at->Flink;
    }
    InsertTailList(at, &entry->DeviceListEntry);
    return true;
  }

  PKDEVICE_QUEUE_ENTRY take_head() {
    if (empty()) {
      queue_->Busy = FALSE;
      return nullptr;
    }
    return take(queue_->DeviceListHead.Flink);
  }

  // The first entry whose key is not smaller, else the first.
  PKDEVICE_QUEUE_ENTRY take_by_key(ULONG key) {
    if (empty()) return take_head();
    PLIST_ENTRY at = queue_->DeviceListHead.Flink;
    while (at != &queue_->DeviceListHead && entry_at(at)->SortKey < key) at = at->Flink;
    return take(at == &queue_->DeviceListHead ? at->Flink : at);
  }

  bool take_entry(PKDEVICE_QUEUE_ENTRY entry) {
    if (!entry->Inserted) return false;
    take(&entry->DeviceListEntry);
    return true;
  }

  bool busy() const { return queue_->Busy; }

 private:
  static PKDEVICE_QUEUE_ENTRY entry_at(PLIST_ENTRY at) {
    return CONTAINING_RECORD(at, KDEVICE_QUEUE_ENTRY, DeviceListEntry);
  }
  PKDEVICE_QUEUE_ENTRY take(PLIST_ENTRY at) {
    RemoveEntryList(at);
    entry_at(at)->Inserted = FALSE;
    return entry_at(at);
  }

  PKDEVICE_QUEUE queue_;
};

void touch_entry(PKDEVICE_QUEUE_ENTRY entry) {
  sync::touch(entry, sizeof(*entry), sync::access_kind::update);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;
using wdm::queue_step;

extern "C" {

VOID NTAPI KeInitializeDeviceQueue(PKDEVICE_QUEUE DeviceQueue) {
  BELAY_EXPORT(KeInitializeDeviceQueue, DeviceQueue);
  sync::touch(DeviceQueue, sizeof(*DeviceQueue), sync::access_kind::write);
  RtlZeroMemory(DeviceQueue, sizeof(*DeviceQueue));
  DeviceQueue->Type = wdm::device_queue_object;
  DeviceQueue->Size = sizeof(KDEVICE_QUEUE);
  InitializeListHead(&DeviceQueue->DeviceListHead);
}

BOOLEAN NTAPI KeInsertDeviceQueue(PKDEVICE_QUEUE DeviceQueue,
                                  PKDEVICE_QUEUE_ENTRY DeviceQueueEntry) {
  BELAY_EXPORT(KeInsertDeviceQueue, DeviceQueue);
  wdm::touch_entry(DeviceQueueEntry);
  return queue_step(DeviceQueue, "KeInsertDeviceQueue").insert(DeviceQueueEntry, false);
}

BOOLEAN NTAPI KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue,
                                       PKDEVICE_QUEUE_ENTRY DeviceQueueEntry, ULONG SortKey) {
  BELAY_EXPORT(KeInsertByKeyDeviceQueue, DeviceQueue);
  wdm::touch_entry(DeviceQueueEntry);
  DeviceQueueEntry->SortKey = SortKey;
  return queue_step(DeviceQueue, "KeInsertByKeyDeviceQueue").insert(DeviceQueueEntry, true);
}

PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveDeviceQueue(PKDEVICE_QUEUE DeviceQueue) {
  BELAY_EXPORT(KeRemoveDeviceQueue, DeviceQueue);
  return queue_step(DeviceQueue, "KeRemoveDeviceQueue", true).take_head();
}

PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, ULONG SortKey) {
  BELAY_EXPORT(KeRemoveByKeyDeviceQueue, DeviceQueue);
  return queue_step(DeviceQueue, "KeRemoveByKeyDeviceQueue", true).take_by_key(SortKey);
}

PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueueIfBusy(PKDEVICE_QUEUE DeviceQueue,
                                                          ULONG SortKey) {
  BELAY_EXPORT(KeRemoveByKeyDeviceQueueIfBusy, DeviceQueue);
  queue_step step(DeviceQueue, "KeRemoveByKeyDeviceQueueIfBusy");
  return step.busy() ? step.take_by_key(SortKey) : nullptr;
}

BOOLEAN NTAPI KeRemoveEntryDeviceQueue(PKDEVICE_QUEUE DeviceQueue,
                                       PKDEVICE_QUEUE_ENTRY DeviceQueueEntry) {
  BELAY_EXPORT(KeRemoveEntryDeviceQueue, DeviceQueue);
  wdm::touch_entry(DeviceQueueEntry);
  return queue_step(DeviceQueue, "KeRemoveEntryDeviceQueue").take_entry(DeviceQueueEntry);
}

}  // extern "C"
