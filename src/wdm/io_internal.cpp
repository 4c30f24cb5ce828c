// Packets that the I/O manager sends for itself and waits for: create, cleanup, close, shutdown.
//
// Thread safety: any actor at PASSIVE_LEVEL.
// Contract: WDM-IRP-002
#include <cstdio>

#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

ULONG flags_of(UCHAR major) {
  switch (major) {
    case IRP_MJ_CREATE:
      return IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API;
    case IRP_MJ_CLOSE:
      return IRP_CLOSE_OPERATION | IRP_SYNCHRONOUS_API;
    default:
      return IRP_SYNCHRONOUS_API;
  }
}

// IoCancelIrp on a packet that stays until this has returned: its sender waits in disarm().
struct packet_canceller : notify_routine {
  explicit packet_canceller(irp_record* what) : notify_routine(&run), record(what) {}
  static void run(routine& self, belay::reason) noexcept {
    irp_record* record = static_cast<packet_canceller&>(self).record;
    if (state_of(record) == irp_state::completed) return;
    const sync::unsealed open;
    cancel_irp(record, record->irp, nullptr);
  }
  irp_record* record;
};

// Explored, five minutes of virtual time go by only when nothing else is left to do.
sync::nanoseconds patience() {
#if defined(BELAY_EXPLORED)
  return sync::now() + rundown_limit;
#else
  return sync::forever;
#endif
}

[[noreturn]] void report_kept(const irp_record* record, PIRP irp) {
  kernel::violation what;
  what.clause = "WDM-IRP-002";
  what.parameter[0] = word(irp);
  what.object = irp;
  what.site = record->site;
  std::snprintf(what.text, sizeof(what.text),
                "the driver has the IRP %p (major function %u) and will not complete it: five "
                "minutes later nothing else is left to do",
                static_cast<const void*>(irp), record->major);
  kernel::report(what);
}

}  // namespace

IO_STATUS_BLOCK send_and_wait(PDEVICE_OBJECT device, PFILE_OBJECT file, UCHAR major, UCHAR minor,
                              const IO_STACK_LOCATION* parameters, KPROCESSOR_MODE mode,
                              belay::operation* cancel, std::uint64_t process_id) {
  const sync::sealed seal;
  IO_STATUS_BLOCK none{};
  none.Status = STATUS_INSUFFICIENT_RESOURCES;
  // A handle can be closed, and a device removed, without memory; only opening one can fail.
  irp_record* record = major == IRP_MJ_CREATE
                           ? make_irp(device->StackSize, irp_kind::internal, nullptr)
                           : make_vital_irp(device->StackSize, irp_kind::internal, nullptr);
  if (record == nullptr) return none;
  packet_waiter waiter;
  record->waiter = &waiter;
  record->thread = sync::self();
  record->process_id = process_id;
  PIRP irp = record->irp;
  irp->Flags = flags_of(major);
  irp->RequestorMode = mode;
  irp->Tail.Overlay.OriginalFileObject = file;
  irp->Tail.Overlay.Thread = current_thread();
  if (major == IRP_MJ_PNP || major == IRP_MJ_POWER || major == IRP_MJ_SYSTEM_CONTROL) {
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;  // what nobody knows comes back like this
  }
  PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
  if (parameters != nullptr) next->Parameters = parameters->Parameters;
  next->MajorFunction = major;
  next->MinorFunction = minor;
  next->FileObject = file;
  packet_canceller canceller(record);
  // A request that came before it was armed finds the packet here.
  if (cancel != nullptr && !cancel->arm(canceller)) {
    irp->Cancel = TRUE;
    set_cancelled(record, true);
  }
  call_driver(device, irp);
  if (!waiter.parking.park(patience())) report_kept(record, irp);
  if (cancel != nullptr) cancel->disarm(canceller);
  const IO_STATUS_BLOCK result = waiter.result;
  free_irp(record);
  return result;
}

}  // namespace belay::inline BELAY_BUILD::wdm
