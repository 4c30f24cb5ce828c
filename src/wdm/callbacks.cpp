// A driver's callbacks one by one, and the model of the drivers beneath.
//
// Thread safety and invariants: see callbacks.hpp.
#include "wdm/callbacks.hpp"

#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

constexpr ULONG transfer_size = 64;

NTSTATUS end_below(PIRP irp, NTSTATUS status) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = 0;
  complete_irp(find_record(irp), irp);
  return status;
}

VOID NTAPI end_later(PKDPC, PVOID irp, PVOID, PVOID) {
  const sync::sealed seal;
  end_below(static_cast<PIRP>(irp), STATUS_SUCCESS);
}

NTSTATUS NTAPI model_dispatch(PDEVICE_OBJECT, PIRP irp) {
  const sync::sealed seal;
  lower_model& model = *io().model;
  ++model.calls;
  if (model.answer == lower_answer::success) return end_below(irp, STATUS_SUCCESS);
  if (model.answer == lower_answer::failure) return end_below(irp, STATUS_UNSUCCESSFUL);
  auto* dpc = make<KDPC>(sync::memory_use::guest);
  KeInitializeDpc(dpc, &end_later, irp);
  IoMarkIrpPending(irp);
  KeInsertQueueDpc(dpc, nullptr, nullptr);
  return STATUS_PENDING;
}

sync::nanoseconds one_second() { return sync::now() + 1'000'000'000; }

const device_extra* extra_of(const _DEVICE_OBJECT* device) {
  return wdm::extra_of(const_cast<PDEVICE_OBJECT>(device));
}

bool is_leaving(PDEVICE_OBJECT device) { return extra_of(device)->delete_pending; }

bool transfers(UCHAR major) {
  switch (major) {
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
    case IRP_MJ_QUERY_INFORMATION:
    case IRP_MJ_SET_INFORMATION:
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
    case IRP_MJ_FLUSH_BUFFERS:
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
      return true;
    default:
      return false;
  }
}

callback_answer call_transfer(PFILE_OBJECT file, UCHAR major, ULONG control_code) {
  static constexpr UCHAR pattern[transfer_size] = {};
  request_options options;
  options.file = file;
  options.major = major;
  options.control_code = control_code;
  options.input = pattern;
  options.input_size = transfer_size;
  options.output_size = transfer_size;
  auto* one = new (sync::allocate(sizeof(request), sync::memory_use::internal)) request(options);
  one->start();
  callback_answer answer;
  answer.completed = one->wait(one_second());
  if (answer.completed) answer.status = one->status();
  return answer;
}

void describe(PIO_STACK_LOCATION next, UCHAR major) {
  next->MajorFunction = major;
  switch (major) {
    case IRP_MJ_PNP:
      next->MinorFunction = IRP_MN_START_DEVICE;
      return;
    case IRP_MJ_POWER:
      next->MinorFunction = IRP_MN_SET_POWER;
      next->Parameters.Power.Type = SystemPowerState;
      next->Parameters.Power.State.SystemState = PowerSystemSleeping3;
      next->Parameters.Power.ShutdownType = PowerActionSleep;
      return;
    case IRP_MJ_SYSTEM_CONTROL:
      next->MinorFunction = IRP_MN_REGINFO;
      return;
    default:
      return;
  }
}

callback_answer wait_for(packet_waiter* waiter) {
  callback_answer answer;
  answer.completed = waiter->parking.park(one_second());
  if (answer.completed) answer.status = waiter->result.Status;
  return answer;
}

// The packet and who waits for it stay: the driver may keep them.
irp_record* make_packet(PDEVICE_OBJECT device, PFILE_OBJECT file, UCHAR major) {
  irp_record* record = make_irp(device->StackSize, irp_kind::internal, nullptr);
  record->waiter = make<packet_waiter>(sync::memory_use::internal);
  record->thread = sync::self();
  PIRP irp = record->irp;
  irp->Flags = IRP_SYNCHRONOUS_API;
  irp->RequestorMode = KernelMode;
  irp->Tail.Overlay.OriginalFileObject = file;
  irp->Tail.Overlay.Thread = current_thread();
  if (file == nullptr) irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
  PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
  describe(next, major);
  next->FileObject = file;
  return record;
}

PDEVICE_OBJECT device_number(const _DRIVER_OBJECT* driver, int index) {
  PDEVICE_OBJECT device = driver->DeviceObject;
  while (device != nullptr && index-- > 0) device = device->NextDevice;
  return device;
}

}  // namespace

