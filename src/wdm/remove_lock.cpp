// Remove locks.
//
// The count and the event are the driver's memory, as on Windows; who holds which tag is remembered
// beside it, so that a release with a tag that nobody acquired is found in every build of a driver.
// A tag is only compared, never followed.
//
// Thread safety: any actor; acquire and release at IRQL <= DISPATCH_LEVEL.
// Invariants: IoCount is 1 (the lock's own) plus the acquires not released yet.
// Contract: WDM-FILE-007
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

/// One acquire that is not released yet.
struct remove_lock_record {
  remove_lock_record* next = nullptr;
  PIO_REMOVE_LOCK lock = nullptr;
  PVOID tag = nullptr;
  const void* site = nullptr;
};

namespace {

void remember(PIO_REMOVE_LOCK lock, PVOID tag, const void* site) {
  auto* record = make<remove_lock_record>(sync::memory_use::internal);
  if (record == nullptr) return;
  record->lock = lock;
  record->tag = tag;
  record->site = site;
  const guard hold(io().lock);
  record->next = io().remove_locks;
  io().remove_locks = record;
}

// Returns: true if such an acquire was there.
bool forget(PIO_REMOVE_LOCK lock, PVOID tag) {
  remove_lock_record* found = nullptr;
  {
    const guard hold(io().lock);
    remove_lock_record** link = &io().remove_locks;
    while (*link != nullptr && ((*link)->lock != lock || (*link)->tag != tag))
      link = &(*link)->next;
    found = *link;
    if (found != nullptr) *link = found->next;
  }
  sync::deallocate(found);
  return found != nullptr;
}

void check_initialised(PIO_REMOVE_LOCK lock, const char* what) {
  kernel::use(lock, sizeof(IO_REMOVE_LOCK_COMMON_BLOCK));
  BELAY_CONTRACT(ReadLongAcquire(&lock->Common.IoCount) > 0 || lock->Common.Removed, "WDM-IRP-026",
                 "RemoveLock", 0, (word(lock), 0, 0, 0), lock,
                 "%s: the remove lock %p was not initialised", what,
                 static_cast<const void*>(lock));
}

LONG add(PIO_REMOVE_LOCK lock, LONG by) {
  return InterlockedExchangeAdd(&lock->Common.IoCount, by) + by;
}

// Gives one count back; the last one lets the removal go on.
void release(PIO_REMOVE_LOCK lock, PVOID tag) {
  BELAY_CONTRACT(forget(lock, tag), "WDM-FILE-007", "RemoveLock", 0xC4,
                 (0xD6, word(lock), word(tag), 0), lock,
                 "IoReleaseRemoveLock with the tag %p, which nobody has acquired (any more)", tag);
  const LONG left = add(lock, -1);
  BELAY_CONTRACT(left >= 0, "WDM-FILE-007", "RemoveLock", 0xC4, (0xD5, word(lock), word(tag), 0),
                 lock, "the remove lock %p was released more often than acquired",
                 static_cast<const void*>(lock));
  if (left == 0) kernel::set_event(&lock->Common.RemoveEvent);
}

}  // namespace

void forget_remove_locks() {
  while (remove_lock_record* record = io().remove_locks) {
    io().remove_locks = record->next;
    sync::deallocate(record);
  }
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

VOID NTAPI IoInitializeRemoveLockEx(PIO_REMOVE_LOCK Lock, ULONG AllocateTag, ULONG MaxLockedMinutes,
                                    ULONG HighWatermark, ULONG RemlockSize) {
  BELAY_EXPORT(IoInitializeRemoveLockEx, Lock);
  (void)MaxLockedMinutes;
  kernel::use(Lock, RemlockSize, sync::access_kind::write);
  RtlZeroMemory(Lock, RemlockSize);
  Lock->Common.IoCount = 1;
  KeInitializeEvent(&Lock->Common.RemoveEvent, SynchronizationEvent, FALSE);
#if DBG
  if (RemlockSize >= sizeof(IO_REMOVE_LOCK)) {
    Lock->Dbg.AllocateTag = static_cast<LONG>(AllocateTag);
    Lock->Dbg.HighWatermark = HighWatermark;
    InitializeListHead(&Lock->Dbg.LockList);
  }
#else
  (void)AllocateTag;
  (void)HighWatermark;
#endif
}

NTSTATUS NTAPI IoAcquireRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, PCSTR File, ULONG Line,
                                     ULONG RemlockSize) {
  BELAY_EXPORT(IoAcquireRemoveLockEx, RemoveLock);
  (void)File;
  (void)Line;
  (void)RemlockSize;
  wdm::check_initialised(RemoveLock, "IoAcquireRemoveLock");
  wdm::add(RemoveLock, 1);
  if (!RemoveLock->Common.Removed) {
    wdm::remember(RemoveLock, Tag, BELAY_SITE);
    return STATUS_SUCCESS;
  }
  if (wdm::add(RemoveLock, -1) == 0) kernel::set_event(&RemoveLock->Common.RemoveEvent);
  return STATUS_DELETE_PENDING;
}

VOID NTAPI IoReleaseRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize) {
  BELAY_EXPORT(IoReleaseRemoveLockEx, RemoveLock);
  (void)RemlockSize;
  wdm::check_initialised(RemoveLock, "IoReleaseRemoveLock");
  wdm::release(RemoveLock, Tag);
}

VOID NTAPI IoReleaseRemoveLockAndWaitEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize) {
  BELAY_EXPORT(IoReleaseRemoveLockAndWaitEx, RemoveLock);
  (void)RemlockSize;
  wdm::check_initialised(RemoveLock, "IoReleaseRemoveLockAndWait");
  BELAY_CONTRACT(!RemoveLock->Common.Removed, "WDM-FILE-007", "RemoveLock", 0xC4,
                 (0xD7, wdm::word(RemoveLock), wdm::word(Tag), 0), RemoveLock,
                 "IoReleaseRemoveLockAndWait was called before for the remove lock %p",
                 static_cast<const void*>(RemoveLock));
  BELAY_CONTRACT(wdm::forget(RemoveLock, Tag), "WDM-FILE-007", "RemoveLock", 0xC4,
                 (0xD7, wdm::word(RemoveLock), wdm::word(Tag), 0), RemoveLock,
                 "IoReleaseRemoveLockAndWait with the tag %p, which nobody has acquired", Tag);
  RemoveLock->Common.Removed = TRUE;
  wdm::add(RemoveLock, -1);            // the caller's
  if (wdm::add(RemoveLock, -1) > 0) {  // the lock's own
    kernel::wait_for(&RemoveLock->Common.RemoveEvent);
  }
}

}  // extern "C"
