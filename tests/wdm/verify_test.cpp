// What the I/O manager notices about a driver that passes packets on, and about those it made
// itself.
#include "probe_driver.hpp"

namespace belay::test {
namespace {

NTSTATUS NTAPI take_back(PDEVICE_OBJECT, PIRP, PVOID) { return STATUS_MORE_PROCESSING_REQUIRED; }

/// A probe of two devices: reads come to `upper`, which does `above` with them; `below` are the
/// lower one's.
class verify_test : public probe_test {
 protected:
  void SetUp() override {
    probe_test::SetUp();
    ASSERT_EQ(IoCreateDevice(driver, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &upper),
              STATUS_SUCCESS);
    IoAttachDeviceToDeviceStack(upper, device);
    on[IRP_MJ_READ] = [this](PDEVICE_OBJECT target, PIRP irp) {
      return target == upper ? above(irp) : below(irp);
    };
    file = open().file;
  }
  void TearDown() override {
    if (driver != nullptr) {
      wdm::close_handle(file);
      IoDetachDevice(device);
    }
    probe_test::TearDown();
  }

  /// The read breaks `clause`.
  kernel::violation expect_read_broken(const std::string& clause) {
    lost_request lost({.file = file});
    abandon();
    return expect_broken(clause, [&] { lost.request.start(); });
  }
  NTSTATUS skip_down(PIRP irp) {
    IoSkipCurrentIrpStackLocation(irp);
    return IoCallDriver(device, irp);
  }
  NTSTATUS copy_down(PIRP irp, PIO_COMPLETION_ROUTINE routine) {
    IoCopyCurrentIrpStackLocationToNext(irp);
    if (routine != nullptr) IoSetCompletionRoutine(irp, routine, nullptr, TRUE, TRUE, TRUE);
    return IoCallDriver(device, irp);
  }
  NTSTATUS keep(PIRP irp) {
    IoMarkIrpPending(irp);
    held = irp;
    return STATUS_PENDING;
  }

  /// As the lower driver's DPC would.
  void complete_held() {
    sync::join(sync::spawn(
        {.name = "dpc"}, [](void* p) { complete(static_cast<PIRP>(p), STATUS_SUCCESS); }, held));
  }

