#include "probe_driver.hpp"

namespace belay::test {
namespace {

// A packet of the test's own, sent to the probe, whose read routine keeps it.
class cancel_test : public probe_test {
 protected:
  void SetUp() override {
    probe_test::SetUp();
    on[IRP_MJ_READ] = [this](PDEVICE_OBJECT, PIRP packet) {
      IoMarkIrpPending(packet);
      held = packet;
      return STATUS_PENDING;
    };
    opened = open();
    calls = 0;
  }
  void TearDown() override {
    if (driver != nullptr) wdm::close_handle(opened.file);
    probe_test::TearDown();
  }

  // Releases the lock and completes, as a cancel routine should.
  static VOID cancel_well(PDEVICE_OBJECT target, PIRP irp) {
    ++calls;
    EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
    EXPECT_NE(target, nullptr);
    EXPECT_EQ(irp->CancelRoutine, nullptr);
    EXPECT_TRUE(irp->Cancel);
    EXPECT_EQ(irp->CancelIrql, PASSIVE_LEVEL);
    IoReleaseCancelSpinLock(irp->CancelIrql);
    complete(irp, STATUS_CANCELLED);
  }

  PIRP held = nullptr;
  wdm::open_result opened;
  static inline int calls = 0;
};

// WDM-CANCEL-001, WDM-CANCEL-002
TEST_F(cancel_test, a_set_cancel_routine_is_called_and_the_answer_is_true) {
  wdm::request read({.file = opened.file});
  read.start();
  IoSetCancelRoutine(held, &cancel_well);
  EXPECT_TRUE(IoCancelIrp(held));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(read.status(), STATUS_CANCELLED);
}

// WDM-CANCEL-001, WDM-CANCEL-002; WDM-CANCEL-016: it may still end with success.
TEST_F(cancel_test, without_a_routine_only_the_flag_is_set_and_the_answer_is_false) {
  wdm::request read({.file = opened.file});
  read.start();
  EXPECT_FALSE(IoCancelIrp(held));
  EXPECT_TRUE(held->Cancel);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
  complete(held, STATUS_SUCCESS);
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(read.status(), STATUS_SUCCESS);
}

// WDM-CANCEL-003
TEST_F(cancel_test, a_second_cancel_finds_nothing) {
  static const auto release_only = [](PDEVICE_OBJECT, PIRP irp) {
    ++calls;
    IoReleaseCancelSpinLock(irp->CancelIrql);
  };
  wdm::request read({.file = opened.file});
  read.start();
  IoSetCancelRoutine(held, release_only);
  EXPECT_TRUE(IoCancelIrp(held));
  EXPECT_FALSE(IoCancelIrp(held));
  EXPECT_TRUE(held->Cancel);
  EXPECT_EQ(calls, 1);
  complete(held, STATUS_CANCELLED);
  read.wait();
}

// WDM-CANCEL-006
TEST_F(cancel_test, setting_a_routine_returns_the_one_before) {
  wdm::request read({.file = opened.file});
  read.start();
  EXPECT_EQ(IoSetCancelRoutine(held, &cancel_well), nullptr);
  EXPECT_EQ(IoSetCancelRoutine(held, nullptr), &cancel_well);
  EXPECT_EQ(IoSetCancelRoutine(held, nullptr), nullptr);
  complete(held, STATUS_SUCCESS);
  read.wait();
}

TEST_F(cancel_test, a_request_is_cancelled_at_most_once_and_not_after_its_completion) {
  wdm::request read({.file = opened.file});
  EXPECT_FALSE(read.issued());
  read.start();
  EXPECT_TRUE(read.issued());
  IoSetCancelRoutine(held, &cancel_well);
  EXPECT_FALSE(read.completed());
  EXPECT_TRUE(read.cancel());
  EXPECT_TRUE(read.completed());
  EXPECT_TRUE(read.cancel_delivered());
  EXPECT_FALSE(read.cancel());
  EXPECT_TRUE(read.wait());
  EXPECT_EQ(calls, 1);

  on[IRP_MJ_READ] = nullptr;
  wdm::request quick({.file = opened.file});
  EXPECT_EQ(quick.start(), STATUS_SUCCESS);
  EXPECT_FALSE(quick.cancel());
  EXPECT_FALSE(quick.cancel_delivered());
  EXPECT_TRUE(quick.wait());
}

// WDM-FILE-003
TEST_F(cancel_test, a_thread_that_ends_cancels_its_requests) {
  wdm::request read({.file = opened.file});
  read.start();
  IoSetCancelRoutine(held, &cancel_well);
  wdm::cancel_thread_requests();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(read.completed());
  EXPECT_EQ(read.status(), STATUS_CANCELLED);
}

// WDM-CANCEL-013
TEST_F(cancel_test, a_routine_armed_after_the_cancel_and_not_looked_after_is_reported) {
  lost_request read({.file = opened.file});
  read.request.start();
  EXPECT_TRUE(read.request.cancel());
  wdm::check_lost_cancels();  // nothing armed: the driver may be about to look
  IoSetCancelRoutine(held, &cancel_well);
  expect_broken("WDM-CANCEL-013", [] { wdm::check_lost_cancels(); });
  abandon();
}

// WDM-CANCEL-009
TEST_F(cancel_test, the_cancel_lock_is_not_recursive) {
  KIRQL irql;
  IoAcquireCancelSpinLock(&irql);
  expect_broken("WDM-CANCEL-009", [] {
    KIRQL again;
    IoAcquireCancelSpinLock(&again);
  });
  IoReleaseCancelSpinLock(irql);
}

// WDM-CANCEL-009
TEST_F(cancel_test, the_cancel_lock_is_released_with_the_irql_of_its_acquire) {
  KIRQL irql;
  IoAcquireCancelSpinLock(&irql);
  EXPECT_EQ(irql, PASSIVE_LEVEL);
  expect_broken("WDM-CANCEL-009", [] { IoReleaseCancelSpinLock(DISPATCH_LEVEL); });
  IoReleaseCancelSpinLock(irql);
  expect_broken("WDM-CANCEL-009", [] { IoReleaseCancelSpinLock(PASSIVE_LEVEL); });
}

// WDM-CANCEL-010
TEST_F(cancel_test, a_cancel_routine_that_keeps_the_lock_is_reported) {
  wdm::request* read = new wdm::request({.file = opened.file});
  read->start();
  IoSetCancelRoutine(held, [](PDEVICE_OBJECT, PIRP) {});
  expect_broken("WDM-CANCEL-010", [&] { IoCancelIrp(held); });
  IoReleaseCancelSpinLock(PASSIVE_LEVEL);
  complete(held, STATUS_CANCELLED);
  read->wait();
  delete read;
}

// WDM-CANCEL-010
TEST_F(cancel_test, a_cancel_routine_that_returns_at_another_irql_is_reported) {
  wdm::request read({.file = opened.file});
  read.start();
  IoSetCancelRoutine(held, [](PDEVICE_OBJECT, PIRP irp) {
    IoReleaseCancelSpinLock(irp->CancelIrql);
    KIRQL old;
    KeRaiseIrql(APC_LEVEL, &old);
  });
  expect_broken("WDM-CANCEL-010", [&] { IoCancelIrp(held); });
  KeLowerIrql(PASSIVE_LEVEL);
  complete(held, STATUS_CANCELLED);
  read.wait();
}

// WDM-CANCEL-009
TEST_F(cancel_test, completing_under_the_cancel_lock_is_reported) {
  wdm::request read({.file = opened.file});
  read.start();
  KIRQL irql;
  IoAcquireCancelSpinLock(&irql);
  expect_broken("WDM-CANCEL-009", [&] { complete(held, STATUS_SUCCESS); });
  expect_broken("WDM-CANCEL-009", [&] { IoCancelIrp(held); });
  IoReleaseCancelSpinLock(irql);
  complete(held, STATUS_SUCCESS);
  read.wait();
}

// WDM-CANCEL-005
TEST_F(cancel_test, cancelling_a_freed_irp_is_reported) {
  PIRP own = IoAllocateIrp(1, FALSE);
  IoFreeIrp(own);
  expect_broken("WDM-CANCEL-005", [&] { IoCancelIrp(own); });
}

// WDM-CANCEL-004
TEST_F(cancel_test, cancelling_a_completed_irp_is_reported) {
  wdm::request read({.file = opened.file});
  read.start();
  PIRP irp = held;
  complete(irp, STATUS_SUCCESS);
  expect_broken("WDM-CANCEL-004", [&] { IoCancelIrp(irp); });
  read.wait();
}

// WDM-CANCEL-007
TEST_F(cancel_test, resetting_the_cancel_flag_is_reported) {
  wdm::request read({.file = opened.file});
  read.start();
  IoCancelIrp(held);
  held->Cancel = FALSE;
  expect_broken("WDM-CANCEL-007", [&] { complete(held, STATUS_SUCCESS); });
  held->Cancel = TRUE;
  complete(held, STATUS_SUCCESS);
  read.wait();
}

// WDM-CANCEL-011, WDM-CANCEL-020
TEST_F(cancel_test, completing_with_the_cancel_routine_set_is_reported) {
  wdm::request read({.file = opened.file});
  read.start();
  IoSetCancelRoutine(held, &cancel_well);
  const kernel::violation what =
      expect_broken("WDM-CANCEL-011", [&] { complete(held, STATUS_SUCCESS); });
  EXPECT_EQ(what.bug_check, 0xC9u);
  EXPECT_EQ(what.parameter[0], 0x7u);
  IoSetCancelRoutine(held, nullptr);
  complete(held, STATUS_SUCCESS);
  read.wait();
}

}  // namespace
}  // namespace belay::test
