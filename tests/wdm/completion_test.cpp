#include "probe_driver.hpp"

namespace belay::test {
namespace {

/// What a completion routine saw.
struct completion {
  int calls = 0;
  NTSTATUS status = 0;
  BOOLEAN pending_returned = FALSE;
  PDEVICE_OBJECT device = nullptr;
  NTSTATUS answer = STATUS_MORE_PROCESSING_REQUIRED;
};

NTSTATUS NTAPI record_completion(PDEVICE_OBJECT device, PIRP irp, PVOID context) {
  auto& seen = *static_cast<completion*>(context);
  ++seen.calls;
  seen.status = irp->IoStatus.Status;
  seen.pending_returned = irp->PendingReturned;
  seen.device = device;
  return seen.answer;
}

class completion_test : public probe_test {
 protected:
  PIRP make_read(completion& seen, BOOLEAN success, BOOLEAN error, BOOLEAN cancel) {
    PIRP irp = IoAllocateIrp(1, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_READ;
    IoSetCompletionRoutine(irp, &record_completion, &seen, success, error, cancel);
    return irp;
  }
  wdm::request_options read_options() { return {.file = open().file}; }

  /// A read whose dispatch routine is `what` breaks `clause`.
  kernel::violation expect_dispatch_broken(const std::string& clause, dispatch what) {
    on[IRP_MJ_READ] = std::move(what);
    lost_request lost(read_options());
    abandon();
    return expect_broken(clause, [&] { lost.request.start(); });
  }
};

struct routine_case {
  NTSTATUS status;
  bool cancelled;
  BOOLEAN on_success, on_error, on_cancel;
  int calls;
};

class invocation_test : public completion_test,
                        public ::testing::WithParamInterface<routine_case> {};

// WDM-CANCEL-018, WDM-CANCEL-017: the Cancel flag decides, not the status.
TEST_P(invocation_test, the_routine_is_called_as_asked) {
  const routine_case& c = GetParam();
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) { return complete(irp, c.status); };
  completion seen;
  PIRP irp = make_read(seen, c.on_success, c.on_error, c.on_cancel);
  if (c.cancelled) IoCancelIrp(irp);
  if (c.calls == 0) {
    // Nobody takes the driver's packet back.
    expect_broken("WDM-IRP-028", [&] { IoCallDriver(device, irp); });
    return abandon();
  }
  EXPECT_EQ(IoCallDriver(device, irp), c.status);
  EXPECT_EQ(seen.calls, c.calls);
  EXPECT_EQ(seen.status, c.status);
  EXPECT_EQ(seen.device, nullptr);
  IoFreeIrp(irp);
}

INSTANTIATE_TEST_SUITE_P(
    matrix, invocation_test,
    ::testing::Values(routine_case{STATUS_SUCCESS, false, TRUE, FALSE, FALSE, 1},
                      routine_case{STATUS_SUCCESS, false, FALSE, TRUE, TRUE, 0},
                      routine_case{STATUS_SUCCESS, true, FALSE, FALSE, TRUE, 1},
                      routine_case{STATUS_SUCCESS, true, FALSE, TRUE, FALSE, 0},
                      routine_case{STATUS_UNSUCCESSFUL, false, FALSE, TRUE, FALSE, 1},
                      routine_case{STATUS_UNSUCCESSFUL, false, TRUE, FALSE, TRUE, 0},
                      routine_case{STATUS_UNSUCCESSFUL, true, FALSE, FALSE, TRUE, 1},
                      routine_case{STATUS_CANCELLED, false, FALSE, TRUE, FALSE, 1},
                      routine_case{STATUS_CANCELLED, false, TRUE, FALSE, TRUE, 0},
                      routine_case{STATUS_CANCELLED, true, TRUE, FALSE, TRUE, 1},
                      routine_case{STATUS_CANCELLED, true, TRUE, TRUE, TRUE, 1}));

TEST_F(completion_test, pending_returned_tells_what_the_lower_driver_did) {
  PIRP held = nullptr;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    held = irp;
    return STATUS_PENDING;
  };
  completion seen;
  PIRP irp = make_read(seen, TRUE, TRUE, TRUE);
  EXPECT_EQ(IoCallDriver(device, irp), STATUS_PENDING);
  EXPECT_EQ(seen.calls, 0);
  complete(held, STATUS_SUCCESS);
  EXPECT_EQ(seen.calls, 1);
  EXPECT_TRUE(seen.pending_returned);
  IoFreeIrp(irp);
}

/// The probe as a stack of two: the upper device passes reads down, the lower one's are `lower`.
class stack_test : public completion_test {
 protected:
  void SetUp() override {
    completion_test::SetUp();
    ASSERT_EQ(IoCreateDevice(driver, 0, nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE, &upper),
              STATUS_SUCCESS);
    IoAttachDeviceToDeviceStack(upper, device);
    on[IRP_MJ_READ] = [this](PDEVICE_OBJECT target, PIRP irp) {
      return target == upper ? pass(irp) : lower(target, irp);
    };
  }
  void TearDown() override {
    if (driver != nullptr) IoDetachDevice(device);
    completion_test::TearDown();
  }
  NTSTATUS skip_down(PIRP irp) {
    IoSkipCurrentIrpStackLocation(irp);
    return IoCallDriver(device, irp);
  }
  NTSTATUS copy_down(PIRP irp, completion* seen) {
    IoCopyCurrentIrpStackLocationToNext(irp);
    if (seen != nullptr) IoSetCompletionRoutine(irp, &record_completion, seen, TRUE, TRUE, TRUE);
    return IoCallDriver(device, irp);
  }

