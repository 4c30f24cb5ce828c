// A driver that opens another one's device and cancels what it asked of it, in every interleaving:
// how many there are is pinned.
#include <functional>

#include <gtest/gtest.h>

#include "explore/explore.hpp"
#include "kernel/object.hpp"
#include "wdm/io_manager.hpp"

// clang-format off: last, because it defines `try` and the like.
#include <ntifs.h>
// clang-format on

namespace belay::test {
namespace {

using explore::require;

NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information = 0) {
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = information;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

/// An upper driver, which a client asks to write, and a lower one, which keeps reads until
/// `finish`.
struct two_drivers {
  static inline two_drivers* self = nullptr;

  std::function<void()> upper;  ///< in the upper driver's write
  wdm::load_result lower_driver, upper_driver;
  wdm::open_result client;
  PIRP held = nullptr;
  bool armed = true;  ///< the lower driver sets a cancel routine
  bool kept = false;  ///< … keeps the next read
  int finished = 0, cancelled = 0;
  KEVENT arrived;

  HANDLE file = nullptr;
  IO_STATUS_BLOCK block;
  char data[4];

  static VOID cancel_read(PDEVICE_OBJECT, PIRP irp) {
    ++self->cancelled;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    complete(irp, STATUS_CANCELLED);
  }
  static NTSTATUS keep(PDEVICE_OBJECT, PIRP irp) {
    self->held = irp;
    IoMarkIrpPending(irp);
    if (self->armed) IoSetCancelRoutine(irp, &cancel_read);
    KeSetEvent(&self->arrived, IO_NO_INCREMENT, FALSE);
    return STATUS_PENDING;
  }
  static NTSTATUS work(PDEVICE_OBJECT, PIRP irp) {
    self->upper();
    return complete(irp, STATUS_SUCCESS);
  }
  static NTSTATUS succeed(PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_SUCCESS); }
  static VOID unload(PDRIVER_OBJECT driver) { IoDeleteDevice(driver->DeviceObject); }

  static NTSTATUS prepare(PDRIVER_OBJECT driver, const WCHAR* name) {
    for (auto& routine : driver->MajorFunction) routine = &succeed;
    driver->DriverUnload = &unload;
    UNICODE_STRING wide;
    RtlInitUnicodeString(&wide, name);
    PDEVICE_OBJECT device = nullptr;
    const NTSTATUS status =
        IoCreateDevice(driver, 0, &wide, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (NT_SUCCESS(status)) device->Flags |= DO_BUFFERED_IO;
    return status;
  }
  static NTSTATUS lower_entry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
    const NTSTATUS status = prepare(driver, L"\\Device\\Lower");
    driver->MajorFunction[IRP_MJ_READ] = &keep;
    return status;
  }
  static NTSTATUS upper_entry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
    const NTSTATUS status = prepare(driver, L"\\Device\\Upper");
    driver->MajorFunction[IRP_MJ_WRITE] = &work;
    return status;
  }

  /// What completes the read that the lower driver keeps.
  static void finish(void*) {
    PIRP irp = self->held;
    if (self->armed && IoSetCancelRoutine(irp, nullptr) == nullptr) return;
    ++self->finished;
    complete(irp, STATUS_SUCCESS, 4);
  }
  static void finish_when_it_has_come(void*) {
    KeWaitForSingleObject(&self->arrived, Executive, KernelMode, FALSE, nullptr);
    finish(nullptr);
  }

  NTSTATUS open_lower(ULONG options) {
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, L"\\Device\\Lower");
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, nullptr, nullptr);
    return ZwCreateFile(&file, GENERIC_READ, &attributes, &block, nullptr, 0, 0, FILE_OPEN, options,
                        nullptr, 0);
  }
  NTSTATUS read(HANDLE event = nullptr) {
    LARGE_INTEGER start{};
    block.Status = STATUS_PENDING;
    return ZwReadFile(file, event, nullptr, nullptr, &block, data, sizeof data, &start, nullptr);
  }

  void begin() {
    self = this;
    held = nullptr;
    finished = cancelled = 0;
    wdm::start();
    KeInitializeEvent(&arrived, SynchronizationEvent, FALSE);
    lower_driver = wdm::load_driver(&lower_entry, "lower");
    upper_driver = wdm::load_driver(&upper_entry, "upper");
    client = wdm::open("\\Device\\Upper");
  }
  /// Nothing may be left: neither handle, file, event, packet nor device.
  void end() {
    wdm::close_handle(client.file);
    wdm::unload_driver(upper_driver.driver);
    wdm::unload_driver(lower_driver.driver);
    for (const kernel::object_header* each = kernel::the_executive().objects; each != nullptr;
         each = each->next) {
      require(each->type != &kernel::file_type && each->type != &kernel::event_type,
              "no file and no event is left");
    }
  }
};