PDRIVER_DISPATCH model_for(const irp_record* record) {
  const bool ours = record->kind == irp_kind::internal || record->kind == irp_kind::user;
  return io().model != nullptr && ours && record->calls != 0 ? &model_dispatch : nullptr;
}

void answer_from_below(lower_answer answer) {
  io().model->answer = answer;
  io().model->calls = 0;
}

void model_lower_driver(bool devices) {
  auto* model = make<lower_model>(sync::memory_use::internal);
  model->devices = devices;
  io().model = model;
}

std::uint32_t lower_calls() { return io().model == nullptr ? 0 : io().model->calls; }

driver_callbacks callbacks_of(const _DRIVER_OBJECT* driver) {
  const sync::sealed seal;
  driver_callbacks out;
  for (std::uint8_t major = 0; major <= IRP_MJ_MAXIMUM_FUNCTION; ++major) {
    if (!serves(driver, major)) continue;
    out.dispatch[major] = reinterpret_cast<const void*>(driver->MajorFunction[major]);
  }
  out.add_device = reinterpret_cast<const void*>(driver->DriverExtension->AddDevice);
  out.unload = reinterpret_cast<const void*>(driver->DriverUnload);
  for (int i = 0; i < 4; ++i) {
    const PDEVICE_OBJECT device = device_number(driver, i);
    if (device == nullptr) break;
    out.dpc[i] = reinterpret_cast<const void*>(device->Dpc.DeferredRoutine);
  }
  return out;
}

_DEVICE_OBJECT* device_to_call(const _DRIVER_OBJECT* driver) {
  PDEVICE_OBJECT first = nullptr;
  for (PDEVICE_OBJECT d = driver->DeviceObject; d != nullptr; d = d->NextDevice) {
    if (is_leaving(d)) continue;
    if (extra_of(d)->attached_to != nullptr) return top_of(d);
    first = d;  // the list begins with the youngest
  }
  return first;
}

_FILE_OBJECT* make_unopened_file(_DEVICE_OBJECT* device) {
  const sync::sealed seal;
  InterlockedIncrement(&device->ReferenceCount);
  return make_file(device, nullptr);
}

callback_answer call_dispatch(_DEVICE_OBJECT* device, _FILE_OBJECT* file, std::uint8_t major,
                              std::uint32_t control_code) {
  const sync::sealed seal;
  if (transfers(major)) return call_transfer(file, major, control_code);
  irp_record* record = make_packet(device, file, major);
  packet_waiter* waiter = record->waiter;
  call_driver(device, record->irp);
  return wait_for(waiter);
}

callback_answer call_dpc(const _DRIVER_OBJECT* driver, int index) {
  const sync::sealed seal;
  PDEVICE_OBJECT device = device_number(driver, index);
  irp_record* record = make_packet(device, make_unopened_file(device), IRP_MJ_READ);
  packet_waiter* waiter = record->waiter;
  PIRP irp = record->irp;
  --irp->CurrentLocation;
  PIO_STACK_LOCATION stack = --irp->Tail.Overlay.CurrentStackLocation;
  stack->DeviceObject = device;
  stack->Control |= SL_PENDING_RETURNED;
  record->top = irp->CurrentLocation;
  record->device = device;
  record->major = IRP_MJ_READ;
  record->calls = 1;
  set_state(record, irp_state::queued);
  device->CurrentIrp = irp;
  if (device->DriverObject->DriverStartIo != nullptr) device->DeviceQueue.Busy = TRUE;
  KeInsertQueueDpc(&device->Dpc, irp, nullptr);
  return wait_for(waiter);
}

}  // namespace belay::inline BELAY_BUILD::wdm
