// A request with `over`: completion, cancel and the end of the packet, in every interleaving.
#include <gtest/gtest.h>

#include "explore/explore.hpp"
#include "wdm/io_manager.hpp"

// clang-format off: last, because it defines `try` and the like.
#include <ntifs.h>
// clang-format on

namespace belay::test {
namespace {

PIRP held = nullptr;
int over_calls = 0;
NTSTATUS over_status = 0;
int routine_calls = 0;

VOID cancel_read(PDEVICE_OBJECT, PIRP irp) {
  ++routine_calls;
  IoReleaseCancelSpinLock(irp->CancelIrql);
  irp->IoStatus.Status = STATUS_CANCELLED;
  irp->IoStatus.Information = 0;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
}

NTSTATUS keep(PDEVICE_OBJECT, PIRP irp) {
  held = irp;
  IoMarkIrpPending(irp);
  IoSetCancelRoutine(irp, &cancel_read);
  return STATUS_PENDING;
}

NTSTATUS succeed(PDEVICE_OBJECT, PIRP irp) {
  irp->IoStatus.Status = STATUS_SUCCESS;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return STATUS_SUCCESS;
}

NTSTATUS entry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
  for (const int major : {IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_WRITE}) {
    driver->MajorFunction[major] = &succeed;
  }
  driver->MajorFunction[IRP_MJ_READ] = &keep;
  driver->DriverUnload = [](PDRIVER_OBJECT self) { IoDeleteDevice(self->DeviceObject); };
  PDEVICE_OBJECT device = nullptr;
  return IoCreateDevice(driver, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}

// One read that is pending, what completes it, and two who cancel it.
struct race {
  wdm::load_result loaded;
  wdm::open_result opened;
  alignas(wdm::request) unsigned char memory[sizeof(wdm::request)];
  wdm::request& read() { return *reinterpret_cast<wdm::request*>(memory); }

  void begin() {
    held = nullptr;
    over_calls = routine_calls = 0;
    wdm::start();
    loaded = wdm::load_driver(&entry, "race");
    opened = wdm::open(loaded.driver->DeviceObject);
    wdm::request_options options;
    options.file = opened.file;
    options.over = [](wdm::request& self, void*) {
      ++over_calls;
      over_status = self.status();
      explore::require(self.irp() == nullptr, "the packet is gone when the request is over");
    };
    new (memory) wdm::request(options);
    explore::require(read().start() == STATUS_PENDING, "the read is pending");
  }
  void end() {
    explore::require(over_calls == 1, "over is called once");
    read().~request();
    wdm::close_handle(opened.file);
    wdm::unload_driver(loaded.driver);
  }
};

void explore_race(int cancels, std::uint64_t executions) {
  race world;
  sync::guest().forget_images();
  sync::guest().add_image(reinterpret_cast<std::uintptr_t>(&held), sizeof held);
  explore::program_under_test program;
  program.actor("user", [&] {
    world.begin();
    static race* shared = nullptr;
    shared = &world;
    sync::actor_id others[3];
    int count = 0;
    others[count++] = sync::spawn(
        {.name = "completer"},
        [](void*) {
          PIRP irp = held;
          if (IoSetCancelRoutine(irp, nullptr) == nullptr) return;
          irp->IoStatus.Status = STATUS_SUCCESS;
          IoCompleteRequest(irp, IO_NO_INCREMENT);
        },
        nullptr);
    for (int i = 0; i < cancels; ++i) {
      others[count++] = sync::spawn(
          {.name = "canceller"}, [](void*) { shared->read().cancel(); }, nullptr);
    }
    for (int i = 0; i < count; ++i) sync::join(others[i]);
    world.end();
  });
  program.after([&] {
    explore::require(over_calls == 1, "over is called once");
    explore::require((over_status == STATUS_CANCELLED) == (routine_calls == 1),
                     "the routine and the status agree");
  });
  const auto all = explore::exhaust(program, {.bound = 3});
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_EQ(all.executions, executions);
}

// WDM-FILE-004
TEST(over_explored, completion_against_one_cancel) { explore_race(1, 50); }
TEST(over_explored, completion_against_two_cancels) { explore_race(2, 848); }

}  // namespace
}  // namespace belay::test