  PDEVICE_OBJECT upper = nullptr;
  std::function<NTSTATUS(PIRP)> pass;
  dispatch lower = [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_SUCCESS, 3); };
};

TEST_F(stack_test, a_skipped_location_is_used_by_the_next_driver) {
  pass = [this](PIRP irp) { return skip_down(irp); };
  wdm::request_options options = read_options();
  wdm::request read(options);
  EXPECT_EQ(read.start(), STATUS_SUCCESS);
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(read.information(), 3u);
  wdm::close_handle(options.file);
}

TEST_F(stack_test, pending_is_passed_on_without_a_completion_routine) {
  PIRP held = nullptr;
  lower = [&](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    held = irp;
    return STATUS_PENDING;
  };
  pass = [this](PIRP irp) { return copy_down(irp, nullptr); };
  wdm::request_options options = read_options();
  wdm::request read(options);
  EXPECT_EQ(read.start(), STATUS_PENDING);
  complete(held, STATUS_SUCCESS);
  EXPECT_TRUE(read.wait());
  wdm::close_handle(options.file);
}

TEST_F(stack_test, more_processing_required_gives_the_packet_back) {
  completion seen;
  pass = [&](PIRP irp) {
    EXPECT_EQ(copy_down(irp, &seen), STATUS_SUCCESS);
    EXPECT_EQ(seen.calls, 1);
    EXPECT_EQ(seen.device, upper);
    return complete(irp, STATUS_DEVICE_BUSY);
  };
  wdm::request_options options = read_options();
  wdm::request read(options);
  EXPECT_EQ(read.start(), STATUS_DEVICE_BUSY);
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(read.status(), STATUS_DEVICE_BUSY);
  wdm::close_handle(options.file);
}

// WDM-CANCEL-021
TEST_F(stack_test, pending_returned_must_be_passed_on) {
  completion seen;
  seen.answer = STATUS_SUCCESS;
  lower = [](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    complete(irp, STATUS_SUCCESS);
    return STATUS_PENDING;
  };
  pass = [&](PIRP irp) { return copy_down(irp, &seen); };
  lost_request lost(read_options());
  abandon();
  const kernel::violation what = expect_broken("WDM-CANCEL-021", [&] { lost.request.start(); });
  EXPECT_EQ(what.parameter[0], 0x228u);
}

// WDM-CANCEL-011
TEST_F(stack_test, a_packet_goes_down_without_a_cancel_routine) {
  pass = [this](PIRP irp) {
    IoSetCancelRoutine(irp, [](PDEVICE_OBJECT, PIRP) {});
    return skip_down(irp);
  };
  lost_request lost(read_options());
  abandon();
  EXPECT_EQ(expect_broken("WDM-CANCEL-011", [&] { lost.request.start(); }).parameter[0], 0x203u);
}

// WDM-IRP-008
TEST_F(stack_test, a_packet_without_a_location_left_cannot_go_down) {
  pass = [this](PIRP irp) { return skip_down(irp); };
  lower = [this](PDEVICE_OBJECT, PIRP irp) { return copy_down(irp, nullptr); };
  lost_request lost(read_options());
  abandon();
  EXPECT_EQ(expect_broken("WDM-IRP-008", [&] { lost.request.start(); }).bug_check, 0x35u);
}

