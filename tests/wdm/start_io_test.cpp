#include "probe_driver.hpp"

namespace belay::test {
namespace {

/// Reads go through IoStartPacket; the test ends the current one.
class start_io_test : public probe_test {
 protected:
  void SetUp() override {
    probe_test::SetUp();
    me = this;
    driver->DriverStartIo = [](PDEVICE_OBJECT target, PIRP irp) {
      EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
      EXPECT_EQ(target->CurrentIrp, irp);
      me->started.push_back(irp);
      ++me->depth;
      me->deepest = std::max(me->deepest, me->depth);
      if (me->at_once) {
        IoStartNextPacket(target, FALSE);
        IoSetCancelRoutine(irp, nullptr);
        complete(irp, STATUS_SUCCESS);
      }
      --me->depth;
    };
    on[IRP_MJ_READ] = [this](PDEVICE_OBJECT target, PIRP irp) {
      IoMarkIrpPending(irp);
      sent.push_back(irp);
      if (cancel_first != nullptr) cancel_first->cancel();
      IoStartPacket(target, irp, key, cancelable ? &cancel : nullptr);
      return STATUS_PENDING;
    };
    file = open().file;
  }
  void TearDown() override {
    if (driver != nullptr) wdm::close_handle(file);
    probe_test::TearDown();
  }

  // The routine of K/cancel-routines-in-drivers-with-startio-routines.
  static VOID cancel(PDEVICE_OBJECT target, PIRP irp) {
    if (irp != target->CurrentIrp &&
        KeRemoveEntryDeviceQueue(&target->DeviceQueue, &irp->Tail.Overlay.DeviceQueueEntry)) {
      IoReleaseCancelSpinLock(irp->CancelIrql);
      complete(irp, STATUS_CANCELLED);
      return;
    }
    IoReleaseCancelSpinLock(irp->CancelIrql);
  }

  // What the DPC of a device would do: the next one first, then complete.
  void end_current(bool with_lock) {
    PIRP irp = device->CurrentIrp;
    IoSetCancelRoutine(irp, nullptr);
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    IoStartNextPacket(device, with_lock);
    KeLowerIrql(old);
    complete(irp, STATUS_SUCCESS);
  }

