// IRPs: making, initialising, reusing and freeing them, and the records behind them.
//
// Thread safety: any actor. A packet belongs to one owner at a time; the records are guarded.
// Contract: WDM-CANCEL-022, WDM-IRP-028, WDM-IRP-034, WDM-FILE-008
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

std::size_t bucket_of(PIRP irp) {
  return (reinterpret_cast<std::uintptr_t>(irp) >> 5) % irp_buckets;
}

// REQUIRES: io().lock is held.
irp_record* find_locked(PIRP irp) {
  for (irp_record* r = io().buckets[bucket_of(irp)]; r != nullptr; r = r->next_in_bucket) {
    if (r->irp == irp) return r;
  }
  return nullptr;
}

// REQUIRES: io().lock is held.
void unlink_locked(irp_record* record) {
  io_state& state = io();
  irp_record** link = &state.buckets[bucket_of(record->irp)];
  while (*link != record) link = &(*link)->next_in_bucket;
  *link = record->next_in_bucket;
  (record->previous != nullptr ? record->previous->next : state.first) = record->next;
  (record->next != nullptr ? record->next->previous : state.last) = record->previous;
  record->next = record->previous = record->next_in_bucket = nullptr;
  if (record->kind != irp_kind::synchronous) return;
  link = &state.first_synchronous;
  while (*link != record) link = &(*link)->next_synchronous;
  *link = record->next_synchronous;
}

// Takes the record of a freed packet out of the table; its grave has the table's reference from
// here on, so that it is known at once, also to the dispatch routine that still runs with it.
void bury(irp_record* record) {
  irp_record* old = nullptr;
  {
    const guard hold(io().lock);
    unlink_locked(record);
    io_state& state = io();
    irp_record*& grave = state.graves[state.next_grave];
    old = grave;
    grave = record;
    state.next_grave = (state.next_grave + 1) % graveyard_size;
  }
  if (old != nullptr) release_record(old);
}

irp_record* find_grave(PIRP irp) {
  const guard hold(io().lock);
  for (irp_record* r : io().graves) {
    if (r != nullptr && r->irp == irp) return r;
  }
  return nullptr;
}

irp_record* add_record(irp_record* record, PIRP irp, irp_kind kind, const void* site) {
  record->irp = irp;
  record->kind = kind;
  record->site = site;
  const driver_call* call = innermost_call();
  record->creator =
      call != nullptr && call->device != nullptr ? call->device->DriverObject : io().loading;
  io_state& state = io();
  {
    const guard hold(state.lock);
    record->next_in_bucket = state.buckets[bucket_of(irp)];
    state.buckets[bucket_of(irp)] = record;
    if (kind == irp_kind::synchronous) {
      record->next_synchronous = state.first_synchronous;
      state.first_synchronous = record;
    }
    record->previous = state.last;
    (state.last != nullptr ? state.last->next : state.first) = record;
    state.last = record;
  }
  sync::note("irp:allocated", irp, site);
  return record;
}

void format(PIRP irp, USHORT size, CHAR stack_size) {
  RtlZeroMemory(irp, size);
  irp->Type = IO_TYPE_IRP;
  irp->Size = size;
  irp->StackCount = stack_size;
  irp->CurrentLocation = static_cast<CHAR>(stack_size + 1);
  irp->Tail.Overlay.CurrentStackLocation = location_of(irp, static_cast<CHAR>(stack_size + 1));
  InitializeListHead(&irp->ThreadListEntry);
}

}  // namespace

const char* name_of(irp_state state) {
  switch (state) {
    case irp_state::allocated:
      return "allocated";
    case irp_state::dispatched:
      return "dispatched";
    case irp_state::queued:
      return "queued";
    case irp_state::armed:
      return "armed";
    case irp_state::cancelling:
      return "cancelling";
    case irp_state::completed:
      return "completed";
    case irp_state::freed:
      return "freed";
  }
  return "?";
}

void set_state(irp_record* record, irp_state state, const void* site) {
  static constexpr const char* notes[] = {"irp:allocated", "irp:dispatched", "irp:queued",
                                          "irp:armed",     "irp:cancelling", "irp:completed",
                                          "irp:freed"};
  {
    const guard hold(io().lock);
    record->state = state;
  }
  sync::note(notes[static_cast<std::size_t>(state)], record->irp, site);
}

irp_state state_of(const irp_record* record) {
  const guard hold(io().lock);
  return record->state;
}

bool was_cancelled(const irp_record* record) {
  const guard hold(io().lock);
  return record->cancelled;
}

void set_cancelled(irp_record* record, bool cancelled) {
  const guard hold(io().lock);
  record->cancelled = record->cancel_begun = cancelled;
}

void cancel_begins(irp_record* record) {
  const guard hold(io().lock);
  record->cancel_begun = true;
}

