#include "fixture.hpp"

namespace {

using kernel_tests::actor;
using kernel_tests::poll;
using kernel_tests::wait;
using mutex = kernel_tests::executive_test;
using region = kernel_tests::executive_test;
using resource = kernel_tests::executive_test;

// WDM-LOCK-012
TEST_F(mutex, is_recursive_and_owned) {
  KMUTEX mutex;
  KeInitializeMutex(&mutex, 0);
  EXPECT_EQ(KeReadStateMutex(&mutex), 1);
  EXPECT_EQ(wait(&mutex), STATUS_SUCCESS);
  EXPECT_TRUE(KeAreApcsDisabled());
  EXPECT_EQ(wait(&mutex), STATUS_SUCCESS);
  {
    const actor other(
        [](void* p) {
          EXPECT_EQ(poll(p), STATUS_TIMEOUT);
          EXPECT_VIOLATION(KeReleaseMutex(static_cast<PKMUTEX>(p), FALSE), "WDM-LOCK-012",
                           "0x0000007E");
        },
        &mutex);
  }
  EXPECT_NE(KeReleaseMutex(&mutex, FALSE), 0);
  EXPECT_EQ(KeReleaseMutex(&mutex, FALSE), 0);
  EXPECT_FALSE(KeAreApcsDisabled());
}

// WDM-LOCK-010
TEST_F(mutex, fast) {
  FAST_MUTEX mutex;
  ExInitializeFastMutex(&mutex);
  ExAcquireFastMutex(&mutex);
  EXPECT_EQ(KeGetCurrentIrql(), APC_LEVEL);
  {
    const actor other(
        [](void* p) { EXPECT_FALSE(ExTryToAcquireFastMutex(static_cast<PFAST_MUTEX>(p))); },
        &mutex);
  }
  EXPECT_VIOLATION(ExAcquireFastMutex(&mutex), "WDM-LOCK-010", "0x000000C4");
  ExReleaseFastMutex(&mutex);
  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
  EXPECT_VIOLATION(ExReleaseFastMutex(&mutex), "WDM-LOCK-010", "0x000000C4");
  EXPECT_VIOLATION(ExAcquireFastMutexUnsafe(&mutex), "WDM-LOCK-010", "0x000000C4");
}

TEST_F(mutex, fast_excludes) {
  struct shared {
    FAST_MUTEX mutex;
    int count = 0;
  } state;
  ExInitializeFastMutex(&state.mutex);
  const auto add = [](void* p) {
    auto* const s = static_cast<shared*>(p);
    for (int i = 0; i < 5'000; ++i) {
      ExAcquireFastMutex(&s->mutex);
      ++s->count;
      ExReleaseFastMutex(&s->mutex);
    }
  };
  {
    const actor first(add, &state);
    const actor second(add, &state);
    const actor third(add, &state);
  }
  EXPECT_EQ(state.count, 15'000);
}

TEST_F(mutex, guarded) {
  KGUARDED_MUTEX mutex;
  KeInitializeGuardedMutex(&mutex);
  KeAcquireGuardedMutex(&mutex);
  EXPECT_TRUE(KeAreAllApcsDisabled());
  KeReleaseGuardedMutex(&mutex);
  EXPECT_FALSE(KeAreAllApcsDisabled());
}

// WDM-LOCK-008, WDM-LOCK-009
TEST_F(region, balances) {
  KeEnterCriticalRegion();
  EXPECT_TRUE(KeAreApcsDisabled());
  EXPECT_FALSE(KeAreAllApcsDisabled());
  KeLeaveCriticalRegion();
  EXPECT_VIOLATION(KeLeaveCriticalRegion(), "WDM-LOCK-008", "0x000000C4 \\(0x000000000000003E");
  EXPECT_VIOLATION(KeLeaveGuardedRegion(), "WDM-LOCK-009", "0x000000C4 \\(0x000000000004000E");
}

TEST_F(resource, one_writer_or_many_readers) {
  ERESOURCE resource;
  ExInitializeResourceLite(&resource);
  KeEnterCriticalRegion();
  EXPECT_TRUE(ExAcquireResourceSharedLite(&resource, TRUE));
  EXPECT_TRUE(ExAcquireResourceSharedLite(&resource, TRUE));
  EXPECT_EQ(ExIsResourceAcquiredSharedLite(&resource), 2u);
  {
    const actor other(
        [](void* p) {
          auto* const r = static_cast<PERESOURCE>(p);
          KeEnterCriticalRegion();
          EXPECT_FALSE(ExAcquireResourceExclusiveLite(r, FALSE));
          EXPECT_TRUE(ExAcquireResourceSharedLite(r, FALSE));
          ExReleaseResourceLite(r);
          KeLeaveCriticalRegion();
        },
        &resource);
  }
  ExReleaseResourceLite(&resource);
  ExReleaseResourceLite(&resource);
  EXPECT_TRUE(ExAcquireResourceExclusiveLite(&resource, TRUE));
  EXPECT_TRUE(ExIsResourceAcquiredExclusiveLite(&resource));
  ExConvertExclusiveToSharedLite(&resource);
  EXPECT_FALSE(ExIsResourceAcquiredExclusiveLite(&resource));
  ExReleaseResourceLite(&resource);
  EXPECT_VIOLATION(ExReleaseResourceLite(&resource), "WDM-LOCK-010", "0x000000E3");
  KeLeaveCriticalRegion();
  EXPECT_VIOLATION(ExAcquireResourceExclusiveLite(&resource, TRUE), "WDM-LOCK-010", "0x000000C4");
  ExDeleteResourceLite(&resource);
}

// WDM-LOCK-012
TEST_F(resource, rundown_waits_for_the_last) {
  EX_RUNDOWN_REF reference;
  ExInitializeRundownProtection(&reference);
  EXPECT_TRUE(ExAcquireRundownProtection(&reference));
  const actor other([](void* p) { ExReleaseRundownProtection(static_cast<PEX_RUNDOWN_REF>(p)); },
                    &reference);
  ExWaitForRundownProtectionRelease(&reference);
  EXPECT_FALSE(ExAcquireRundownProtection(&reference));
  EXPECT_VIOLATION(ExReleaseRundownProtection(&reference), "WDM-LOCK-012", "0x00000018");
}

}  // namespace