  static inline start_io_test* me = nullptr;
  std::vector<PIRP> sent, started;
  bool cancelable = true, at_once = false;
  wdm::request* cancel_first = nullptr;  ///< cancelled by its user inside the dispatch routine
  PULONG key = nullptr;
  int depth = 0, deepest = 0;
  _FILE_OBJECT* file = nullptr;
};

// WDM-STARTIO-001, WDM-STARTIO-002
TEST_F(start_io_test, one_packet_at_a_time_in_order) {
  wdm::request a({.file = file}), b({.file = file}), c({.file = file});
  a.start();
  b.start();
  c.start();
  EXPECT_EQ(started, (std::vector<PIRP>{sent[0]}));
  EXPECT_EQ(sent[1]->CancelRoutine, &cancel);
  end_current(true);
  EXPECT_EQ(started.back(), sent[1]);
  end_current(true);
  end_current(true);
  EXPECT_EQ(started, sent);
  EXPECT_EQ(device->CurrentIrp, nullptr);
  EXPECT_FALSE(device->DeviceQueue.Busy);
  EXPECT_TRUE(a.wait() && b.wait() && c.wait());
}

// WDM-STARTIO-004
TEST_F(start_io_test, a_waiting_packet_is_cancelled_out_of_the_queue) {
  wdm::request a({.file = file}), b({.file = file});
  a.start();
  b.start();
  EXPECT_TRUE(b.cancel());
  EXPECT_TRUE(b.wait());
  EXPECT_EQ(b.status(), STATUS_CANCELLED);
  EXPECT_TRUE(a.cancel());  // the current one: its routine leaves it to the device
  EXPECT_FALSE(a.completed());
  end_current(true);
  EXPECT_TRUE(a.wait());
  EXPECT_EQ(started.size(), 1u);
}

// WDM-STARTIO-001
TEST_F(start_io_test, a_packet_cancelled_before_is_cancelled_when_it_would_wait) {
  wdm::request a({.file = file}), b({.file = file});
  a.start();
  cancel_first = &b;
  b.start();
  EXPECT_TRUE(b.wait());
  EXPECT_EQ(b.status(), STATUS_CANCELLED);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
  end_current(true);
  EXPECT_TRUE(a.wait());
}

// WDM-STARTIO-003
TEST_F(start_io_test, non_cancelable_takes_the_routine_away_before_start_io) {
  IoSetStartIoAttributes(device, FALSE, TRUE);
  wdm::request a({.file = file}), b({.file = file});
  a.start();
  b.start();
  EXPECT_EQ(sent[0]->CancelRoutine, nullptr);
  EXPECT_EQ(sent[1]->CancelRoutine, &cancel);
  end_current(true);
  EXPECT_EQ(sent[1]->CancelRoutine, nullptr);
  end_current(true);
  EXPECT_TRUE(a.wait() && b.wait());
}

// WDM-STARTIO-003
TEST_F(start_io_test, deferred_start_does_not_recurse) {
  cancelable = false;
  wdm::request a({.file = file}), b({.file = file}), c({.file = file});
  a.start();
  b.start();
  c.start();
  IoSetStartIoAttributes(device, TRUE, FALSE);
  at_once = true;
  end_current(false);
  EXPECT_EQ(started, sent);
  EXPECT_EQ(deepest, 1);
  EXPECT_TRUE(a.wait() && b.wait() && c.wait());
}

// WDM-STARTIO-002
TEST_F(start_io_test, the_next_packet_is_started_at_dispatch_level_only) {
  expect_broken("WDM-STARTIO-002", [&] { IoStartNextPacket(device, FALSE); });
}

// WDM-LOCK-002
TEST_F(start_io_test, no_spin_lock_is_held_when_the_next_packet_is_started) {
  KIRQL irql;
  IoAcquireCancelSpinLock(&irql);
  expect_broken("WDM-LOCK-002", [&] { IoStartNextPacket(device, FALSE); });
  IoReleaseCancelSpinLock(irql);
}

// WDM-STARTIO-002
TEST_F(start_io_test, cancelable_agrees_with_the_cancel_routine) {
  wdm::request a({.file = file});
  lost_request b({.file = file});
  a.start();
  expect_broken("WDM-STARTIO-002", [&] { end_current(false); });
  KeLowerIrql(PASSIVE_LEVEL);
  end_current(true);
  EXPECT_TRUE(a.wait());
}

// WDM-STARTIO-002
TEST_F(start_io_test, without_a_cancel_routine_the_lock_is_not_asked_for) {
  cancelable = false;
  wdm::request a({.file = file});
  a.start();
  expect_broken("WDM-STARTIO-002", [&] { end_current(true); });
  KeLowerIrql(PASSIVE_LEVEL);
  end_current(false);
  EXPECT_TRUE(a.wait());
}

// WDM-STARTIO-003
TEST_F(start_io_test, start_io_that_starts_the_next_packet_is_deferred) {
  cancelable = false;
  at_once = true;
  lost_request a({.file = file});
  const kernel::violation what = expect_broken("WDM-STARTIO-003", [&] { a.request.start(); });
  EXPECT_STREQ(what.rule, "StartIoRecursion");
  EXPECT_EQ(what.bug_check, 0x7Fu);
  KeLowerIrql(PASSIVE_LEVEL);
  abandon();
}

// WDM-STARTIO-003
TEST_F(start_io_test, non_cancelable_ends_when_there_is_a_cancel_routine) {
  IoSetStartIoAttributes(device, FALSE, TRUE);
  driver->DriverStartIo = [](PDEVICE_OBJECT target, PIRP irp) {
    IoSetCancelRoutine(irp, &cancel);
    IoSetStartIoAttributes(target, FALSE, FALSE);
    IoSetCancelRoutine(irp, nullptr);
    IoSetStartIoAttributes(target, FALSE, TRUE);
    IoSetStartIoAttributes(target, FALSE, FALSE);
  };
  lost_request a({.file = file});
  EXPECT_STREQ(expect_broken("WDM-STARTIO-003", [&] { a.request.start(); }).rule, "StartIoCancel");
  KeLowerIrql(PASSIVE_LEVEL);
  abandon();
}

// WDM-CANCEL-021
TEST_F(start_io_test, a_packet_is_marked_before_it_is_started) {
  on[IRP_MJ_READ] = [](PDEVICE_OBJECT target, PIRP irp) {
    IoStartPacket(target, irp, nullptr, &cancel);
    IoMarkIrpPending(irp);
    return STATUS_PENDING;
  };
  lost_request a({.file = file});
  EXPECT_STREQ(expect_broken("WDM-CANCEL-021", [&] { a.request.start(); }).rule,
               "MarkingQueuedIrps");
  abandon();
}

}  // namespace
}  // namespace belay::test