irp_record* make_irp(CHAR stack_size, irp_kind kind, const void* site) {
  const std::size_t size = size_of_irp(stack_size);
  auto irp = static_cast<PIRP>(sync::allocate(size, sync::memory_use::guest));
  if (irp == nullptr) return nullptr;
  auto* record = make<irp_record>(sync::memory_use::internal);
  if (record == nullptr) {
    sync::deallocate(irp);
    return nullptr;
  }
  format(irp, static_cast<USHORT>(size), stack_size);
  return add_record(record, irp, kind, site);
}

irp_record* make_vital_irp(CHAR stack_size, irp_kind kind, const void* site) {
  const std::size_t size = size_of_irp(stack_size);
  auto irp = static_cast<PIRP>(sync::allocate_vital(size, sync::memory_use::guest));
  BELAY_ASSERT(irp != nullptr && "out of memory");
  format(irp, static_cast<USHORT>(size), stack_size);
  return add_record(make_vital<irp_record>(), irp, kind, site);
}

irp_record* find_record(PIRP irp) {
  const guard hold(io().lock);
  return find_locked(irp);
}

bool was_freed(PIRP irp) { return find_grave(irp) != nullptr; }

irp_record* require_irp(PIRP irp, const char* what) {
  irp_record* record = find_record(irp);
  if (record == nullptr) {
    if (was_freed(irp)) {
      kernel::fail("WDM-IRP-010", "", 0xC9, {0x1, reinterpret_cast<std::uint64_t>(irp), 0, 0}, irp,
                   "%s was given the IRP %p, which has been freed", what,
                   static_cast<const void*>(irp));
    }
    kernel::fail("WDM-IRP-034", "", 0xC9, {0x1, reinterpret_cast<std::uint64_t>(irp), 0, 0}, irp,
                 "%s was given %p, which is no IRP", what, static_cast<const void*>(irp));
  }
  if (state_of(record) == irp_state::completed) {
    kernel::fail("WDM-IRP-001", "IrpProcessingComplete", 0xC9,
                 {0x1, reinterpret_cast<std::uint64_t>(irp), 0, 0}, irp,
                 "%s was given the IRP %p after its completion", what,
                 static_cast<const void*>(irp));
  }
  sync::touch(irp, sizeof(IRP), sync::access_kind::update);
  check_cancel_flag(record, irp);
  return record;
}

irp_record* adopt_irp(PIRP irp, const void* site) {
  if (irp_record* old = find_record(irp)) bury(old);
  return add_record(make_vital<irp_record>(), irp, irp_kind::in_place, site);
}

void release_record(irp_record* record) {
  irp_record* dead = nullptr;
  {
    const guard hold(io().lock);
    if (--record->references == 0) dead = record;
  }
  if (dead != nullptr) sync::deallocate(dead);
}

void free_irp(irp_record* record) {
  PIRP irp = record->irp;
  const bool own_memory = record->kind != irp_kind::in_place;
  set_state(record, irp_state::freed);
  if (record->system_buffer != nullptr) sync::deallocate(record->system_buffer);
  record->system_buffer = nullptr;
  if (record->mdl != nullptr) IoFreeMdl(record->mdl);
  record->mdl = nullptr;
  bury(record);
  if (own_memory) sync::deallocate(irp);
}

void visit_irps(bool (*visit)(void* context, const irp_view&), void* context) {
  if (!started()) return;
  for (const irp_record* r = io().first; r != nullptr; r = r->next) {
    if (r->kind == irp_kind::in_place && r->state != irp_state::queued) continue;
    irp_view view;
    view.irp = r->irp;
    view.state = r->state;
    view.thread = r->thread;
    view.owner = owner_of(r->block);
    view.creator = r->creator;
    view.device = r->device;
    view.major = r->major;
    if (r->state != irp_state::completed) {
      view.cancel_requested = cancel_flag(r->irp);
      view.routine_armed = cancel_routine(r->irp) != nullptr;
      if (view.state == irp_state::queued && view.routine_armed) view.state = irp_state::armed;
    }
    view.site = r->site;
    if (!visit(context, view)) return;
  }
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

PIRP NTAPI IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota) {
  BELAY_EXPORT(IoAllocateIrp, nullptr);
  (void)ChargeQuota;
  wdm::irp_record* record = wdm::make_irp(StackSize, wdm::irp_kind::allocated, BELAY_SITE);
  if (record == nullptr) return nullptr;
  record->irp->AllocationFlags = IRP_ALLOCATED_FIXED_SIZE;
  return record->irp;
}

PIRP NTAPI IoAllocateIrpEx(PDEVICE_OBJECT DeviceObject, CCHAR StackSize, BOOLEAN ChargeQuota) {
  (void)DeviceObject;
  return IoAllocateIrp(StackSize, ChargeQuota);
}