// WDM-IRP-003
TEST_F(completion_test, a_packet_neither_completed_nor_pended_is_reported) {
  const auto what =
      expect_dispatch_broken("WDM-IRP-003", [](PDEVICE_OBJECT, PIRP) { return STATUS_SUCCESS; });
  EXPECT_EQ(what.parameter[0], 0x226u);
}

// WDM-IRP-004
TEST_F(completion_test, pending_without_a_mark_is_reported) {
  expect_dispatch_broken("WDM-IRP-004", [](PDEVICE_OBJECT, PIRP) { return STATUS_PENDING; });
}

// WDM-IRP-005
TEST_F(completion_test, a_mark_without_pending_is_reported) {
  expect_dispatch_broken("WDM-IRP-005", [](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    return complete(irp, STATUS_SUCCESS);
  });
}

// WDM-IRP-033
TEST_F(completion_test, a_pended_packet_may_be_completed_in_its_dispatch_routine) {
  on[IRP_MJ_READ] = [](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    complete(irp, STATUS_SUCCESS);
    return STATUS_PENDING;
  };
  wdm::request_options options = read_options();
  wdm::request read(options);
  EXPECT_EQ(read.start(), STATUS_PENDING);
  EXPECT_TRUE(read.wait());
  wdm::close_handle(options.file);
}

// WDM-IRP-006
TEST_F(completion_test, another_status_than_the_one_completed_with_is_reported) {
  expect_dispatch_broken("WDM-IRP-006", [](PDEVICE_OBJECT, PIRP irp) {
    complete(irp, STATUS_CANCELLED);
    return STATUS_SUCCESS;
  });
}

// WDM-IRP-007, WDM-LOCK-004
TEST_F(completion_test, a_dispatch_routine_that_returns_raised_is_reported) {
  expect_dispatch_broken("WDM-IRP-007", [](PDEVICE_OBJECT, PIRP irp) {
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    return complete(irp, STATUS_SUCCESS);
  });
  KeLowerIrql(PASSIVE_LEVEL);
}

// WDM-CANCEL-020
TEST_F(completion_test, completing_twice_is_reported) {
  PIRP held = nullptr;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    held = irp;
    return complete(irp, STATUS_SUCCESS);
  };
  wdm::request_options options = read_options();
  wdm::request read(options);
  read.start();
  EXPECT_EQ(expect_broken("WDM-CANCEL-020", [&] { IoCompleteRequest(held, 0); }).bug_check, 0x44u);
  read.wait();
  EXPECT_EQ(expect_broken("WDM-CANCEL-020", [&] { IoCompleteRequest(held, 0); }).bug_check, 0x44u);
  wdm::close_handle(options.file);
}

// WDM-CANCEL-020
TEST_F(completion_test, completing_with_status_pending_is_reported) {
  const auto what = expect_dispatch_broken(
      "WDM-CANCEL-020", [](PDEVICE_OBJECT, PIRP irp) { return complete(irp, STATUS_PENDING); });
  EXPECT_EQ(what.parameter[0], 0x6u);
}

// WDM-LOCK-002
TEST_F(completion_test, completing_under_a_spin_lock_is_reported) {
  static KSPIN_LOCK lock;
  KeInitializeSpinLock(&lock);
  expect_dispatch_broken("WDM-LOCK-002", [](PDEVICE_OBJECT, PIRP irp) {
    KIRQL old;
    KeAcquireSpinLock(&lock, &old);
    return complete(irp, STATUS_SUCCESS);
  });
  KeReleaseSpinLock(&lock, PASSIVE_LEVEL);
}

// WDM-LOCK-006
TEST_F(completion_test, completing_above_dispatch_level_is_reported) {
  expect_dispatch_broken("WDM-LOCK-006", [](PDEVICE_OBJECT, PIRP irp) {
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL + 1, &old);
    return complete(irp, STATUS_SUCCESS);
  });
  KeLowerIrql(PASSIVE_LEVEL);
}

// WDM-IRP-034
TEST_F(completion_test, what_is_no_packet_or_device_is_reported) {
  static IRP stray;
  expect_broken("WDM-IRP-034", [] { IoCompleteRequest(&stray, IO_NO_INCREMENT); });
  expect_broken("WDM-IRP-034", [&] { IoCallDriver(device, &stray); });
  completion seen;
  PIRP own = make_read(seen, TRUE, TRUE, TRUE);
  static DEVICE_OBJECT gone;
  expect_broken("WDM-IRP-034", [&] { IoCallDriver(&gone, own); });
  IoFreeIrp(own);
}

