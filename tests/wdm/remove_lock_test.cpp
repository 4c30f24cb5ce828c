#include "probe_driver.hpp"

namespace belay::test {
namespace {

class remove_lock_test : public probe_test {
 public:
  void SetUp() override {
    probe_test::SetUp();
    IoInitializeRemoveLock(&lock, 'bolc', 0, 0);
  }
  IO_REMOVE_LOCK lock;
  char a = 0, b = 0;
};

// WDM-FILE-007
TEST_F(remove_lock_test, after_the_removal_nothing_is_acquired_any_more) {
  EXPECT_EQ(IoAcquireRemoveLock(&lock, &a), STATUS_SUCCESS);
  EXPECT_EQ(IoAcquireRemoveLock(&lock, &b), STATUS_SUCCESS);
  IoReleaseRemoveLock(&lock, &a);
  IoReleaseRemoveLockAndWait(&lock, &b);
  EXPECT_EQ(IoAcquireRemoveLock(&lock, &a), STATUS_DELETE_PENDING);
}

// WDM-FILE-007
TEST_F(remove_lock_test, the_removal_waits_for_the_last_release) {
  ASSERT_EQ(IoAcquireRemoveLock(&lock, &a), STATUS_SUCCESS);
  ASSERT_EQ(IoAcquireRemoveLock(&lock, &b), STATUS_SUCCESS);
  struct shared {
    remove_lock_test* test;
    int order = 0;
    int released = 0;
  } state{this};
  const sync::actor_id other = sync::spawn(
      {.name = "releaser"},
      [](void* p) {
        auto& s = *static_cast<shared*>(p);
        s.released = ++s.order;
        IoReleaseRemoveLock(&s.test->lock, &s.test->b);
      },
      &state);
  IoReleaseRemoveLockAndWait(&lock, &a);
  EXPECT_EQ(state.released, 1);
  sync::join(other);
}

// WDM-FILE-007
TEST_F(remove_lock_test, a_release_needs_the_tag_of_an_acquire) {
  ASSERT_EQ(IoAcquireRemoveLock(&lock, &a), STATUS_SUCCESS);
  expect_broken("WDM-FILE-007", [&] { IoReleaseRemoveLock(&lock, &b); });
  IoReleaseRemoveLock(&lock, &a);
  expect_broken("WDM-FILE-007", [&] { IoReleaseRemoveLock(&lock, &a); });
}

// WDM-IRP-026
TEST_F(remove_lock_test, a_lock_never_initialised_is_reported) {
  IO_REMOVE_LOCK raw{};
  expect_broken("WDM-IRP-026", [&] { IoAcquireRemoveLock(&raw, &a); });
}

// WDM-FILE-007
TEST_F(remove_lock_test, the_last_release_names_its_own_tag) {
  ASSERT_EQ(IoAcquireRemoveLock(&lock, &a), STATUS_SUCCESS);
  const kernel::violation what =
      expect_broken("WDM-FILE-007", [&] { IoReleaseRemoveLockAndWait(&lock, &b); });
  EXPECT_EQ(what.bug_check, 0xC4u);
  EXPECT_EQ(what.parameter[0], 0xD6u);
  EXPECT_EQ(what.parameter[3], reinterpret_cast<std::uint64_t>(&a));
  EXPECT_EQ(expect_broken("WDM-FILE-007", [&] { IoInitializeRemoveLock(&lock, 'bolc', 0, 0); })
                .parameter[0],
            0xD7u);
  IoReleaseRemoveLock(&lock, &a);
}

// WDM-FILE-007: what is acquired for a request is released with it.
TEST_F(remove_lock_test, a_completed_request_holds_nothing) {
  const _FILE_OBJECT* file = open().file;
  on[IRP_MJ_READ] = [this](PDEVICE_OBJECT, PIRP irp) {
    EXPECT_EQ(IoAcquireRemoveLock(&lock, irp), STATUS_SUCCESS);
    return complete(irp, STATUS_SUCCESS);
  };
  lost_request read({.file = const_cast<_FILE_OBJECT*>(file)});
  EXPECT_STREQ(expect_broken("WDM-FILE-007", [&] { read.request.start(); }).rule,
               "RemoveLockReleaseRead");
  abandon();
}

// WDM-FILE-007: acquired with another tag, or pending, it may be held.
TEST_F(remove_lock_test, a_pending_request_may_hold_it) {
  PIRP held = nullptr;
  on[IRP_MJ_CREATE] = [this](PDEVICE_OBJECT target, PIRP irp) {
    EXPECT_EQ(IoAcquireRemoveLock(&lock, target), STATUS_SUCCESS);
    return complete(irp, STATUS_SUCCESS);
  };
  on[IRP_MJ_CLOSE] = [this](PDEVICE_OBJECT target, PIRP irp) {
    IoReleaseRemoveLock(&lock, target);
    return complete(irp, STATUS_SUCCESS);
  };
  on[IRP_MJ_READ] = [&](PDEVICE_OBJECT, PIRP irp) {
    EXPECT_EQ(IoAcquireRemoveLock(&lock, irp), STATUS_SUCCESS);
    IoMarkIrpPending(irp);
    held = irp;
    return STATUS_PENDING;
  };
  _FILE_OBJECT* file = open().file;
  wdm::request read({.file = file});
  EXPECT_EQ(read.start(), STATUS_PENDING);
  complete(held, STATUS_SUCCESS);
  IoReleaseRemoveLock(&lock, held);
  EXPECT_TRUE(read.wait());
  wdm::close_handle(file);
}

// WDM-FILE-007: though nobody waits for it.
TEST_F(remove_lock_test, a_device_is_not_deleted_while_its_lock_is_held) {
  PDEVICE_OBJECT other = nullptr;
  ASSERT_EQ(IoCreateDevice(driver, sizeof(IO_REMOVE_LOCK), nullptr, FILE_DEVICE_UNKNOWN, 0, FALSE,
                           &other),
            STATUS_SUCCESS);
  auto inner = static_cast<PIO_REMOVE_LOCK>(other->DeviceExtension);
  IoInitializeRemoveLock(inner, 'bolc', 0, 0);
  ASSERT_EQ(IoAcquireRemoveLock(inner, &a), STATUS_SUCCESS);
  expect_broken("WDM-FILE-007", [&] { IoDeleteDevice(other); });
  abandon();
}

}  // namespace
}  // namespace belay::test