  PDEVICE_OBJECT upper = nullptr;
  PIRP held = nullptr;
  _FILE_OBJECT* file = nullptr;
  std::function<NTSTATUS(PIRP)> above;
  std::function<NTSTATUS(PIRP)> below = [](PIRP irp) { return complete(irp, STATUS_SUCCESS, 3); };
};

// ---- what the dispatch routine of a driver in the middle returns

// WDM-IRP-032
TEST_F(verify_test, another_status_than_the_lower_driver_s_is_reported) {
  above = [&](PIRP irp) {
    skip_down(irp);
    return STATUS_DEVICE_BUSY;
  };
  const kernel::violation what = expect_read_broken("WDM-IRP-032");
  EXPECT_EQ(what.bug_check, 0xC9u);
  EXPECT_EQ(what.parameter[0], 0x224u);
  EXPECT_STREQ(what.rule, "LowerDriverReturn");
}

// WDM-IRP-032
TEST_F(verify_test, success_for_what_is_pending_below_is_reported) {
  below = [&](PIRP irp) { return keep(irp); };
  above = [&](PIRP irp) {
    copy_down(irp, nullptr);
    return STATUS_SUCCESS;
  };
  EXPECT_EQ(expect_read_broken("WDM-IRP-032").parameter[0], 0x226u);
}

// WDM-IRP-032: its completion routine may change the status.
TEST_F(verify_test, a_completion_routine_may_change_the_status) {
  above = [&](PIRP irp) {
    copy_down(irp, [](PDEVICE_OBJECT, PIRP packet, PVOID) -> NTSTATUS {
      packet->IoStatus.Status = STATUS_DEVICE_BUSY;
      return STATUS_SUCCESS;
    });
    return STATUS_DEVICE_BUSY;
  };
  wdm::request read({.file = file});
  EXPECT_EQ(read.start(), STATUS_DEVICE_BUSY);
  EXPECT_TRUE(read.wait());
}

// WDM-IRP-032, WDM-IRP-033, WDM-IRP-031: taken back and completed here, the status is this driver's own.
TEST_F(verify_test, what_came_back_is_completed_with_any_status) {
  below = [&](PIRP irp) { return keep(irp); };
  above = [&](PIRP irp) {
    EXPECT_EQ(copy_down(irp, &take_back), STATUS_PENDING);
    complete_held();
    return complete(irp, STATUS_DEVICE_BUSY);
  };
  wdm::request read({.file = file});
  EXPECT_EQ(read.start(), STATUS_DEVICE_BUSY);
  EXPECT_TRUE(read.wait());
}

// WDM-IRP-004
TEST_F(verify_test, pending_for_what_was_completed_below_is_reported) {
  above = [&](PIRP irp) {
    skip_down(irp);
    return STATUS_PENDING;
  };
  const kernel::violation what = expect_read_broken("WDM-IRP-004");
  EXPECT_EQ(what.parameter[0], 0x23Du);
  EXPECT_STREQ(what.rule, "MarkIrpPending2");
}

// WDM-IRP-004: marked by itself, it may.
TEST_F(verify_test, a_driver_may_mark_and_pass_down) {
  above = [&](PIRP irp) {
    IoMarkIrpPending(irp);
    copy_down(irp, nullptr);
    return STATUS_PENDING;
  };
  wdm::request read({.file = file});
  EXPECT_EQ(read.start(), STATUS_PENDING);
  EXPECT_TRUE(read.wait());
}

// WDM-IRP-003
TEST_F(verify_test, a_packet_that_came_back_and_is_forgotten_is_reported) {
  above = [&](PIRP irp) { return copy_down(irp, &take_back); };
  EXPECT_EQ(expect_read_broken("WDM-IRP-003").parameter[0], 0x226u);
}

// WDM-IRP-036
TEST_F(verify_test, what_is_no_status_is_reported) {
  above = [&](PIRP irp) {
    complete(irp, STATUS_SUCCESS);
    return static_cast<NTSTATUS>(0xD0000225);
  };
  EXPECT_EQ(expect_read_broken("WDM-IRP-036").parameter[0], 0x21Bu);
}

// ---- packets that are with somebody else

// WDM-IRP-035
TEST_F(verify_test, completing_what_is_queued_below_is_reported) {
  below = [&](PIRP irp) { return keep(irp); };
  above = [&](PIRP irp) {
    copy_down(irp, &take_back);
    return complete(irp, STATUS_SUCCESS);
  };
  const kernel::violation what = expect_read_broken("WDM-IRP-035");
  EXPECT_EQ(what.bug_check, 0xC9u);
  EXPECT_EQ(what.parameter[0], 0x209u);
}

// WDM-IRP-035
TEST_F(verify_test, sending_what_is_queued_below_is_reported) {
  below = [&](PIRP irp) { return keep(irp); };
  above = [&](PIRP irp) {
    skip_down(irp);
    return IoCallDriver(device, irp);
  };
  EXPECT_EQ(expect_read_broken("WDM-IRP-035").parameter[0], 0x205u);
}

// WDM-CANCEL-005
TEST_F(verify_test, a_driver_does_not_cancel_what_it_received) {
  above = [&](PIRP irp) {
    IoCancelIrp(irp);
    return complete(irp, STATUS_CANCELLED);
  };
  EXPECT_STREQ(expect_read_broken("WDM-CANCEL-005").rule, "CancelIrpNotOwned");
}

// WDM-CANCEL-007: seen at the next call that gets the packet.
TEST_F(verify_test, a_cancel_flag_set_by_the_driver_is_reported) {
  above = [&](PIRP irp) {
    irp->Cancel = TRUE;
    return skip_down(irp);
  };
  EXPECT_STREQ(expect_read_broken("WDM-CANCEL-007").rule, "IrpCancelField");
}

// ---- completion routines

// WDM-IRP-030
TEST_F(verify_test, a_completion_routine_and_a_skipped_location_is_reported) {
  above = [&](PIRP irp) {
    IoSetCompletionRoutine(irp, &take_back, nullptr, TRUE, TRUE, TRUE);
    return skip_down(irp);
  };
  EXPECT_STREQ(expect_read_broken("WDM-IRP-030").rule, "CompletionRoutineRegistered");
}

// WDM-IRP-030
TEST_F(verify_test, a_completion_routine_in_the_place_of_the_upper_driver_s_is_reported) {
  above = [&](PIRP irp) {
    IoSkipCurrentIrpStackLocation(irp);
    IoSetCompletionRoutine(irp, &take_back, nullptr, TRUE, TRUE, TRUE);
    return IoCallDriver(device, irp);
  };
  expect_read_broken("WDM-IRP-030");
}

// WDM-IRP-030
TEST_F(verify_test, a_registered_completion_routine_needs_the_call) {
  above = [&](PIRP irp) {
    EXPECT_EQ(IoSetCompletionRoutineEx(upper, irp, &take_back, nullptr, TRUE, TRUE, TRUE),
              STATUS_SUCCESS);
    return complete(irp, STATUS_SUCCESS);
  };
  const kernel::violation what = expect_read_broken("WDM-IRP-030");
  EXPECT_EQ(what.bug_check, 0xC4u);
  EXPECT_EQ(what.parameter[0], 0x4100Fu);
}

// WDM-IRP-030: the device is the caller's own, not the one below.
TEST_F(verify_test, a_completion_routine_is_registered_for_the_own_device) {
  const wdm::load_result other = wdm::load_driver(
      [](PDRIVER_OBJECT object, PUNICODE_STRING) -> NTSTATUS {
        object->DriverUnload = [](PDRIVER_OBJECT self) { IoDeleteDevice(self->DeviceObject); };
        PDEVICE_OBJECT made;
        return IoCreateDevice(object, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &made);
      },
      "other");
  above = [&](PIRP irp) {
    IoSetCompletionRoutineEx(other.driver->DeviceObject, irp, &take_back, nullptr, TRUE, TRUE,
                             TRUE);
    return skip_down(irp);
  };
  EXPECT_STREQ(expect_read_broken("WDM-IRP-030").rule, "IoSetCompletionRoutineExCheckDeviceObject");
}

// ---- packets of the driver's own

// WDM-IRP-028
TEST_F(verify_test, an_own_packet_without_a_completion_routine_is_reported) {
  PIRP own = IoAllocateIrp(1, FALSE);
  IoGetNextIrpStackLocation(own)->MajorFunction = IRP_MJ_READ;
  EXPECT_STREQ(expect_broken("WDM-IRP-028", [&] { IoCallDriver(device, own); }).rule,
               "IoAllocateForward");
  EXPECT_EQ(expect_broken("WDM-IRP-028", [&] { complete(own, STATUS_SUCCESS); }).parameter[0],
            0x239u);
  IoFreeIrp(own);
  PIRP built =
      IoBuildAsynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, device, nullptr, 0, nullptr, nullptr);
  EXPECT_STREQ(expect_broken("WDM-IRP-028", [&] { IoCallDriver(device, built); }).rule,
               "IoBuildFsdForward");
  IoFreeIrp(built);
}

// WDM-CANCEL-022
TEST_F(verify_test, an_own_packet_in_use_is_not_reused) {
  below = [&](PIRP irp) { return keep(irp); };
  PIRP own = IoAllocateIrp(1, FALSE);
  IoGetNextIrpStackLocation(own)->MajorFunction = IRP_MJ_READ;
  IoSetCompletionRoutine(own, &take_back, nullptr, TRUE, TRUE, TRUE);
  IoCallDriver(device, own);
  const kernel::violation what = expect_broken("WDM-CANCEL-022", [&] { IoReuseIrp(own, 0); });
  EXPECT_STREQ(what.rule, "IoReuseIrp2");
  EXPECT_EQ(what.parameter[0], 0x310u);
  complete(own, STATUS_SUCCESS);
  EXPECT_EQ(
      expect_broken("WDM-CANCEL-022", [&] { IoInitializeIrp(own, own->Size, own->StackCount); })
          .parameter[0],
      0x20Du);
  IoFreeIrp(own);
}

/// Sends a flush to the lower device with everything on its own stack. Returns: the answer.
NTSTATUS __attribute__((noinline)) send_and_forget(PDEVICE_OBJECT target, BOOLEAN signalled) {
  KEVENT event;
  IO_STATUS_BLOCK result{};
  KeInitializeEvent(&event, NotificationEvent, signalled);
  PIRP own =
      IoBuildSynchronousFsdRequest(IRP_MJ_READ, target, nullptr, 0, nullptr, &event, &result);
  return IoCallDriver(target, own);
}

// WDM-IRP-029
TEST_F(verify_test, a_built_request_is_waited_for) {
  below = [&](PIRP irp) { return keep(irp); };
  above = [&](PIRP irp) {
    send_and_forget(device, FALSE);
    return complete(irp, STATUS_SUCCESS);
  };
  EXPECT_STREQ(expect_read_broken("WDM-IRP-029").rule, "IoBuildSynchronousFsdRequestWait");
}

// WDM-IRP-029
TEST_F(verify_test, a_built_request_s_event_is_not_signalled_before) {
  below = [&](PIRP irp) { return keep(irp); };
  abandon();
  EXPECT_EQ(expect_broken("WDM-IRP-029", [&] { send_and_forget(device, TRUE); }).parameter[0],
            0x307u);
}

// WDM-IRP-029: what does not lie on the stack may be waited for by others.
TEST_F(verify_test, a_built_request_may_outlive_the_routine_that_built_it) {
  static KEVENT event;
  static IO_STATUS_BLOCK result;
  KeInitializeEvent(&event, NotificationEvent, FALSE);
  below = [&](PIRP irp) { return keep(irp); };
  above = [&](PIRP irp) {
    IoCallDriver(device, IoBuildSynchronousFsdRequest(IRP_MJ_READ, device, nullptr, 0, nullptr,
                                                      &event, &result));
    return complete(irp, STATUS_SUCCESS);
  };
  wdm::request read({.file = file});
  EXPECT_EQ(read.start(), STATUS_SUCCESS);
  EXPECT_TRUE(read.wait());
  complete(held, STATUS_SUCCESS);
  EXPECT_NE(KeReadStateEvent(&event), 0);
}

}  // namespace
}  // namespace belay::test
