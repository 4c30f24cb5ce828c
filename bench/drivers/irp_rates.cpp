// A read that a driver keeps in its queue, and that is completed or cancelled, in process, while
// others wait in the same queue: how much of each costs, and does it grow with how many wait.
#include <cstdio>
#include <deque>
#include <optional>

#include <benchmark/benchmark.h>

#include "wdm/io_manager.hpp"

// clang-format off: last, because it defines `try` and the like.
#include <ntifs.h>
// clang-format on

namespace {

using namespace belay;

KSPIN_LOCK queue_lock;
LIST_ENTRY queue;

void finish(PIRP irp, NTSTATUS status) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = 0;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
}

VOID cancel_read(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  KIRQL irql;
  KeAcquireSpinLock(&queue_lock, &irql);
  RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  KeReleaseSpinLock(&queue_lock, irql);
  finish(irp, STATUS_CANCELLED);
}

NTSTATUS read_device(PDEVICE_OBJECT, PIRP irp) {
  KIRQL irql;
  KeAcquireSpinLock(&queue_lock, &irql);
  InsertTailList(&queue, &irp->Tail.Overlay.ListEntry);
  IoMarkIrpPending(irp);
  IoSetCancelRoutine(irp, &cancel_read);
  bool cancelled = irp->Cancel && IoSetCancelRoutine(irp, nullptr) != nullptr;
  if (cancelled) RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  KeReleaseSpinLock(&queue_lock, irql);
  if (cancelled) finish(irp, STATUS_CANCELLED);
  return STATUS_PENDING;
}

// Completes the youngest.
void complete_one() {
  KIRQL irql;
  KeAcquireSpinLock(&queue_lock, &irql);
  PIRP irp = CONTAINING_RECORD(RemoveTailList(&queue), IRP, Tail.Overlay.ListEntry);
  IoSetCancelRoutine(irp, nullptr);
  KeReleaseSpinLock(&queue_lock, irql);
  finish(irp, STATUS_SUCCESS);
}

NTSTATUS succeed(PDEVICE_OBJECT, PIRP irp) {
  finish(irp, STATUS_SUCCESS);
  return STATUS_SUCCESS;
}

NTSTATUS driver_entry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
  KeInitializeSpinLock(&queue_lock);
  InitializeListHead(&queue);
  for (const int major : {IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE}) {
    driver->MajorFunction[major] = &succeed;
  }
  driver->MajorFunction[IRP_MJ_READ] = &read_device;
  driver->DriverUnload = [](PDRIVER_OBJECT self) { IoDeleteDevice(self->DeviceObject); };
  PDEVICE_OBJECT device = nullptr;
  const NTSTATUS status =
      IoCreateDevice(driver, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
  if (NT_SUCCESS(status)) device->Flags |= DO_BUFFERED_IO;
  return status;
}

/// The driver with so many reads waiting.
class busy_driver {
 public:
  explicit busy_driver(std::int64_t waiting) {
    wdm::start();
    loaded_ = wdm::load_driver(&driver_entry, "bench");
    opened_ = wdm::open(loaded_.driver->DeviceObject);
    for (std::int64_t i = 0; i < waiting; ++i) waiting_.emplace_back(options()).start();
  }
  ~busy_driver() {
    for (wdm::request& each : waiting_) each.cancel();
    waiting_.clear();
    wdm::close_handle(opened_.file);
    wdm::unload_driver(loaded_.driver);
    wdm::stop();
  }
  wdm::request_options options() {
    wdm::request_options out;
    out.file = opened_.file;
    out.output_size = 64;
    out.over = [](wdm::request&, void*) {};
    return out;
  }

 private:
  wdm::load_result loaded_;
  wdm::open_result opened_;
  std::deque<wdm::request> waiting_;
};

void create_pend_complete(benchmark::State& state) {
  busy_driver driver(state.range(0) - 1);
  for (auto _ : state) {
    wdm::request read(driver.options());
    read.start();
    complete_one();
  }
}

void create_pend_cancel(benchmark::State& state) {
  busy_driver driver(state.range(0) - 1);
  for (auto _ : state) {
    wdm::request read(driver.options());
    read.start();
    read.cancel();
  }
}

BENCHMARK(create_pend_complete)->RangeMultiplier(10)->Range(1, 10000);
BENCHMARK(create_pend_cancel)->RangeMultiplier(10)->Range(1, 10000);

}  // namespace

BENCHMARK_MAIN();
