// What ends a driver's own requests: alerts, ZwCancelIoFile and its kin, the end of the thread.
#include "kernel/waitable.hpp"
#include "zw_fixture.hpp"

namespace belay::test {
namespace {

using majors = std::vector<UCHAR>;

// WDM-FILE-009
TEST_F(zw_file_test, an_alert_cancels_what_an_alertable_handle_waits_for) {
  keep_reads();
  ASSERT_EQ(open_probe(FILE_SYNCHRONOUS_IO_ALERT), STATUS_SUCCESS);
  kernel::current().alerted = true;
  EXPECT_EQ(read(), STATUS_CANCELLED);
  static KAPC apc;
  static int ran;
  ran = 0;
  KeInitializeApc(
      &apc, KeGetCurrentThread(), OriginalApcEnvironment,
      [](PKAPC, PKNORMAL_ROUTINE*, PVOID*, PVOID*, PVOID*) { ++ran; }, nullptr,
      [](PVOID, PVOID, PVOID) {}, UserMode, nullptr);
  ASSERT_TRUE(KeInsertQueueApc(&apc, nullptr, nullptr, 0));
  EXPECT_EQ(read(), STATUS_CANCELLED);
  EXPECT_EQ(ran, 0) << "the wait is the kernel's: nothing is delivered in it";
  EXPECT_EQ(kernel::run_user_apcs(), 1);
}

// WDM-FILE-009
TEST_F(zw_file_test, an_alert_leaves_a_handle_alone_that_is_not_alertable) {
  on[IRP_MJ_READ] = [](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    sync::join(sync::spawn(
        {}, [](void* packet) { complete(static_cast<PIRP>(packet), STATUS_SUCCESS); }, irp));
    return STATUS_PENDING;
  };
  ASSERT_EQ(open_probe(), STATUS_SUCCESS);
  kernel::current().alerted = true;
  EXPECT_EQ(read(), STATUS_SUCCESS);
  LARGE_INTEGER moment{};
  EXPECT_EQ(KeDelayExecutionThread(KernelMode, TRUE, &moment), STATUS_ALERTED);
}

// WDM-FILE-005
TEST_F(zw_file_test, cancelling_by_file_and_by_status_block) {
  std::vector<PIRP> kept;
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    kept.push_back(irp);
    IoMarkIrpPending(irp);
    IoSetCancelRoutine(irp, &cancel_held);
    return STATUS_PENDING;
  };
  ASSERT_EQ(open_probe(0), STATUS_SUCCESS);
  IO_STATUS_BLOCK first{}, second{}, told{};
  LARGE_INTEGER start{};
  const auto begin = [&](IO_STATUS_BLOCK& into) {
    into.Status = STATUS_PENDING;
    return ZwReadFile(file, nullptr, nullptr, nullptr, &into, data, 4, &start, nullptr);
  };
  EXPECT_EQ(ZwCancelIoFileEx(file, nullptr, &told), STATUS_NOT_FOUND);
  EXPECT_EQ(told.Status, STATUS_NOT_FOUND);
  EXPECT_EQ(ZwCancelIoFile(file, &told), STATUS_SUCCESS) << "also with nothing to do";
  ASSERT_EQ(begin(first), STATUS_PENDING);
  ASSERT_EQ(begin(second), STATUS_PENDING);
  EXPECT_EQ(ZwCancelIoFileEx(file, &told, &told), STATUS_NOT_FOUND);
  EXPECT_EQ(ZwCancelIoFileEx(file, &second, &told), STATUS_SUCCESS);
  EXPECT_EQ(second.Status, STATUS_CANCELLED);
  EXPECT_EQ(first.Status, STATUS_PENDING);
  EXPECT_EQ(ZwCancelIoFileEx(file, &second, &told), STATUS_NOT_FOUND);
  static HANDLE shared;
  shared = file;
  sync::join(sync::spawn(
      {},
      [](void*) {
        IO_STATUS_BLOCK other;
        EXPECT_EQ(ZwCancelIoFile(shared, &other), STATUS_SUCCESS);
        kernel::retire();
      },
      nullptr));
  EXPECT_EQ(first.Status, STATUS_PENDING) << "another thread's";
  ASSERT_EQ(begin(second), STATUS_PENDING);
  EXPECT_EQ(ZwCancelIoFile(file, &told), STATUS_SUCCESS);
  EXPECT_EQ(first.Status, STATUS_CANCELLED);
  EXPECT_EQ(second.Status, STATUS_CANCELLED);
  EXPECT_EQ(ZwCancelIoFile(nullptr, &told), STATUS_INVALID_HANDLE);
}

// Asks again and again until the thread waits for something that is cancelled.
struct thread_canceller {
  HANDLE thread = nullptr;
  PIO_STATUS_BLOCK which = nullptr;
  sync::actor_id actor = sync::no_actor;
  explicit thread_canceller(PIO_STATUS_BLOCK block) : which(block) {
    EXPECT_EQ(
        ObOpenObjectByPointer(KeGetCurrentThread(), 0, nullptr, 0, nullptr, KernelMode, &thread),
        STATUS_SUCCESS);
    actor = sync::spawn(
        {},
        [](void* context) {
          auto& self = *static_cast<thread_canceller*>(context);
          IO_STATUS_BLOCK told;
          while (ZwCancelSynchronousIoFile(self.thread, self.which, &told) == STATUS_NOT_FOUND) {
            sync::yield();
          }
          EXPECT_EQ(told.Status, STATUS_SUCCESS);
          kernel::retire();
        },
        this);
  }
  ~thread_canceller() {
    sync::join(actor);
    ZwClose(thread);
  }
};

// WDM-FILE-005
TEST_F(zw_file_test, what_a_thread_waits_for_is_cancelled_from_another) {
  keep_reads();
  ASSERT_EQ(open_probe(), STATUS_SUCCESS);
  {
    const thread_canceller any(nullptr);
    EXPECT_EQ(read(), STATUS_CANCELLED);
  }
  {
    const thread_canceller this_one(&block);
    EXPECT_EQ(read(), STATUS_CANCELLED);
  }
  IO_STATUS_BLOCK told;
  EXPECT_EQ(ZwCancelSynchronousIoFile(ZwCurrentThread(), nullptr, &told), STATUS_NOT_FOUND);
  EXPECT_EQ(ZwCancelSynchronousIoFile(file, nullptr, &told), STATUS_OBJECT_TYPE_MISMATCH);
}

// WDM-FILE-005
TEST_F(zw_file_test, an_open_that_a_thread_waits_for_is_cancelled_from_another) {
  on[IRP_MJ_CREATE] = [](PDEVICE_OBJECT, PIRP irp) {
    IoMarkIrpPending(irp);
    IoSetCancelRoutine(irp, &cancel_held);
    if (irp->Cancel && IoSetCancelRoutine(irp, nullptr) != nullptr) {
      complete(irp, STATUS_CANCELLED);
    }
    return STATUS_PENDING;
  };
  const thread_canceller any(nullptr);
  EXPECT_EQ(open_probe(), STATUS_CANCELLED);
  EXPECT_EQ(file, nullptr);
}

// WDM-FILE-003
TEST_F(zw_file_test, the_end_of_its_thread_cancels_a_request) {
  keep_reads();
  ASSERT_EQ(open_probe(0), STATUS_SUCCESS);
  HANDLE event = make_event();
  ASSERT_EQ(read(event), STATUS_PENDING);
  wdm::cancel_thread_requests();
  EXPECT_TRUE(is_set(event));
  EXPECT_EQ(block.Status, STATUS_CANCELLED);
  ZwClose(event);
}

// WDM-FILE-002, WDM-FILE-001
TEST_F(zw_file_test, closing_the_handle_cleans_up_and_the_request_keeps_the_file) {
  keep_reads();
  ASSERT_EQ(open_probe(0), STATUS_SUCCESS);
  ASSERT_EQ(read(), STATUS_PENDING);
  ZwClose(file);
  file = nullptr;
  EXPECT_EQ(seen, (majors{IRP_MJ_CREATE, IRP_MJ_READ, IRP_MJ_CLEANUP}));
  finish_held(STATUS_SUCCESS);
  EXPECT_EQ(seen.back(), IRP_MJ_CLOSE);
  EXPECT_EQ(device->ReferenceCount, 0);
}

}  // namespace
}  // namespace belay::test
