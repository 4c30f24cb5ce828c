// Executive resources, rundown protection, reader-writer spin locks.
#include "kernel/dispatcher_nt.hpp"
#include "kernel/verifier.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// What a resource really is. ERESOURCE.Reserved2 points here from initialisation to deletion.
struct resource_state {
  struct owner {
    owner* next = nullptr;
    owner* previous = nullptr;
    const void* thread = nullptr;
    int times = 0;
  };
  KEVENT freed{};  // a notification event, cleared by whoever finds the resource busy
  owner* shared = nullptr;
  const void* exclusive = nullptr;
  int exclusive_times = 0;
  int exclusive_waiting = 0;
  int shared_waiting = 0;
};

namespace {

resource_state& state_of(PERESOURCE resource, const char* what) {
  use(resource, sizeof *resource);
  auto* const state = static_cast<resource_state*>(resource->Reserved2);
  BELAY_CONTRACT(state != nullptr, "WDM-IRP-026", "IRQL_NOT_LESS_OR_EQUAL", 0xA, (0, irql(), 0, 0),
                 resource, "%s on a resource that is not initialised", what);
  return *state;
}

/// Contract: WDM-LOCK-010: within a critical region (or at APC_LEVEL).
void check_region(const char* what, const void* resource, std::uint64_t code = 0x37) {
  const thread& self = current();
  BELAY_CONTRACT(irql() == apc_level || self.critical_regions + self.guarded_regions != 0 ||
                     is_system_thread(self),
                 "WDM-LOCK-010", "WithinCriticalRegion", 0xC4,
                 (code, irql(), self.critical_regions, reinterpret_cast<std::uint64_t>(resource)),
                 resource, "%s outside a critical region", what);
}

resource_state::owner* owner_locked(resource_state& state, const void* thread) {
  resource_state::owner* each = state.shared;
  while (each != nullptr && each->thread != thread) each = each->next;
  return each;
}

bool try_exclusive_locked(resource_state& state, const void* self) {
  if (state.exclusive == self) {
    ++state.exclusive_times;
    return true;
  }
  if (state.exclusive != nullptr || state.shared != nullptr) return false;
  state.exclusive = self;
  state.exclusive_times = 1;
  return true;
}

enum class readers { fair, starve_writers, wait_for_writers };

bool try_shared_locked(resource_state& state, const void* self, readers manner,
                       resource_state::owner*& fresh) {
  if (state.exclusive == self) {
    ++state.exclusive_times;
    return true;
  }
  if (state.exclusive != nullptr) return false;
  resource_state::owner* const known = owner_locked(state, self);
  const bool gives_way = state.exclusive_waiting != 0 && manner != readers::starve_writers &&
                         (known == nullptr || manner == readers::wait_for_writers);
  if (gives_way) return false;
  if (known != nullptr) {
    ++known->times;
    return true;
  }
  fresh->thread = self;
  fresh->times = 1;
  push_front(state.shared, fresh);
  fresh = nullptr;
  return true;
}

template <class Try>
bool acquire(resource_state& state, bool wait, int resource_state::*waiting, Try attempt) {
  executive& root = the_executive();
  for (bool waited = false;; waited = true) {
    {
      const guard hold(root.lock);
      if (waited) --(state.*waiting);
      if (attempt()) return true;
      if (!wait) return false;
      ++(state.*waiting);
      state.freed.Header.SignalState = 0;
    }
    void* event = &state.freed;
    wait_objects(1, &event, false, false, sync::forever);
  }
}

/// Whether the thread holds it, but shared: nobody will give way to it as a writer.
bool shared_only_by(resource_state& state, const void* self) {
  const guard hold(the_executive().lock);
  return state.exclusive != self && owner_locked(state, self) != nullptr;
}

bool acquire_exclusive(PERESOURCE resource, bool wait, const char* what) {
  resource_state& state = state_of(resource, what);
  const void* const self = current_object();
  BELAY_CONTRACT(!wait || !shared_only_by(state, self), "WDM-LOCK-010", "Deadlock Detection", 0xC4,
                 (0x1000, reinterpret_cast<std::uint64_t>(resource), 0, 0), resource,
                 "%s by a thread that holds the resource shared; it waits for itself", what);
  if (wait) lock_awaited(resource, lock_kind::resource, __builtin_return_address(0));
  const bool taken = acquire(state, wait, &resource_state::exclusive_waiting,
                             [&] { return try_exclusive_locked(state, self); });
  if (taken) lock_taken(resource, lock_kind::resource, __builtin_return_address(0));
  return taken;
}

bool acquire_shared(PERESOURCE resource, bool wait, readers manner, const char* what) {
  resource_state& state = state_of(resource, what);
  const void* const self = current_object();
  if (wait) lock_awaited(resource, lock_kind::resource, __builtin_return_address(0));
  auto* fresh = make<resource_state::owner>();
  const bool taken = acquire(state, wait, &resource_state::shared_waiting,
                             [&] { return try_shared_locked(state, self, manner, fresh); });
  if (fresh != nullptr) discard(fresh);
  if (taken) lock_taken(resource, lock_kind::resource, __builtin_return_address(0));
  return taken;
}

/// Contract: WDM-LOCK-010: held by the thread for which it is released.
void release(PERESOURCE resource, const void* owner_thread, const char* what) {
  resource_state& state = state_of(resource, what);
  resource_state::owner* gone = nullptr;
  bool held = false;
  {
    const guard hold(the_executive().lock);
    if (state.exclusive == owner_thread) {
      held = true;
      if (--state.exclusive_times == 0) state.exclusive = nullptr;
    } else if (resource_state::owner* const known = owner_locked(state, owner_thread)) {
      held = true;
      if (--known->times == 0) {
        unlink(state.shared, known);
        gone = known;
      }
    }
    if (state.exclusive == nullptr) {
      state.freed.Header.SignalState = 1;
      satisfy_waiters_locked(state.freed.Header);
    }
  }
  if (gone != nullptr) discard(gone);
  if (owner_thread == current_object()) lock_given(resource);
  BELAY_CONTRACT(held, "WDM-LOCK-010", "RESOURCE_NOT_OWNED", 0xE3,
                 (reinterpret_cast<std::uint64_t>(resource),
                  reinterpret_cast<std::uint64_t>(owner_thread), 0, 0),
                 resource, "%s by a thread that does not own the resource", what);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

NTSTATUS ExInitializeResourceLite(PERESOURCE Resource) {
  BELAY_EXPORT(ExInitializeResourceLite, Resource);
  format(Resource, sizeof *Resource);
  fill_bytes(Resource, 0, sizeof *Resource);
  auto* const state = make<resource_state>();
  make_header(state->freed.Header, notification_event, 0, sizeof(KEVENT));
  Resource->Reserved2 = state;
  return STATUS_SUCCESS;
}
/// Contract: WDM-LOCK-010: nobody owns it.
NTSTATUS ExDeleteResourceLite(PERESOURCE Resource) {
  BELAY_EXPORT(ExDeleteResourceLite, Resource);
  resource_state& state = state_of(Resource, "ExDeleteResourceLite");
  BELAY_CONTRACT(state.exclusive == nullptr && state.shared == nullptr, "WDM-LOCK-010",
                 "RESOURCE_OWNER_POINTER_INVALID", 0xC4,
                 (0x38, reinterpret_cast<std::uint64_t>(Resource), 0, 0), Resource,
                 "ExDeleteResourceLite on a resource that is held");
  Resource->Reserved2 = nullptr;
  discard(&state);
  return STATUS_SUCCESS;
}
NTSTATUS ExReinitializeResourceLite(PERESOURCE Resource) {
  BELAY_EXPORT(ExReinitializeResourceLite, Resource);
  state_of(Resource, "ExReinitializeResourceLite");
  return STATUS_SUCCESS;
}
/// Callers: IRQL <= APC_LEVEL, in a critical region. Returns: FALSE if it is busy and Wait is
/// FALSE. Contract: WDM-LOCK-010
BOOLEAN ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait) {
  BELAY_EXPORT(ExAcquireResourceExclusiveLite, Resource);
  check_region("ExAcquireResourceExclusiveLite", Resource);
  return acquire_exclusive(Resource, Wait, "ExAcquireResourceExclusiveLite");
}
BOOLEAN ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait) {
  BELAY_EXPORT(ExAcquireResourceSharedLite, Resource);
  check_region("ExAcquireResourceSharedLite", Resource);
  return acquire_shared(Resource, Wait, readers::fair, "ExAcquireResourceSharedLite");
}
BOOLEAN ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait) {
  BELAY_EXPORT(ExAcquireSharedStarveExclusive, Resource);
  check_region("ExAcquireSharedStarveExclusive", Resource);
  return acquire_shared(Resource, Wait, readers::starve_writers, "ExAcquireSharedStarveExclusive");
}
BOOLEAN ExAcquireSharedWaitForExclusive(PERESOURCE Resource, BOOLEAN Wait) {
  BELAY_EXPORT(ExAcquireSharedWaitForExclusive, Resource);
  check_region("ExAcquireSharedWaitForExclusive", Resource);
  return acquire_shared(Resource, Wait, readers::wait_for_writers,
                        "ExAcquireSharedWaitForExclusive");
}
VOID ExReleaseResourceLite(PERESOURCE Resource) {
  BELAY_EXPORT(ExReleaseResourceLite, Resource);
  check_region("ExReleaseResourceLite", Resource, 0x38);
  release(Resource, current_object(), "ExReleaseResourceLite");
}
VOID ExReleaseResourceForThreadLite(PERESOURCE Resource, ERESOURCE_THREAD ResourceThreadId) {
  BELAY_EXPORT(ExReleaseResourceForThreadLite, Resource);
  release(Resource, reinterpret_cast<const void*>(ResourceThreadId),
          "ExReleaseResourceForThreadLite");
}
VOID ExConvertExclusiveToSharedLite(PERESOURCE Resource) {
  BELAY_EXPORT(ExConvertExclusiveToSharedLite, Resource);
  resource_state& state = state_of(Resource, "ExConvertExclusiveToSharedLite");
  const void* const self = current_object();
  auto* const fresh = make<resource_state::owner>();
  bool held = false;
  {
    const guard hold(the_executive().lock);
    held = state.exclusive == self;
    if (held) {
      fresh->thread = self;
      fresh->times = state.exclusive_times;
      push_front(state.shared, fresh);
      state.exclusive = nullptr;
      state.exclusive_times = 0;
      state.freed.Header.SignalState = 1;
      satisfy_waiters_locked(state.freed.Header);
    }
  }
  BELAY_CONTRACT(
      held, "WDM-LOCK-010", "RESOURCE_NOT_OWNED", 0xE3,
      (reinterpret_cast<std::uint64_t>(Resource), reinterpret_cast<std::uint64_t>(self), 0, 0),
      Resource, "ExConvertExclusiveToSharedLite by a thread that does not own the resource");
}
BOOLEAN ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource) {
  BELAY_EXPORT(ExIsResourceAcquiredExclusiveLite, Resource);
  return state_of(Resource, "ExIsResourceAcquiredExclusiveLite").exclusive == current_object();
}
/// Returns how often the calling thread holds it, in whatever way.
ULONG ExIsResourceAcquiredSharedLite(PERESOURCE Resource) {
  BELAY_EXPORT(ExIsResourceAcquiredSharedLite, Resource);
  resource_state& state = state_of(Resource, "ExIsResourceAcquiredSharedLite");
  const void* const self = current_object();
  const guard hold(the_executive().lock);
  if (state.exclusive == self) return static_cast<ULONG>(state.exclusive_times);
  const resource_state::owner* const known = owner_locked(state, self);
  return known != nullptr ? static_cast<ULONG>(known->times) : 0;
}
ULONG ExGetExclusiveWaiterCount(PERESOURCE Resource) {
  BELAY_EXPORT(ExGetExclusiveWaiterCount, Resource);
  return static_cast<ULONG>(state_of(Resource, "ExGetExclusiveWaiterCount").exclusive_waiting);
}
ULONG ExGetSharedWaiterCount(PERESOURCE Resource) {
  BELAY_EXPORT(ExGetSharedWaiterCount, Resource);
  return static_cast<ULONG>(state_of(Resource, "ExGetSharedWaiterCount").shared_waiting);
}
PVOID ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE Resource) {
  BELAY_EXPORT(ExEnterCriticalRegionAndAcquireResourceExclusive, Resource);
  ++current().critical_regions;
  acquire_exclusive(Resource, true, "ExEnterCriticalRegionAndAcquireResourceExclusive");
  return nullptr;
}
PVOID ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE Resource) {
  BELAY_EXPORT(ExEnterCriticalRegionAndAcquireResourceShared, Resource);
  ++current().critical_regions;
  acquire_shared(Resource, true, readers::fair, "ExEnterCriticalRegionAndAcquireResourceShared");
  return nullptr;
}
VOID ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE Resource) {
  BELAY_EXPORT(ExReleaseResourceAndLeaveCriticalRegion, Resource);
  release(Resource, current_object(), "ExReleaseResourceAndLeaveCriticalRegion");
  KeLeaveCriticalRegion();
}

}  // extern "C"