VOID NTAPI IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize) {
  BELAY_EXPORT(IoInitializeIrp, Irp);
  BELAY_CONTRACT(PacketSize >= wdm::size_of_irp(StackSize), "WDM-IRP-011", "", 0,
                 (reinterpret_cast<std::uint64_t>(Irp), PacketSize, 0, 0), Irp,
                 "IoInitializeIrp: a packet of %u bytes has no room for %d stack locations",
                 PacketSize, StackSize);
  sync::touch(Irp, PacketSize, sync::access_kind::write);
  wdm::irp_record* record = wdm::find_record(Irp);
  if (record == nullptr || record->kind == wdm::irp_kind::in_place) {
    BELAY_CONTRACT(record == nullptr || wdm::state_of(record) == wdm::irp_state::allocated,
                   "WDM-CANCEL-022", "IoReuseIrp2", 0xC9,
                   (0x310, wdm::word(BELAY_SITE), wdm::word(Irp), 0), Irp,
                   "IoInitializeIrp: the IRP %p is still with the driver it was sent to",
                   static_cast<const void*>(Irp));
    wdm::format(Irp, PacketSize, StackSize);
    wdm::adopt_irp(Irp, BELAY_SITE);
  } else {
    kernel::fail("WDM-CANCEL-022", "IoReuseIrp", 0xC9,
                 {0x20D, wdm::word(BELAY_SITE), wdm::word(Irp), 0}, Irp,
                 "IoInitializeIrp for the IRP %p, which is not the driver's own memory; IoReuseIrp "
                 "starts an IRP from IoAllocateIrp afresh",
                 static_cast<const void*>(Irp));
  }
}

VOID NTAPI IoReuseIrp(PIRP Irp, NTSTATUS Iostatus) {
  BELAY_EXPORT(IoReuseIrp, Irp);
  wdm::irp_record* record = wdm::require_irp(Irp, "IoReuseIrp");
  BELAY_CONTRACT(record->kind == wdm::irp_kind::allocated, "WDM-CANCEL-022", "IoReuseIrp", 0xC9,
                 (0x311, wdm::word(BELAY_SITE), wdm::word(Irp), 0), Irp,
                 "IoReuseIrp is for IRPs from IoAllocateIrp only; %p is none",
                 static_cast<const void*>(Irp));
  BELAY_CONTRACT(wdm::state_of(record) == wdm::irp_state::allocated, "WDM-CANCEL-022",
                 "IoReuseIrp2", 0xC9, (0x310, wdm::word(BELAY_SITE), wdm::word(Irp), 0), Irp,
                 "IoReuseIrp: the IRP %p is still with the driver it was sent to (%s)",
                 static_cast<const void*>(Irp), wdm::name_of(wdm::state_of(record)));
  const UCHAR flags = Irp->AllocationFlags;
  wdm::format(Irp, Irp->Size, Irp->StackCount);
  Irp->AllocationFlags = flags;
  Irp->IoStatus.Status = Iostatus;
  wdm::set_cancelled(record, false);
  wdm::set_state(record, wdm::irp_state::allocated, BELAY_SITE);
}

VOID NTAPI IoFreeIrp(PIRP Irp) {
  BELAY_EXPORT(IoFreeIrp, Irp);
  wdm::irp_record* record = wdm::require_irp(Irp, "IoFreeIrp");
  const bool drivers = record->kind == wdm::irp_kind::allocated ||
                       record->kind == wdm::irp_kind::asynchronous ||
                       record->kind == wdm::irp_kind::associated;
  const bool on_thread = record->kind == wdm::irp_kind::synchronous;
  BELAY_CONTRACT(
      !on_thread, "WDM-FILE-008", "IoBuildSynchronousFsdRequestNoFree", 0xC9,
      (0x20C, wdm::word(BELAY_SITE), wdm::word(Irp), 0), Irp,
      "IoFreeIrp: the IRP %p is queued to a thread; the I/O manager frees it when it is completed",
      static_cast<const void*>(Irp));
  BELAY_CONTRACT(
      drivers, "WDM-IRP-028", "IoAllocateFree", 0xC9,
      (0x20B, wdm::word(BELAY_SITE), wdm::word(Irp), 0), Irp,
      "IoFreeIrp: the IRP %p belongs to %s, which frees it", static_cast<const void*>(Irp),
      record->kind == wdm::irp_kind::in_place ? "the driver's own memory" : "the I/O manager");
  BELAY_CONTRACT(wdm::state_of(record) == wdm::irp_state::allocated, "WDM-IRP-028",
                 "IoAllocateFree", 0xC9, (0x20B, wdm::word(BELAY_SITE), wdm::word(Irp), 0), Irp,
                 "IoFreeIrp: the IRP %p is still in use (%s)", static_cast<const void*>(Irp),
                 wdm::name_of(wdm::state_of(record)));
  wdm::free_irp(record);
}

}  // extern "C"
