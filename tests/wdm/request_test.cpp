#include <cstring>

#include "probe_driver.hpp"

namespace belay::test {
namespace {

// WDM-FILE-004
TEST_F(probe_test, a_buffered_control_copies_in_and_out) {
  on[IRP_MJ_DEVICE_CONTROL] = [](PDEVICE_OBJECT, PIRP irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    EXPECT_EQ(stack->Parameters.DeviceIoControl.InputBufferLength, 3u);
    EXPECT_EQ(stack->Parameters.DeviceIoControl.OutputBufferLength, 5u);
    auto* text = static_cast<char*>(irp->AssociatedIrp.SystemBuffer);
    EXPECT_EQ(std::memcmp(text, "abc", 3), 0);
    std::memcpy(text, "hello", 5);
    return complete(irp, STATUS_SUCCESS, 4);
  };
  const wdm::open_result opened = open();
  wdm::request control({.file = opened.file,
                        .major = IRP_MJ_DEVICE_CONTROL,
                        .control_code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, 0),
                        .input = "abc",
                        .input_size = 3,
                        .output_size = 5});
  EXPECT_EQ(control.start(), STATUS_SUCCESS);
  EXPECT_TRUE(control.wait());
  EXPECT_EQ(control.information(), 4u);
  EXPECT_EQ(std::memcmp(control.output(), "hell\0", 5), 0);
  wdm::close_handle(opened.file);
}

// WDM-FILE-004: nothing is copied for an error.
TEST_F(probe_test, an_error_copies_nothing) {
  on[IRP_MJ_READ] = [](PDEVICE_OBJECT, PIRP irp) {
    std::memcpy(irp->AssociatedIrp.SystemBuffer, "data", 4);
    return complete(irp, STATUS_UNSUCCESSFUL, 4);
  };
  const wdm::open_result opened = open();
  wdm::request read({.file = opened.file, .output_size = 4});
  EXPECT_EQ(read.start(), STATUS_UNSUCCESSFUL);
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(std::memcmp(read.output(), "\0\0\0\0", 4), 0);
  wdm::close_handle(opened.file);
}

TEST_F(probe_test, direct_and_neither_reach_the_users_memory) {
  device->Flags &= ~static_cast<ULONG>(DO_BUFFERED_IO);
  device->Flags |= DO_DIRECT_IO;
  on[IRP_MJ_READ] = [](PDEVICE_OBJECT, PIRP irp) {
    std::memcpy(MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority), "mdl", 3);
    return complete(irp, STATUS_SUCCESS, 3);
  };
  on[IRP_MJ_DEVICE_CONTROL] = [](PDEVICE_OBJECT, PIRP irp) {
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    std::memcpy(irp->UserBuffer, stack->Parameters.DeviceIoControl.Type3InputBuffer, 2);
    return complete(irp, STATUS_SUCCESS, 2);
  };
  const wdm::open_result opened = open();
  wdm::request read({.file = opened.file, .output_size = 3});
  read.start();
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(std::memcmp(read.output(), "mdl", 3), 0);
  wdm::request control({.file = opened.file,
                        .major = IRP_MJ_DEVICE_CONTROL,
                        .control_code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_NEITHER, 0),
                        .input = "hi",
                        .input_size = 2,
                        .output_size = 2});
  control.start();
  EXPECT_TRUE(control.wait());
  EXPECT_EQ(std::memcmp(control.output(), "hi", 2), 0);
  wdm::close_handle(opened.file);
}

