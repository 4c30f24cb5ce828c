#include "probe.hpp"

#include <cstring>

#include "kernel/executive.hpp"
#include "wdm/io_manager.hpp"
#include "win32/process.hpp"

// clang-format off: last, because it defines `try` and the like.
#include <ntifs.h>
// clang-format on

namespace belay::test::probe {
namespace {

struct {
  _DRIVER_OBJECT* driver = nullptr;
  LIST_ENTRY queue;
  KSPIN_LOCK lock;
  answer next;
  bool creates_pend = false;
  bool creates_share = false;
  SHARE_ACCESS shared;
  NTSTATUS create_status = STATUS_SUCCESS;
  ULONG_PTR create_information = 0;
  create_asked asked;
  bool late = false;
  volatile LONG pending = 0;
  volatile LONG cancels = 0;
  std::vector<int> seen;
} state;

UNICODE_STRING text(const WCHAR* literal) {
  UNICODE_STRING out;
  RtlInitUnicodeString(&out, literal);
  return out;
}

NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information = 0) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = information;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

VOID on_cancel(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  KIRQL irql;
  KeAcquireSpinLock(&state.lock, &irql);
  RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  KeReleaseSpinLock(&state.lock, irql);
  InterlockedIncrement(&state.cancels);
  InterlockedDecrement(&state.pending);
  complete(irp, STATUS_CANCELLED);
}

NTSTATUS keep(PIRP irp) {
  KIRQL irql;
  KeAcquireSpinLock(&state.lock, &irql);
  IoMarkIrpPending(irp);
  InterlockedIncrement(&state.pending);
  InsertTailList(&state.queue, &irp->Tail.Overlay.ListEntry);
  IoSetCancelRoutine(irp, &on_cancel);
  const bool gone = !state.late && irp->Cancel && IoSetCancelRoutine(irp, nullptr) != nullptr;
  if (gone) RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  KeReleaseSpinLock(&state.lock, irql);
  if (gone) {
    InterlockedDecrement(&state.pending);
    complete(irp, STATUS_CANCELLED);
  }
  return STATUS_PENDING;
}

NTSTATUS on_control(PIRP irp, PIO_STACK_LOCATION stack) {
  const answer what = state.next;
  const ULONG room = stack->Parameters.DeviceIoControl.OutputBufferLength;
  if (room >= 3) std::memcpy(irp->AssociatedIrp.SystemBuffer, "ghi", 3);
  if (what.pending) IoMarkIrpPending(irp);
  complete(irp, what.status, room >= 3 ? 3 : 0);
  return what.returned;
}

NTSTATUS on_create(PIRP irp, PIO_STACK_LOCATION stack) {
  const auto& create = stack->Parameters.Create;
  PFILE_OBJECT file = stack->FileObject;
  const std::uint32_t access = create.SecurityContext->DesiredAccess;
  state.asked = {access,
                 create.ShareAccess,
                 create.Options >> 24,
                 create.Options & 0xffffff,
                 create.FileAttributes,
                 file->Flags,
                 {}};
  for (int i = 0; i < file->FileName.Length / 2; ++i) {
    state.asked.name += static_cast<char16_t>(file->FileName.Buffer[i]);
  }
  if (state.creates_pend) return keep(irp);
  if (!state.creates_share) return complete(irp, state.create_status, state.create_information);
  return complete(irp, IoCheckShareAccess(access, create.ShareAccess, file, &state.shared, TRUE));
}

NTSTATUS on_any(PDEVICE_OBJECT, PIRP irp) {
  const PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
  state.seen.push_back(stack->MajorFunction);
  switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
      return on_create(irp, stack);
    case IRP_MJ_READ:
      return keep(irp);
    case IRP_MJ_WRITE:
      return complete(irp, STATUS_SUCCESS, stack->Parameters.Write.Length);
    case IRP_MJ_DEVICE_CONTROL:
      return on_control(irp, stack);
    case IRP_MJ_CLEANUP:
      if (state.creates_share) IoRemoveShareAccess(stack->FileObject, &state.shared);
      while (complete_oldest(STATUS_CANCELLED)) InterlockedIncrement(&state.cancels);
      return complete(irp, STATUS_SUCCESS);
    default:
      return complete(irp, STATUS_SUCCESS);
  }
}

VOID unload(PDRIVER_OBJECT driver) {
  UNICODE_STRING link = text(L"\\??\\Probe");
  IoDeleteSymbolicLink(&link);
  IoDeleteDevice(driver->DeviceObject);
}

NTSTATUS entry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
  UNICODE_STRING name = text(L"\\Device\\Probe");
  UNICODE_STRING link = text(L"\\??\\Probe");
  PDEVICE_OBJECT device = nullptr;
  const NTSTATUS status = IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
  if (!NT_SUCCESS(status)) return status;
  device->Flags |= DO_BUFFERED_IO;
  for (auto& routine : driver->MajorFunction) routine = &on_any;
  driver->DriverUnload = &unload;
  return IoCreateSymbolicLink(&link, &name);
}

}  // namespace

void start() {
  wdm::start();
  state.seen.clear();
  state.next = {};
  state.creates_pend = state.creates_share = state.late = false;
  state.shared = {};
  state.create_status = STATUS_SUCCESS;
  state.create_information = 0;
  state.asked = {};
  state.pending = 0;
  state.cancels = 0;
  InitializeListHead(&state.queue);
  KeInitializeSpinLock(&state.lock);
  state.driver = wdm::load_driver(&entry, "probe").driver;
  win32::start();
}

void stop() {
  win32::stop();
  wdm::unload_driver(state.driver);
  wdm::stop();
}

void set_answer(const answer& what) { state.next = what; }
void pend_creates(bool on) { state.creates_pend = on; }
void share_creates(bool on) { state.creates_share = on; }
void set_create_answer(std::int32_t status, std::uint64_t information) {
  state.create_status = status;
  state.create_information = information;
}
const create_asked& last_create() { return state.asked; }
void arm_late(bool on) { state.late = on; }

bool complete_oldest(std::int32_t status, std::uint64_t information) {
  PIRP found = nullptr;
  KIRQL irql;
  KeAcquireSpinLock(&state.lock, &irql);
  for (PLIST_ENTRY at = state.queue.Flink; at != &state.queue && found == nullptr; at = at->Flink) {
    PIRP irp = CONTAINING_RECORD(at, IRP, Tail.Overlay.ListEntry);
    if (IoSetCancelRoutine(irp, nullptr) == nullptr) continue;  // its cancel routine has it
    RemoveEntryList(at);
    found = irp;
    break;
  }
  KeReleaseSpinLock(&state.lock, irql);
  if (found == nullptr) return false;
  InterlockedDecrement(&state.pending);
  if (found->AssociatedIrp.SystemBuffer != nullptr && information >= 3) {
    std::memcpy(found->AssociatedIrp.SystemBuffer, "abc", 3);
  }
  complete(found, status, information);
  return true;
}

int pending() { return InterlockedOr(&state.pending, 0); }
int cancels() { return InterlockedOr(&state.cancels, 0); }
const std::vector<int>& seen() { return state.seen; }

}  // namespace belay::test::probe
