#include "fixture.hpp"

namespace {

using kernel_tests::actor;
class spin_lock : public kernel_tests::executive_test {
 protected:
  KSPIN_LOCK lock_ = 0;
  KIRQL irql_ = 0;
};
using irql = spin_lock;
using spin_lock_death = spin_lock;

TEST_F(irql, raises_and_lowers) {
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
  KIRQL old = 99;
  KeRaiseIrql(APC_LEVEL, &old);
  EXPECT_EQ(old, PASSIVE_LEVEL);
  EXPECT_EQ(KeRaiseIrqlToDpcLevel(), APC_LEVEL);
  EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
  KeLowerIrql(PASSIVE_LEVEL);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

// WDM-LOCK-011
TEST_F(irql, the_wrong_way_is_a_violation) {
  EXPECT_VIOLATION(KeLowerIrql(DISPATCH_LEVEL), "WDM-LOCK-011", "0x000000C4 \\(0x0000000000000031");
  EXPECT_VIOLATION(
      {
        KeRaiseIrqlToDpcLevel();
        KfRaiseIrql(APC_LEVEL);
      },
      "WDM-LOCK-011", "0x000000C4 \\(0x0000000000000030");
}

// WDM-LOCK-001
TEST_F(spin_lock, raises_and_restores) {
  KeAcquireSpinLock(&lock_, &irql_);
  EXPECT_EQ(irql_, PASSIVE_LEVEL);
  EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
  EXPECT_FALSE(KeTestSpinLock(&lock_));
  KeReleaseSpinLock(&lock_, irql_);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
  EXPECT_TRUE(KeTestSpinLock(&lock_));
}

TEST_F(spin_lock, two_may_be_released_in_either_order) {
  KSPIN_LOCK second = 0;
  KIRQL inner = 0;
  KeAcquireSpinLock(&lock_, &irql_);
  KeAcquireSpinLock(&second, &inner);
  EXPECT_EQ(inner, DISPATCH_LEVEL);
  KeReleaseSpinLock(&lock_, inner);
  EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
  KeReleaseSpinLock(&second, irql_);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

TEST_F(spin_lock, at_dispatch_level_forms) {
  const KIRQL old = KeRaiseIrqlToDpcLevel();
  KeAcquireSpinLockAtDpcLevel(&lock_);
  KeReleaseSpinLockFromDpcLevel(&lock_);
  EXPECT_TRUE(KeTryToAcquireSpinLockAtDpcLevel(&lock_));
  KeReleaseSpinLockFromDpcLevel(&lock_);
  KeLowerIrql(old);
}

TEST_F(spin_lock, queued) {
  KLOCK_QUEUE_HANDLE handle;
  KeAcquireInStackQueuedSpinLock(&lock_, &handle);
  EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
  KeReleaseInStackQueuedSpinLock(&handle);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

TEST_F(spin_lock, excludes) {
  struct shared {
    KSPIN_LOCK lock = 0;
    int count = 0;
  } state;
  const auto add = [](void* p) {
    auto* const s = static_cast<shared*>(p);
    for (int i = 0; i < 20'000; ++i) {
      KIRQL old;
      KeAcquireSpinLock(&s->lock, &old);
      ++s->count;
      KeReleaseSpinLock(&s->lock, old);
    }
  };
  {
    const actor first(add, &state);
    const actor second(add, &state);
  }
  EXPECT_EQ(state.count, 40'000);
}

TEST_F(spin_lock_death, misuse) {
  EXPECT_VIOLATION(
      {
        KeAcquireSpinLock(&lock_, &irql_);
        KeAcquireSpinLock(&lock_, &irql_);
      },
      "WDM-LOCK-001", "0x0000000F");
  EXPECT_VIOLATION(KeReleaseSpinLock(&lock_, PASSIVE_LEVEL), "WDM-LOCK-001", "0x00000010");
  EXPECT_VIOLATION(KeAcquireSpinLockAtDpcLevel(&lock_), "WDM-LOCK-001",
                   "0x000000C4 \\(0x0000000000000040");
  EXPECT_VIOLATION(
      {
        KeAcquireSpinLock(&lock_, &irql_);
        KeReleaseSpinLock(&lock_, DISPATCH_LEVEL);
      },
      "WDM-LOCK-001", "0x000000C4");
  EXPECT_VIOLATION(
      {
        KSPIN_LOCK second = 0;
        KIRQL inner;
        KeAcquireSpinLock(&lock_, &irql_);
        KeAcquireSpinLock(&second, &inner);
        KeReleaseSpinLock(&lock_, irql_);
      },
      "WDM-LOCK-001", "0x000000C4");
  EXPECT_VIOLATION(
      {
        KLOCK_QUEUE_HANDLE handle;
        KeAcquireInStackQueuedSpinLock(&lock_, &handle);
        KeReleaseSpinLock(&lock_, handle.OldIrql);
      },
      "WDM-LOCK-001", "0x000000C4");
}

// WDM-IRP-017
TEST_F(spin_lock_death, irql_limits) {
  EXPECT_VIOLATION(
      {
        KeAcquireSpinLock(&lock_, &irql_);
        KeEnterCriticalRegion();
      },
      "WDM-IRP-017: KeEnterCriticalRegion", "0x000000C4 \\(0x0000000000020010");
  EXPECT_VIOLATION(
      {
        KeAcquireSpinLock(&lock_, &irql_);
        ZwClose(nullptr);
      },
      "WDM-IRP-017: ZwClose", "0x000000C4 \\(0x000000000002001F");
}

TEST_F(spin_lock, readers_and_a_writer) {
  EX_SPIN_LOCK shared = 0;
  const KIRQL first = ExAcquireSpinLockShared(&shared);
  const KIRQL second = ExAcquireSpinLockShared(&shared);
  ExReleaseSpinLockShared(&shared, second);
  ExReleaseSpinLockShared(&shared, first);
  const KIRQL old = ExAcquireSpinLockExclusive(&shared);
  ExReleaseSpinLockExclusive(&shared, old);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

TEST_F(spin_lock, interlocked_lists) {
  LIST_ENTRY head;
  LIST_ENTRY entries[2];
  InitializeListHead(&head);
  EXPECT_EQ(ExInterlockedInsertTailList(&head, &entries[0], &lock_), nullptr);
  EXPECT_EQ(ExInterlockedInsertHeadList(&head, &entries[1], &lock_), &entries[0]);
  EXPECT_EQ(ExInterlockedRemoveHeadList(&head, &lock_), &entries[1]);
  EXPECT_EQ(ExInterlockedRemoveHeadList(&head, &lock_), &entries[0]);
  EXPECT_EQ(ExInterlockedRemoveHeadList(&head, &lock_), nullptr);

  SLIST_HEADER list;
  SLIST_ENTRY links[2];
  InitializeSListHead(&list);
  EXPECT_EQ(InterlockedPushEntrySList(&list, &links[0]), nullptr);
  EXPECT_EQ(InterlockedPushEntrySList(&list, &links[1]), &links[0]);
  EXPECT_EQ(ExQueryDepthSList(&list), 2);
  EXPECT_EQ(InterlockedPopEntrySList(&list), &links[1]);
  EXPECT_EQ(InterlockedFlushSList(&list), &links[0]);
  EXPECT_EQ(InterlockedPopEntrySList(&list), nullptr);
}

}  // namespace
