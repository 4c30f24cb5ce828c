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

}  // namespace
}  // namespace belay::test