void expect_holds(two_drivers& world, std::uint64_t executions, const std::function<void()>& body) {
  sync::guest().forget_images();
  sync::guest().add_image(reinterpret_cast<std::uintptr_t>(&world), sizeof world);
  explore::program_under_test program;
  program.check_races(false);
  program.actor("client", [&] {
    world.begin();
    body();
    world.end();
  });
  const auto all = explore::exhaust(program);
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_EQ(all.executions, executions);
}

// WDM-FILE-009, WDM-FILE-005: completion against the cancel of who asked.
TEST(zw_explored, a_read_of_another_driver_is_completed_or_cancelled_once) {
  two_drivers w;
  static int none_found;
  none_found = 0;
  w.upper = [&] {
    HANDLE event = nullptr;
    require(w.open_lower(0) == STATUS_SUCCESS, "the lower device is open");
    ZwCreateEvent(&event, EVENT_ALL_ACCESS, nullptr, NotificationEvent, FALSE);
    require(w.read(event) == STATUS_PENDING, "the read is pending");
    const sync::actor_id other = sync::spawn({.name = "completer"}, &two_drivers::finish, nullptr);
    IO_STATUS_BLOCK told;
    const NTSTATUS found = ZwCancelIoFileEx(w.file, &w.block, &told);
    require(found == STATUS_SUCCESS || found == STATUS_NOT_FOUND, "the cancel was asked for");
    ZwWaitForSingleObject(event, FALSE, nullptr);
    require(w.finished + w.cancelled == 1, "it has ended once");
    require(w.block.Status == (w.cancelled != 0 ? STATUS_CANCELLED : STATUS_SUCCESS),
            "and the status block says how");
    require(found == STATUS_SUCCESS || w.cancelled == 0, "what is not found is not cancelled");
    none_found += found == STATUS_NOT_FOUND;
    require(ZwCancelIoFileEx(w.file, nullptr, &told) == STATUS_NOT_FOUND, "nothing is left");
    sync::join(other);
    ZwClose(event);
    ZwClose(w.file);
  };
  expect_holds(w, 27, [&] {
    wdm::request write({.file = w.client.file, .major = IRP_MJ_WRITE});
    write.start();
    write.wait();
  });
  EXPECT_GT(none_found, 0) << "the completion comes first, too";
}

// WDM-FILE-009: the client's cancel does not reach what the upper driver waits for; the wait ends
// with the lower driver's answer.
TEST(zw_explored, a_cancel_of_a_request_in_which_the_driver_waits) {
  two_drivers w;
  w.upper = [&] {
    require(w.open_lower(FILE_SYNCHRONOUS_IO_NONALERT) == STATUS_SUCCESS,
            "the lower device is open");
    require(w.read() == STATUS_SUCCESS, "the read has succeeded");
    require(w.block.Status == STATUS_SUCCESS && w.block.Information == 4, "and says so");
    require(w.finished == 1 && w.cancelled == 0, "it has ended once");
    ZwClose(w.file);
  };
  expect_holds(w, 15015, [&] {
    wdm::request write({.file = w.client.file, .major = IRP_MJ_WRITE});
    static wdm::request* shared;
    shared = &write;
    const sync::actor_id completer =
        sync::spawn({.name = "completer"}, &two_drivers::finish_when_it_has_come, nullptr);
    const sync::actor_id canceller = sync::spawn(
        {.name = "canceller"}, [](void*) { shared->cancel(); }, nullptr);
    write.start();
    sync::join(canceller);
    sync::join(completer);
    write.wait();
    require(write.status() == STATUS_SUCCESS, "and the client's request, too");
  });
}

// WDM-FILE-003: completion against the end of the thread that asked.
TEST(zw_explored, a_read_is_completed_while_its_thread_ends) {
  two_drivers w;
  w.upper = [&] {
    require(w.open_lower(0) == STATUS_SUCCESS, "the lower device is open");
    require(w.read() == STATUS_PENDING, "the read is pending");
    const sync::actor_id other = sync::spawn({.name = "completer"}, &two_drivers::finish, nullptr);
    wdm::cancel_thread_requests();
    require(w.block.Status == STATUS_SUCCESS || w.block.Status == STATUS_CANCELLED, "it is over");
    require(w.finished + w.cancelled == 1, "it has ended once");
    sync::join(other);
    ZwClose(w.file);
  };
  expect_holds(w, 15, [&] { w.upper(); });
}

// WDM-FILE-010: the driver that has opened it is told, though the other one is still there.
TEST(zw_explored, a_handle_that_the_upper_driver_leaves_open_is_reported) {
  two_drivers w;
  w.upper = [&] { require(w.open_lower(0) == STATUS_SUCCESS, "the lower device is open"); };
  sync::guest().forget_images();
  explore::program_under_test program;
  program.check_races(false);
  program.actor("client", [&] {
    w.begin();
    wdm::request write({.file = w.client.file, .major = IRP_MJ_WRITE});
    write.start();
    write.wait();
    w.end();
  });
  const auto all = explore::exhaust(program);
  ASSERT_TRUE(all.found.has_value());
  EXPECT_EQ(all.found->clause, "WDM-FILE-010") << all.found->text;
}

}  // namespace
}  // namespace belay::test
