// What Driver Verifier adds, natively: the order of locks, exact lowering, and the switch.
#include "kernel/verifier.hpp"

#include "fixture.hpp"

namespace {

using kernel_tests::actor;

class verifier : public kernel_tests::executive_test {
 protected:
  void SetUp() override {
    executive_test::SetUp();
    ExInitializeFastMutex(&fast_);
    KeInitializeMutex(&mutex_, 0);
    ExInitializeResourceLite(&resource_);
  }
  void TearDown() override {
    belay::kernel::set_verifier(true);
    ExDeleteResourceLite(&resource_);
    executive_test::TearDown();
  }
  KSPIN_LOCK first_ = 0, second_ = 0, third_ = 0;
  FAST_MUTEX fast_;
  KMUTEX mutex_;
  ERESOURCE resource_;
};
using verifier_death = verifier;

void both(PKSPIN_LOCK one, PKSPIN_LOCK other) {
  KIRQL irql;
  KeAcquireSpinLock(one, &irql);
  KeAcquireSpinLockAtDpcLevel(other);
  KeReleaseSpinLockFromDpcLevel(other);
  KeReleaseSpinLock(one, irql);
}

/// WDM-LOCK-003
TEST_F(verifier, one_order_is_fine) {
  for (int i = 0; i < 3; ++i) {
    both(&first_, &second_);
    both(&second_, &third_);
    both(&first_, &third_);
  }
}

/// WDM-LOCK-003: nobody waits, no cycle happens; the order alone is reported.
TEST_F(verifier_death, two_orders) {
  EXPECT_VIOLATION(
      {
        both(&first_, &second_);
        both(&second_, &first_);
      },
      "WDM-LOCK-003", "0x000000C4 \\(0x0000000000001001");
  EXPECT_VIOLATION(
      {
        both(&first_, &second_);
        both(&second_, &third_);
        both(&third_, &first_);
      },
      "WDM-LOCK-003", "spin lock");
}

struct pair {
  PKSPIN_LOCK one, other;
};
void both_the_other_way(void* argument) {
  const auto* const what = static_cast<pair*>(argument);
  both(what->other, what->one);
}
/// The orders of all threads count. WDM-LOCK-003
TEST_F(verifier_death, of_two_threads) {
  EXPECT_VIOLATION(
      {
        pair locks;
        locks.one = &first_;
        locks.other = &second_;
        {
          const actor partner(&both_the_other_way, &locks);
        }
        both(&first_, &second_);
      },
      "WDM-LOCK-003", "other order");
}

/// WDM-LOCK-003
TEST_F(verifier_death, of_other_locks) {
  EXPECT_VIOLATION(
      {
        ExAcquireFastMutex(&fast_);
        kernel_tests::wait(&mutex_);
        KeReleaseMutex(&mutex_, FALSE);
        ExReleaseFastMutex(&fast_);
        kernel_tests::wait(&mutex_);
        ExAcquireFastMutex(&fast_);
      },
      "WDM-LOCK-003", "fast mutex .* while the mutex");
  EXPECT_VIOLATION(
      {
        KeEnterCriticalRegion();
        ExAcquireResourceExclusiveLite(&resource_, TRUE);
        kernel_tests::wait(&mutex_);
        KeReleaseMutex(&mutex_, FALSE);
        ExReleaseResourceLite(&resource_);
        kernel_tests::wait(&mutex_);
        ExAcquireResourceSharedLite(&resource_, TRUE);
      },
      "WDM-LOCK-003", "resource .* while the mutex");
}

/// WDM-LOCK-003: a lock that is only tried cannot be waited for.
TEST_F(verifier, a_try_makes_no_order) {
  both(&first_, &second_);
  KIRQL irql;
  KeAcquireSpinLock(&second_, &irql);
  EXPECT_TRUE(KeTryToAcquireSpinLockAtDpcLevel(&first_));
  KeReleaseSpinLockFromDpcLevel(&first_);
  KeReleaseSpinLock(&second_, irql);
}

/// WDM-LOCK-003: what lies there after a free is another lock.
TEST_F(verifier, freed_memory_forgets_its_locks) {
  auto* const block = static_cast<PKSPIN_LOCK>(ExAllocatePoolWithTag(NonPagedPool, 64, 'tseT'));
  block[0] = block[3] = 0;
  both(&first_, &block[3]);
  belay::kernel::forget_locks(block, 64);
  both(&block[3], &first_);
  ExFreePoolWithTag(block, 'tseT');
}

/// WDM-LOCK-010
TEST_F(verifier_death, a_reader_becomes_a_writer) {
  EXPECT_VIOLATION(
      {
        KeEnterCriticalRegion();
        ExAcquireResourceSharedLite(&resource_, TRUE);
        ExAcquireResourceExclusiveLite(&resource_, TRUE);
      },
      "WDM-LOCK-010", "0x000000C4 \\(0x0000000000001000");
}

/// WDM-LOCK-011
TEST_F(verifier_death, a_lowering_returns_to_the_level_of_its_raise) {
  EXPECT_VIOLATION(
      {
        KIRQL low;
        KIRQL high;
        KeRaiseIrql(APC_LEVEL, &low);
        KeRaiseIrql(CLOCK_LEVEL, &high);
        KeLowerIrql(DISPATCH_LEVEL);
      },
      "WDM-LOCK-011", "0x000000C4 \\(0x0000000000000031");
}

/// WDM-LOCK-011
TEST_F(verifier, a_lowering_within_a_raise) {
  KIRQL low;
  KIRQL irql;
  KeRaiseIrql(APC_LEVEL, &low);
  KeAcquireSpinLock(&first_, &irql);
  KeReleaseSpinLockFromDpcLevel(&first_);
  KeLowerIrql(irql);
  EXPECT_EQ(KeGetCurrentIrql(), APC_LEVEL);
  KeLowerIrql(low);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

/// WDM-EX-005: without the verifier its checks are off, and those of every Windows stand.
TEST_F(verifier, can_be_turned_off) {
  belay::kernel::set_verifier(false);
  both(&first_, &second_);
  both(&second_, &first_);
  KeLeaveCriticalRegion();
  EXPECT_FALSE(KeAreApcsDisabled());
  EXPECT_VIOLATION(
      {
        belay::kernel::set_verifier(false);
        KIRQL irql;
        KeAcquireSpinLock(&first_, &irql);
        KeAcquireSpinLockAtDpcLevel(&first_);
      },
      "WDM-LOCK-001", "0x0000000F");
}

}  // namespace
