#include "probe_driver.hpp"

namespace belay::test {
namespace {

class device_queue_test : public probe_test {
 protected:
  void SetUp() override {
    probe_test::SetUp();
    KeInitializeDeviceQueue(&queue);
    KeRaiseIrql(DISPATCH_LEVEL, &before);
  }
  void TearDown() override {
    KeLowerIrql(before);
    probe_test::TearDown();
  }

  KDEVICE_QUEUE queue;
  KDEVICE_QUEUE_ENTRY entries[4] = {};
  KIRQL before = 0;
};

// WDM-STARTIO-007
TEST_F(device_queue_test, the_first_entry_makes_the_queue_busy_and_is_not_linked) {
  EXPECT_FALSE(queue.Busy);
  EXPECT_FALSE(KeInsertDeviceQueue(&queue, &entries[0]));
  EXPECT_TRUE(queue.Busy);
  EXPECT_FALSE(entries[0].Inserted);
  EXPECT_TRUE(KeInsertDeviceQueue(&queue, &entries[1]));
  EXPECT_TRUE(entries[1].Inserted);
  EXPECT_EQ(KeRemoveDeviceQueue(&queue), &entries[1]);
  EXPECT_FALSE(entries[1].Inserted);
  EXPECT_TRUE(queue.Busy);
  EXPECT_EQ(KeRemoveDeviceQueue(&queue), nullptr);
  EXPECT_FALSE(queue.Busy);
}

// WDM-STARTIO-007
TEST_F(device_queue_test, keys_ascend_and_equal_ones_keep_their_order) {
  KDEVICE_QUEUE_ENTRY busy{};
  KeInsertDeviceQueue(&queue, &busy);
  KeInsertByKeyDeviceQueue(&queue, &entries[0], 5);
  KeInsertByKeyDeviceQueue(&queue, &entries[1], 3);
  KeInsertByKeyDeviceQueue(&queue, &entries[2], 5);
  KeInsertByKeyDeviceQueue(&queue, &entries[3], 4);
  EXPECT_EQ(KeRemoveDeviceQueue(&queue), &entries[1]);
  EXPECT_EQ(KeRemoveDeviceQueue(&queue), &entries[3]);
  EXPECT_EQ(KeRemoveDeviceQueue(&queue), &entries[0]);
  EXPECT_EQ(KeRemoveDeviceQueue(&queue), &entries[2]);
}

// WDM-STARTIO-007
TEST_F(device_queue_test, removal_by_key_takes_the_next_higher_and_wraps) {
  KDEVICE_QUEUE_ENTRY busy{};
  EXPECT_EQ(KeRemoveByKeyDeviceQueueIfBusy(&queue, 1), nullptr);
  KeInsertDeviceQueue(&queue, &busy);
  KeInsertByKeyDeviceQueue(&queue, &entries[0], 2);
  KeInsertByKeyDeviceQueue(&queue, &entries[1], 6);
  KeInsertByKeyDeviceQueue(&queue, &entries[2], 8);
  EXPECT_EQ(KeRemoveByKeyDeviceQueue(&queue, 5), &entries[1]);
  EXPECT_EQ(KeRemoveByKeyDeviceQueue(&queue, 9), &entries[0]);
  EXPECT_EQ(KeRemoveByKeyDeviceQueueIfBusy(&queue, 0), &entries[2]);
  EXPECT_EQ(KeRemoveByKeyDeviceQueue(&queue, 0), nullptr);
  EXPECT_FALSE(queue.Busy);
}

// WDM-STARTIO-007: never changes Busy (D4).
TEST_F(device_queue_test, removing_an_entry_leaves_the_queue_busy) {
  KDEVICE_QUEUE_ENTRY busy{};
  KeInsertDeviceQueue(&queue, &busy);
  KeInsertDeviceQueue(&queue, &entries[0]);
  EXPECT_TRUE(KeRemoveEntryDeviceQueue(&queue, &entries[0]));
  EXPECT_FALSE(KeRemoveEntryDeviceQueue(&queue, &entries[0]));
  EXPECT_TRUE(queue.Busy);
}

// WDM-STARTIO-007
TEST_F(device_queue_test, taking_from_an_idle_queue_is_reported) {
  expect_broken("WDM-STARTIO-007", [&] { KeRemoveDeviceQueue(&queue); });
}

// WDM-IRP-017
TEST_F(device_queue_test, inserting_below_dispatch_level_is_reported) {
  KeLowerIrql(PASSIVE_LEVEL);
  expect_broken("WDM-IRP-017", [&] { KeInsertDeviceQueue(&queue, &entries[0]); });
  KeRaiseIrql(DISPATCH_LEVEL, &before);
}

/// A driver with a queue of its own instead of StartIo's.
class own_queue_test : public probe_test {
 protected:
  void SetUp() override {
    probe_test::SetUp();
    KeInitializeDeviceQueue(&queue);
    on[IRP_MJ_READ] = [this](PDEVICE_OBJECT, PIRP irp) {
      IoMarkIrpPending(irp);
      KIRQL old;
      KeRaiseIrql(DISPATCH_LEVEL, &old);
      if (!KeInsertDeviceQueue(&queue, &irp->Tail.Overlay.DeviceQueueEntry)) current = irp;
      KeLowerIrql(old);
      sent.push_back(irp);
      return STATUS_PENDING;
    };
  }
  /// The device is done with the current one.
  void next() {
    PIRP done = current;
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    PKDEVICE_QUEUE_ENTRY entry = KeRemoveDeviceQueue(&queue);
    current =
        entry == nullptr ? nullptr : CONTAINING_RECORD(entry, IRP, Tail.Overlay.DeviceQueueEntry);
    KeLowerIrql(old);
    complete(done, STATUS_SUCCESS);
  }

  KDEVICE_QUEUE queue;
  PIRP current = nullptr;
  std::vector<PIRP> sent;
};

// WDM-STARTIO-008
TEST_F(own_queue_test, one_at_a_time_and_the_next_when_that_is_done) {
  _FILE_OBJECT* file = open().file;
  wdm::request a({.file = file}), b({.file = file}), c({.file = file});
  a.start();
  b.start();
  c.start();
  EXPECT_EQ(current, sent[0]);
  EXPECT_TRUE(KeRemoveEntryDeviceQueue(&queue, &sent[1]->Tail.Overlay.DeviceQueueEntry));
  complete(sent[1], STATUS_CANCELLED);
  next();
  EXPECT_EQ(current, sent[2]);
  next();
  EXPECT_EQ(current, nullptr);
  EXPECT_FALSE(queue.Busy);
  EXPECT_TRUE(a.wait() && b.wait() && c.wait());
  wdm::close_handle(file);
}

}  // namespace
}  // namespace belay::test
