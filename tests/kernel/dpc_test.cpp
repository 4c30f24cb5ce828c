#include "fixture.hpp"

namespace {

using kernel_tests::wait;
using dpc = kernel_tests::executive_test;
using dpc_death = kernel_tests::executive_test;

struct seen {
  KEVENT ran;
  PVOID arguments[2] = {};
  KIRQL irql = 99;
  LONG times = 0;
};

VOID note_call(PKDPC, PVOID context, PVOID first, PVOID second) {
  auto* const s = static_cast<seen*>(context);
  s->irql = KeGetCurrentIrql();
  s->arguments[0] = first;
  s->arguments[1] = second;
  ++s->times;
  KeSetEvent(&s->ran, 0, FALSE);
}

// WDM-LOCK-004
TEST_F(dpc, runs_at_dispatch_level_with_its_arguments) {
  seen state;
  KDPC dpc;
  KeInitializeEvent(&state.ran, SynchronizationEvent, FALSE);
  KeInitializeDpc(&dpc, &note_call, &state);
  for (int i = 1; i <= 50; ++i) {
    EXPECT_TRUE(KeInsertQueueDpc(&dpc, &state, &dpc));
    EXPECT_EQ(wait(&state.ran), STATUS_SUCCESS);
    KeFlushQueuedDpcs();
    EXPECT_EQ(state.times, i);
  }
  EXPECT_EQ(state.irql, DISPATCH_LEVEL);
  EXPECT_EQ(state.arguments[0], &state);
  EXPECT_EQ(state.arguments[1], &dpc);
  EXPECT_FALSE(KeRemoveQueueDpc(&dpc));
}

TEST_F(dpc, flush_waits_for_all) {
  struct slow {
    KDPC dpc;
    volatile LONG* done;
  } many[8];
  volatile LONG done = 0;
  for (slow& each : many) {
    each.done = &done;
    KeInitializeDpc(
        &each.dpc,
        [](PKDPC, PVOID context, PVOID, PVOID) {
          KeStallExecutionProcessor(500);
          InterlockedIncrement(static_cast<slow*>(context)->done);
        },
        &each);
  }
  for (slow& each : many) KeInsertQueueDpc(&each.dpc, nullptr, nullptr);
  KeFlushQueuedDpcs();
  EXPECT_EQ(done, 8);
}

// WDM-IRP-024, WDM-LOCK-007, WDM-IRP-026
TEST_F(dpc_death, leaves_things_as_it_found_them) {
  static KSPIN_LOCK lock = 0;
  EXPECT_VIOLATION(
      {
        KDPC dpc;
        KeInitializeDpc(
            &dpc, [](PKDPC, PVOID, PVOID, PVOID) { KeLowerIrql(PASSIVE_LEVEL); }, nullptr);
        KeInsertQueueDpc(&dpc, nullptr, nullptr);
        KeFlushQueuedDpcs();
      },
      "WDM-IRP-024", "0x000000C8");
  EXPECT_VIOLATION(
      {
        KDPC dpc;
        KeInitializeDpc(
            &dpc, [](PKDPC, PVOID, PVOID, PVOID) { KeAcquireSpinLockAtDpcLevel(&lock); }, nullptr);
        KeInsertQueueDpc(&dpc, nullptr, nullptr);
        KeFlushQueuedDpcs();
      },
      "WDM-LOCK-007", "0x000000C8");
  KDPC raw{};
  EXPECT_VIOLATION(KeInsertQueueDpc(&raw, nullptr, nullptr), "WDM-IRP-026", "0x000000C7");
}

}  // namespace