// WDM-FILE-004: without an actor that waits.
TEST_F(probe_test, over_is_told_once_the_packet_is_gone) {
  struct told {
    int calls = 0;
    NTSTATUS status = 0;
    char text[8] = {};
  } seen;
  char answer[8] = {};
  PIRP held = nullptr;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    held = irp;
    return STATUS_PENDING;
  };
  const wdm::open_result opened = open();
  wdm::request_options options;
  options.file = opened.file;
  options.output = answer;
  options.output_size = sizeof answer;
  options.context = &seen;
  options.over = [](wdm::request& self, void* context) {
    auto& to = *static_cast<told*>(context);
    ++to.calls;
    to.status = self.status();
    EXPECT_EQ(self.irp(), nullptr);
    std::memcpy(to.text, self.output(), self.information());
  };
  wdm::request read(options);
  EXPECT_EQ(read.start(), STATUS_PENDING);
  EXPECT_EQ(seen.calls, 0);
  std::memcpy(held->AssociatedIrp.SystemBuffer, "later", 5);
  complete(held, STATUS_SUCCESS, 5);
  EXPECT_EQ(seen.calls, 1);
  EXPECT_STREQ(seen.text, "later");
  EXPECT_STREQ(answer, "later");
  EXPECT_FALSE(read.cancel());

  // Its own cancel routine completes it.
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    IoSetCancelRoutine(irp, [](PDEVICE_OBJECT, PIRP packet) {
      IoReleaseCancelSpinLock(packet->CancelIrql);
      complete(packet, STATUS_CANCELLED);
    });
    return STATUS_PENDING;
  };
  wdm::request cancelled(options);
  EXPECT_EQ(cancelled.start(), STATUS_PENDING);
  EXPECT_TRUE(cancelled.cancel());
  EXPECT_EQ(seen.calls, 2);
  EXPECT_EQ(seen.status, STATUS_CANCELLED);

  // The dispatch routine completes it.
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_SUCCESS, 0); };
  wdm::request at_once(options);
  EXPECT_EQ(at_once.start(), STATUS_SUCCESS);
  EXPECT_EQ(seen.calls, 3);
  wdm::close_handle(opened.file);
}

// WDM-CANCEL-015: the driver finds the flag set, and nobody calls a routine for it again.
TEST_F(probe_test, a_cancel_before_the_start_reaches_the_driver) {
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    EXPECT_TRUE(irp->Cancel);
    return complete(irp, STATUS_CANCELLED);
  };
  const wdm::open_result opened = open();
  wdm::request read({.file = opened.file, .output_size = 4});
  EXPECT_FALSE(read.cancel());
  EXPECT_EQ(read.start(), STATUS_CANCELLED);
  EXPECT_TRUE(read.wait());
  EXPECT_FALSE(read.cancel_delivered());
  wdm::close_handle(opened.file);
}

TEST_F(probe_test, a_request_that_nobody_serves_is_refused) {
  driver->MajorFunction[IRP_MJ_FLUSH_BUFFERS] = driver->MajorFunction[IRP_MJ_READ];
  const wdm::load_result empty = wdm::load_driver(
      [](PDRIVER_OBJECT object, PUNICODE_STRING) -> NTSTATUS {
        object->DriverUnload = [](PDRIVER_OBJECT) {};
        return STATUS_SUCCESS;
      },
      "empty");
  ASSERT_NE(empty.driver, nullptr);
  EXPECT_FALSE(wdm::serves(empty.driver, IRP_MJ_READ));
  EXPECT_TRUE(wdm::serves(driver, IRP_MJ_READ));
  driver->MajorFunction[IRP_MJ_READ] = empty.driver->MajorFunction[IRP_MJ_READ];
  const wdm::open_result opened = open();
  wdm::request read({.file = opened.file});
  EXPECT_EQ(read.start(), STATUS_INVALID_DEVICE_REQUEST);
  EXPECT_TRUE(read.wait());
  wdm::close_handle(opened.file);
}

TEST_F(probe_test, a_driver_entry_that_fails_leaves_no_driver) {
  const wdm::load_result failed = wdm::load_driver(
      [](PDRIVER_OBJECT, PUNICODE_STRING) -> NTSTATUS { return STATUS_NO_SUCH_DEVICE; }, "failing");
  EXPECT_EQ(failed.status, STATUS_NO_SUCH_DEVICE);
  EXPECT_EQ(failed.driver, nullptr);
}

