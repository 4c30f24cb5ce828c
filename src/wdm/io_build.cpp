// IRPs that drivers build: for a read, a write or a control request, on their own thread or on
// none; associated IRPs; and sending one and waiting for it.
//
// Thread safety: the caller owns what it builds until it sends it.
// Contract: WDM-FILE-008, WDM-IRP-030, WDM-IRP-034
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

bool carries_data(ULONG major) { return major == IRP_MJ_READ || major == IRP_MJ_WRITE; }

// Gives the packet a system buffer with the content of the driver's. Returns: false without memory.
bool buffer(irp_record* record, PVOID from, ULONG content, ULONG size) {
  record->system_buffer = sync::allocate(size, sync::memory_use::guest);
  if (record->system_buffer == nullptr) return false;
  record->system_buffer_size = size;
  if (content != 0) {
    sync::touch(from, content, sync::access_kind::read);
    RtlCopyMemory(record->system_buffer, from, content);
  }
  record->irp->AssociatedIrp.SystemBuffer = record->system_buffer;
  record->irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
  return true;
}

bool describe(irp_record* record, PVOID memory, ULONG length) {
  record->mdl = IoAllocateMdl(memory, length, FALSE, FALSE, nullptr);
  if (record->mdl == nullptr) return false;
  MmBuildMdlForNonPagedPool(record->mdl);
  record->irp->MdlAddress = record->mdl;
  return true;
}

bool transfer(irp_record* record, PDEVICE_OBJECT device, ULONG major, PVOID memory, ULONG length) {
  PIRP irp = record->irp;
  if (length == 0) return true;
  if ((device->Flags & DO_BUFFERED_IO) != 0) {
    const bool write = major == IRP_MJ_WRITE;
    if (!buffer(record, memory, write ? length : 0, length)) return false;
    if (!write) irp->Flags |= IRP_INPUT_OPERATION;
    irp->UserBuffer = memory;
  } else if ((device->Flags & DO_DIRECT_IO) != 0) {
    return describe(record, memory, length);
  } else {
    irp->UserBuffer = memory;
  }
  return true;
}

irp_record* build_transfer(irp_kind kind, ULONG major, PDEVICE_OBJECT device, PVOID memory,
                           ULONG length, PLARGE_INTEGER offset, PIO_STATUS_BLOCK result,
                           const void* site) {
  irp_record* record = make_irp(device->StackSize, kind, site);
  if (record == nullptr) return nullptr;
  PIRP irp = record->irp;
  PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
  next->MajorFunction = static_cast<UCHAR>(major);
  if (carries_data(major)) {
    if (!transfer(record, device, major, memory, length)) {
      free_irp(record);
      return nullptr;
    }
    next->Parameters.Read.Length = length;
    if (offset != nullptr) next->Parameters.Read.ByteOffset = *offset;
  }
  irp->UserIosb = result;
  irp->Tail.Overlay.Thread = current_thread();
  return record;
}

void tie_to_thread(irp_record* record, PKEVENT event) {
  record->irp->UserEvent = event;
  record->thread = sync::self();
}

bool fill_control(irp_record* record, ULONG code, PVOID input, ULONG input_length, PVOID output,
                  ULONG output_length) {
  PIRP irp = record->irp;
  PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
  next->Parameters.DeviceIoControl.IoControlCode = code;
  next->Parameters.DeviceIoControl.InputBufferLength = input_length;
  next->Parameters.DeviceIoControl.OutputBufferLength = output_length;
  switch (code & 3) {
    case METHOD_BUFFERED:
      if (input_length == 0 && output_length == 0) return true;
      if (!buffer(record, input, input_length,
                  input_length > output_length ? input_length : output_length)) {
        return false;
      }
      irp->UserBuffer = output;
      if (output != nullptr) irp->Flags |= IRP_INPUT_OPERATION;
      return true;
    case METHOD_IN_DIRECT:
    case METHOD_OUT_DIRECT:
      if (input != nullptr && !buffer(record, input, input_length, input_length)) return false;
      return output == nullptr || output_length == 0 || describe(record, output, output_length);
    default:
      irp->UserBuffer = output;
      next->Parameters.DeviceIoControl.Type3InputBuffer = input;
      return true;
  }
}