// WDM-IRP-028
TEST_F(completion_test, an_irp_in_use_or_of_the_io_manager_is_not_freed) {
  PIRP held = nullptr;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    held = irp;
    return STATUS_PENDING;
  };
  completion seen;
  PIRP own = make_read(seen, TRUE, TRUE, TRUE);
  IoCallDriver(device, own);
  expect_broken("WDM-IRP-028", [&] { IoFreeIrp(own); });
  complete(own, STATUS_SUCCESS);
  IoFreeIrp(own);

  wdm::request_options options = read_options();
  wdm::request read(options);
  read.start();
  expect_broken("WDM-IRP-028", [&] { IoFreeIrp(held); });
  complete(held, STATUS_SUCCESS);
  read.wait();
  wdm::close_handle(options.file);
}

// WDM-CANCEL-022
TEST_F(completion_test, a_reused_irp_starts_afresh) {
  on[IRP_MJ_READ] = nullptr;
  completion seen;
  PIRP irp = make_read(seen, TRUE, TRUE, TRUE);
  const UCHAR flags = irp->AllocationFlags;
  IoCancelIrp(irp);
  IoCallDriver(device, irp);
  IoReuseIrp(irp, STATUS_DEVICE_BUSY);
  EXPECT_FALSE(irp->Cancel);
  EXPECT_EQ(irp->CancelRoutine, nullptr);
  EXPECT_EQ(irp->AllocationFlags, flags);
  EXPECT_EQ(irp->IoStatus.Status, STATUS_DEVICE_BUSY);
  EXPECT_EQ(irp->CurrentLocation, 2);
  IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_READ;
  IoSetCompletionRoutine(irp, &record_completion, &seen, TRUE, TRUE, TRUE);
  EXPECT_EQ(IoCallDriver(device, irp), STATUS_SUCCESS);
  EXPECT_EQ(seen.calls, 2);
  IoFreeIrp(irp);
}

// WDM-CANCEL-022
TEST_F(completion_test, only_irps_of_io_allocate_irp_are_reused) {
  KEVENT event;
  KeInitializeEvent(&event, NotificationEvent, FALSE);
  IO_STATUS_BLOCK result{};
  PIRP irp = IoBuildSynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, device, nullptr, 0, nullptr, &event,
                                          &result);
  expect_broken("WDM-CANCEL-022", [&] { IoReuseIrp(irp, 0); });
  IoCallDriver(device, irp);
}

// WDM-FILE-008
TEST_F(completion_test, a_synchronous_irp_fills_the_drivers_memory_and_is_freed) {
  on[IRP_MJ_DEVICE_CONTROL] = [](PDEVICE_OBJECT, PIRP irp) {
    auto* text = static_cast<char*>(irp->AssociatedIrp.SystemBuffer);
    std::swap(text[0], text[1]);
    return complete(irp, STATUS_SUCCESS, 2);
  };
  KEVENT event;
  KeInitializeEvent(&event, NotificationEvent, FALSE);
  IO_STATUS_BLOCK result{};
  char in[] = "ab";
  char out[] = "...";
  PIRP irp = IoBuildDeviceIoControlRequest(0x222000, device, in, 2, out, 3, FALSE, &event, &result);
  expect_broken("WDM-FILE-008", [&] { IoFreeIrp(irp); });
  EXPECT_EQ(IoCallDriver(device, irp), STATUS_SUCCESS);
  EXPECT_STREQ(out, "ba.");
  EXPECT_EQ(result.Information, 2u);
  EXPECT_NE(KeReadStateEvent(&event), 0);
}

TEST_F(completion_test, the_last_associated_irp_completes_its_master) {
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP master) {
    if (master->Flags & IRP_ASSOCIATED_IRP) return complete(master, STATUS_SUCCESS);
    IoMarkIrpPending(master);
    master->IoStatus.Status = STATUS_SUCCESS;
    master->AssociatedIrp.IrpCount = 2;
    PIRP parts[2];
    for (PIRP& part : parts) {
      part = IoMakeAssociatedIrp(master, 1);
      IoGetNextIrpStackLocation(part)->MajorFunction = IRP_MJ_READ;
    }
    for (PIRP part : parts) IoCallDriver(device, part);
    return STATUS_PENDING;
  };
  device->Flags &= ~static_cast<ULONG>(DO_BUFFERED_IO);
  wdm::request_options options = read_options();
  wdm::request read(options);
  EXPECT_EQ(read.start(), STATUS_PENDING);
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(read.status(), STATUS_SUCCESS);
  wdm::close_handle(options.file);
}

}  // namespace
}  // namespace belay::test