/// A driver with its own queue of one, its own lock, and the pattern of WDM-CANCEL-013.
class slot_test : public probe_test {
 protected:
  struct slot {
    KSPIN_LOCK lock;
    PIRP irp;
  };
  slot& the_slot() { return *static_cast<slot*>(device->DeviceExtension); }

  static VOID cancel(PDEVICE_OBJECT target, PIRP irp) {
    IoReleaseCancelSpinLock(irp->CancelIrql);
    slot& s = *static_cast<slot*>(target->DeviceExtension);
    KIRQL old;
    KeAcquireSpinLock(&s.lock, &old);
    s.irp = nullptr;
    KeReleaseSpinLock(&s.lock, old);
    complete(irp, STATUS_CANCELLED);
  }
  void SetUp() override {
    probe_test::SetUp();
    KeInitializeSpinLock(&the_slot().lock);
    on[IRP_MJ_READ] = [](PDEVICE_OBJECT target, PIRP irp) {
      slot& s = *static_cast<slot*>(target->DeviceExtension);
      KIRQL old;
      KeAcquireSpinLock(&s.lock, &old);
      IoMarkIrpPending(irp);
      s.irp = irp;
      IoSetCancelRoutine(irp, &cancel);
      const bool cancelled = InterlockedOr8((volatile CHAR*)&irp->Cancel, 0) &&
                             IoSetCancelRoutine(irp, nullptr) != nullptr;
      if (cancelled) s.irp = nullptr;
      KeReleaseSpinLock(&s.lock, old);
      if (cancelled) complete(irp, STATUS_CANCELLED);
      return STATUS_PENDING;
    };
  }

 public:
  void take_and_complete() {
    slot& s = the_slot();
    KIRQL old;
    KeAcquireSpinLock(&s.lock, &old);
    PIRP irp = s.irp;
    if (irp != nullptr && IoSetCancelRoutine(irp, nullptr) == nullptr) irp = nullptr;
    if (irp != nullptr) s.irp = nullptr;
    KeReleaseSpinLock(&s.lock, old);
    if (irp != nullptr) complete(irp, STATUS_SUCCESS);
  }
};

// WDM-CANCEL-013, WDM-CANCEL-014: whoever gets the routine finishes, whatever the timing.
TEST_F(slot_test, cancel_and_completion_race_and_each_request_ends_once) {
  const wdm::open_result opened = open();
  for (int round = 0; round < 500; ++round) {
    wdm::request read({.file = opened.file, .output_size = 4});
    struct racing {
      slot_test* test;
      wdm::request* read;
    } both{this, &read};
    const sync::actor_id canceller = sync::spawn(
        {.name = "canceller"},
        [](void* p) {
          auto& r = *static_cast<racing*>(p);
          while (!r.read->issued()) sync::relax();
          r.read->cancel();
        },
        &both);
    const sync::actor_id completer = sync::spawn(
        {.name = "completer"}, [](void* p) { static_cast<racing*>(p)->test->take_and_complete(); },
        &both);
    read.start();
    EXPECT_TRUE(read.wait());
    EXPECT_TRUE(read.status() == STATUS_SUCCESS || read.status() == STATUS_CANCELLED);
    sync::join(canceller);
    sync::join(completer);
  }
  wdm::close_handle(opened.file);
}

TEST_F(probe_test, a_driver_learns_who_asks) {
  ULONG asked_by = 0;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    asked_by = IoGetRequestorProcessId(irp);
    EXPECT_NE(IoGetRequestorProcess(irp), nullptr);
    return complete(irp, STATUS_SUCCESS);
  };
  const wdm::open_result opened = open();
  wdm::request read({.file = opened.file, .process_id = 4711});
  read.start();
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(asked_by, 4711u);
  wdm::close_handle(opened.file);
  PIRP own = IoAllocateIrp(1, FALSE);
  EXPECT_EQ(IoGetRequestorProcessId(own), 0u);
  EXPECT_EQ(IoGetRequestorProcess(own), nullptr);
  IoFreeIrp(own);
}

}  // namespace
}  // namespace belay::test