// Sends a copy of the current location and waits until the packet has come back.
NTSTATUS NTAPI wake_sender(PDEVICE_OBJECT device, PIRP irp, PVOID context) {
  (void)device;
  (void)irp;
  static_cast<sync::parking*>(context)->unpark();
  return STATUS_MORE_PROCESSING_REQUIRED;
}

void send_and_catch(PDEVICE_OBJECT device, PIRP irp) {
  sync::parking back;
  IoSetCompletionRoutine(irp, &wake_sender, &back, TRUE, TRUE, TRUE);
  call_driver(device, irp);
  back.park(sync::forever);
}

}  // namespace

namespace {

// The packet's thread ends and is cancelling it: it will come back here.
bool leave_to_thread(irp_record* record) {
  const guard hold(io().lock);
  if (!record->pinned) return false;
  record->left_over = true;
  record->state = irp_state::completed;
  return true;
}

}  // namespace

// A synchronous packet has come to its end: what the special kernel APC does on Windows. The
// completing actor does it here, so a driver that still uses the packet is found at once.
void finish_synchronous_irp(irp_record* record, PIRP irp) {
  if (leave_to_thread(record)) return;
  const IO_STATUS_BLOCK result = irp->IoStatus;
  PKEVENT event = irp->UserEvent;
  if ((irp->Flags & IRP_INPUT_OPERATION) != 0 && record->system_buffer != nullptr &&
      irp->UserBuffer != nullptr && !NT_ERROR(result.Status)) {
    std::size_t size = static_cast<std::size_t>(result.Information);
    if (size > record->system_buffer_size) size = record->system_buffer_size;
    sync::touch(irp->UserBuffer, size, sync::access_kind::write);
    RtlCopyMemory(irp->UserBuffer, record->system_buffer, size);
  }
  if (irp->UserIosb != nullptr) {
    sync::touch(irp->UserIosb, sizeof(result), sync::access_kind::write);
    *irp->UserIosb = result;
  }
  set_state(record, irp_state::completed);
  {
    const guard hold(io().lock);
    ++record->references;
  }
  free_irp(record);  // from here on nobody finds it, so `rundown` stays as it is
  if (event != nullptr) kernel::set_event(event);
  if (record->rundown != nullptr) record->rundown->unpark();
  release_record(record);
}

void finish_associated_irp(irp_record* record, PIRP irp) {
  PIRP master = irp->AssociatedIrp.MasterIrp;
  set_state(record, irp_state::completed);
  free_irp(record);
  require_irp(master, "the completion of an associated IRP");
  sync::point(sync::access_kind::update, &master->AssociatedIrp.IrpCount, sizeof(LONG));
  if (InterlockedDecrement(&master->AssociatedIrp.IrpCount) == 0) IofCompleteRequest(master, 0);
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

PIRP NTAPI IoBuildAsynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                         PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                                         PIO_STATUS_BLOCK IoStatusBlock) {
  BELAY_EXPORT(IoBuildAsynchronousFsdRequest, DeviceObject);
  wdm::irp_record* record =
      wdm::build_transfer(wdm::irp_kind::asynchronous, MajorFunction, DeviceObject, Buffer, Length,
                          StartingOffset, IoStatusBlock, BELAY_SITE);
  return record == nullptr ? nullptr : record->irp;
}

PIRP NTAPI IoBuildSynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject,
                                        PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                                        PKEVENT Event, PIO_STATUS_BLOCK IoStatusBlock) {
  BELAY_EXPORT(IoBuildSynchronousFsdRequest, DeviceObject);
  wdm::irp_record* record =
      wdm::build_transfer(wdm::irp_kind::synchronous, MajorFunction, DeviceObject, Buffer, Length,
                          StartingOffset, IoStatusBlock, BELAY_SITE);
  if (record == nullptr) return nullptr;
  wdm::tie_to_thread(record, Event);
  return record->irp;
}

