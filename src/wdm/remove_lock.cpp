// Remove locks.
//
// The count and the event are the driver's memory, as on Windows; who holds which tag is remembered
// beside it, so that a release with a tag that nobody acquired is found in every build of a driver.
// A tag is only compared, never followed.
//
// Thread safety: any actor; acquire and release at IRQL <= DISPATCH_LEVEL.
// Invariants: IoCount is 1 (the lock's own) plus the acquires not released yet.
// Contract: WDM-FILE-007
#include <cstdio>

#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

/// One acquire that is not released yet.
struct remove_lock_record {
  remove_lock_record* next = nullptr;
  PIO_REMOVE_LOCK lock = nullptr;
  PVOID tag = nullptr;
  std::uint64_t number = 0;  ///< in order of acquiring
  sync::actor_id actor = sync::no_actor;
  const void* site = nullptr;
};

namespace {

void remember(PIO_REMOVE_LOCK lock, PVOID tag, const void* site) {
  auto* record = make_vital<remove_lock_record>();
  record->lock = lock;
  record->tag = tag;
  record->actor = sync::self();
  record->site = site;
  const guard hold(io().lock);
  record->number = ++io().removals_held_off;
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

// Any acquire of `lock` that is not released yet.
PVOID any_tag(PIO_REMOVE_LOCK lock, bool* found) {
  const guard hold(io().lock);
  for (const remove_lock_record* r = io().remove_locks; r != nullptr; r = r->next) {
    if (r->lock != lock) continue;
    *found = true;
    return r->tag;
  }
  *found = false;
  return nullptr;
}

// "RemoveLockReleaseRead" and its kin.
const char* rule_of(UCHAR major) {
  switch (major) {
    case IRP_MJ_CREATE:
      return "RemoveLockReleaseCreate";
    case IRP_MJ_CLOSE:
      return "RemoveLockReleaseClose";
    case IRP_MJ_READ:
      return "RemoveLockReleaseRead";
    case IRP_MJ_WRITE:
      return "RemoveLockReleaseWrite";
    case IRP_MJ_DEVICE_CONTROL:
      return "RemoveLockReleaseDeviceControl";
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
      return "RemoveLockReleaseInternalDeviceControl";
    case IRP_MJ_SHUTDOWN:
      return "RemoveLockReleaseShutdown";
    case IRP_MJ_CLEANUP:
      return "RemoveLockReleaseCleanup";
    case IRP_MJ_SYSTEM_CONTROL:
      return "RemoveLockReleaseSystemControl";
    case IRP_MJ_POWER:
      return "RemoveLockReleasePower";
    case IRP_MJ_PNP:
      return "RemoveLockReleasePnp";
    default:
      return "RemoveLockRelease2";
  }
}

// A PnP driver removes its device when it is told to, and at no other time.
void check_wait_allowed(PIO_REMOVE_LOCK lock, PVOID tag) {
  const driver_call* call = innermost_call(call_kind::dispatch);
  if (call == nullptr || call->device->DriverObject->DriverExtension->AddDevice == nullptr) return;
  BELAY_CONTRACT(
      call->major == IRP_MJ_PNP && call->minor == IRP_MN_REMOVE_DEVICE, "WDM-FILE-007",
      "IoReleaseRemoveLockAndWaitOutsideRemoveDevice", 0, (word(lock), word(tag), 0, 0), lock,
      "IoReleaseRemoveLockAndWait outside IRP_MN_REMOVE_DEVICE (major function %u, minor "
      "%u)",
      call->major, call->minor);
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
                 (0xD5, word(lock), word(tag), 0), lock,
                 "IoReleaseRemoveLock with the tag %p, which nobody has acquired (any more)", tag);
  const LONG left = add(lock, -1);
  BELAY_ASSERT(left >= 0);
  if (left == 0) kernel::set_event(&lock->Common.RemoveEvent);
}

}  // namespace

void check_remove_locks(const void* memory, std::size_t bytes, const char* what) {
  const auto low = reinterpret_cast<std::uintptr_t>(memory);
  const remove_lock_record* held = nullptr;
  {
    const guard hold(io().lock);
    for (const remove_lock_record* r = io().remove_locks; r != nullptr; r = r->next) {
      const auto at = reinterpret_cast<std::uintptr_t>(r->lock);
      if (bytes == 0 || (at >= low && at < low + bytes)) held = r;
    }
  }
  if (held == nullptr) return;
  kernel::violation broken;
  broken.clause = "WDM-FILE-007";
  broken.rule = "RemoveLock";
  broken.parameter[0] = word(held->lock);
  broken.parameter[1] = word(held->tag);
  broken.object = held->lock;
  broken.site = held->site;
  std::snprintf(broken.text, sizeof(broken.text),
                "%s but the remove lock %p, acquired with the tag %p, was never released", what,
                static_cast<const void*>(held->lock), held->tag);
  kernel::report(broken);
}

void check_remove_lock_of(PIRP irp, UCHAR major, std::uint64_t since) {
  const sync::actor_id self = sync::self();
  PIO_REMOVE_LOCK lock = nullptr;
  {
    const guard hold(io().lock);
    for (const remove_lock_record* r = io().remove_locks; r != nullptr; r = r->next) {
      if (r->tag == irp && r->actor == self && r->number > since) lock = r->lock;
    }
  }
  BELAY_CONTRACT(
      lock == nullptr, "WDM-FILE-007", rule_of(major), 0, (word(lock), word(irp), 0, 0), lock,
      "the dispatch routine has completed the IRP %p and returns, but the remove lock %p "
      "that was acquired for it is not released",
      static_cast<const void*>(irp), static_cast<const void*>(lock));
}

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
  bool held = false;
  wdm::any_tag(Lock, &held);
  BELAY_CONTRACT(!held, "WDM-FILE-007", "RemoveLock", 0xC4, (0xD7, 0, wdm::word(Lock), 0), Lock,
                 "IoInitializeRemoveLock for the remove lock %p, which is held",
                 static_cast<const void*>(Lock));
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
  wdm::check_wait_allowed(RemoveLock, Tag);
  BELAY_CONTRACT(!RemoveLock->Common.Removed, "WDM-FILE-007", "RemoveLock", 0,
                 (wdm::word(RemoveLock), wdm::word(Tag), 0, 0), RemoveLock,
                 "IoReleaseRemoveLockAndWait was called before for the remove lock %p",
                 static_cast<const void*>(RemoveLock));
  bool held = false;
  const PVOID other = wdm::any_tag(RemoveLock, &held);
  BELAY_CONTRACT(wdm::forget(RemoveLock, Tag), "WDM-FILE-007", "RemoveLock", 0xC4,
                 (0xD6, wdm::word(RemoveLock), wdm::word(Tag), wdm::word(other)), RemoveLock,
                 "IoReleaseRemoveLockAndWait with the tag %p, which nobody has acquired", Tag);
  RemoveLock->Common.Removed = TRUE;
  wdm::add(RemoveLock, -1);            // the caller's
  if (wdm::add(RemoveLock, -1) > 0) {  // the lock's own
    kernel::wait_for(&RemoveLock->Common.RemoveEvent);
  }
}

}  // extern "C"