PIRP NTAPI IoBuildDeviceIoControlRequest(ULONG IoControlCode, PDEVICE_OBJECT DeviceObject,
                                         PVOID InputBuffer, ULONG InputBufferLength,
                                         PVOID OutputBuffer, ULONG OutputBufferLength,
                                         BOOLEAN InternalDeviceIoControl, PKEVENT Event,
                                         PIO_STATUS_BLOCK IoStatusBlock) {
  BELAY_EXPORT(IoBuildDeviceIoControlRequest, DeviceObject);
  const ULONG major =
      InternalDeviceIoControl ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL;
  wdm::irp_record* record = wdm::build_transfer(wdm::irp_kind::synchronous, major, DeviceObject,
                                                nullptr, 0, nullptr, IoStatusBlock, BELAY_SITE);
  if (record == nullptr) return nullptr;
  if (!wdm::fill_control(record, IoControlCode, InputBuffer, InputBufferLength, OutputBuffer,
                         OutputBufferLength)) {
    wdm::free_irp(record);
    return nullptr;
  }
  wdm::tie_to_thread(record, Event);
  return record->irp;
}

PIRP NTAPI IoMakeAssociatedIrp(PIRP Irp, CCHAR StackSize) {
  BELAY_EXPORT(IoMakeAssociatedIrp, Irp);
  wdm::require_irp(Irp, "IoMakeAssociatedIrp");
  wdm::irp_record* record = wdm::make_irp(StackSize, wdm::irp_kind::associated, BELAY_SITE);
  if (record == nullptr) return nullptr;
  record->irp->Flags |= IRP_ASSOCIATED_IRP;
  record->irp->AssociatedIrp.MasterIrp = Irp;
  record->irp->Tail.Overlay.Thread = Irp->Tail.Overlay.Thread;
  return record->irp;
}

NTSTATUS NTAPI IoSetCompletionRoutineEx(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                        PIO_COMPLETION_ROUTINE CompletionRoutine, PVOID Context,
                                        BOOLEAN InvokeOnSuccess, BOOLEAN InvokeOnError,
                                        BOOLEAN InvokeOnCancel) {
  BELAY_EXPORT(IoSetCompletionRoutineEx, Irp);
  BELAY_CONTRACT(wdm::is_device(DeviceObject), "WDM-IRP-030", "IoSetCompletionRoutineExCheck", 0,
                 (wdm::word(DeviceObject), 0, 0, 0), Irp,
                 "IoSetCompletionRoutineEx: %p is no device object that exists",
                 static_cast<const void*>(DeviceObject));
  const wdm::driver_call* call = wdm::innermost_call();
  BELAY_CONTRACT(call == nullptr || call->device == nullptr ||
                     call->device->DriverObject == DeviceObject->DriverObject,
                 "WDM-IRP-030", "IoSetCompletionRoutineExCheckDeviceObject", 0,
                 (wdm::word(DeviceObject), 0, 0, 0), Irp,
                 "IoSetCompletionRoutineEx with the device object %p of another driver: this one "
                 "may be unloaded before its completion routine has run",
                 static_cast<const void*>(DeviceObject));
  if (wdm::irp_record* record = wdm::find_record(Irp)) {
    const wdm::guard hold(wdm::io().lock);
    record->routine_registered = true;
  }
  // Windows keeps the driver loaded until the routine has returned; ours is not unloaded before.
  IoSetCompletionRoutine(Irp, CompletionRoutine, Context, InvokeOnSuccess, InvokeOnError,
                         InvokeOnCancel);
  return STATUS_SUCCESS;
}

BOOLEAN NTAPI IoForwardIrpSynchronously(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
  BELAY_EXPORT(IoForwardIrpSynchronously, Irp);
  wdm::require_irp(Irp, "IoForwardIrpSynchronously");
  if (Irp->CurrentLocation <= 1) return FALSE;
  IoCopyCurrentIrpStackLocationToNext(Irp);
  wdm::send_and_catch(DeviceObject, Irp);
  return TRUE;
}

NTSTATUS NTAPI IoSynchronousCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
  BELAY_EXPORT(IoSynchronousCallDriver, Irp);
  wdm::require_irp(Irp, "IoSynchronousCallDriver");
  wdm::send_and_catch(DeviceObject, Irp);
  return Irp->IoStatus.Status;
}

}  // extern "C"
