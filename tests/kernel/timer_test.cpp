#include "fixture.hpp"

namespace {

using kernel_tests::milliseconds;
using kernel_tests::units;
using kernel_tests::wait;

class timer : public kernel_tests::executive_test {
 protected:
  KTIMER timer_;
};
using timer_death = timer;
constexpr LONGLONG an_hour = 3'600'000;

TEST_F(timer, cancel_tells_whether_it_was_set) {
  KeInitializeTimer(&timer_);
  EXPECT_FALSE(KeCancelTimer(&timer_));
  EXPECT_FALSE(KeSetTimer(&timer_, milliseconds(an_hour), nullptr));
  EXPECT_TRUE(KeSetTimer(&timer_, milliseconds(an_hour), nullptr));
  EXPECT_TRUE(KeCancelTimer(&timer_));
  EXPECT_FALSE(KeCancelTimer(&timer_));
  EXPECT_FALSE(KeReadStateTimer(&timer_));
}

TEST_F(timer, signals_when_due) {
  KeInitializeTimer(&timer_);
  KeSetTimer(&timer_, milliseconds(2), nullptr);
  EXPECT_EQ(wait(&timer_), STATUS_SUCCESS);
  EXPECT_TRUE(KeReadStateTimer(&timer_));
  EXPECT_FALSE(KeCancelTimer(&timer_));
  // Setting it again takes the signal back.
  KeSetTimer(&timer_, milliseconds(an_hour), nullptr);
  EXPECT_FALSE(KeReadStateTimer(&timer_));
  KeCancelTimer(&timer_);
}

TEST_F(timer, takes_an_absolute_time) {
  KeInitializeTimerEx(&timer_, SynchronizationTimer);
  LARGE_INTEGER now;
  KeQuerySystemTime(&now);
  KeSetTimer(&timer_, units(now.QuadPart + 20'000), nullptr);
  EXPECT_EQ(wait(&timer_), STATUS_SUCCESS);
  EXPECT_FALSE(KeReadStateTimer(&timer_));
  KeSetTimer(&timer_, units(now.QuadPart - 1), nullptr);
  EXPECT_TRUE(KeReadStateTimer(&timer_));
}

struct ticks {
  KEVENT enough;
  volatile LONG count = 0;
};

TEST_F(timer, periodic_queues_its_dpc_each_time) {
  ticks state;
  KDPC dpc;
  KeInitializeEvent(&state.enough, NotificationEvent, FALSE);
  KeInitializeDpc(
      &dpc,
      [](PKDPC, PVOID context, PVOID, PVOID) {
        auto* const t = static_cast<ticks*>(context);
        EXPECT_EQ(KeGetCurrentIrql(), DISPATCH_LEVEL);
        if (InterlockedIncrement(&t->count) == 3) KeSetEvent(&t->enough, 0, FALSE);
      },
      &state);
  KeInitializeTimer(&timer_);
  KeSetTimerEx(&timer_, milliseconds(1), 1, &dpc);
  EXPECT_EQ(wait(&state.enough), STATUS_SUCCESS);
  EXPECT_TRUE(KeCancelTimer(&timer_));
  KeFlushQueuedDpcs();
  const LONG after = state.count;
  EXPECT_GE(after, 3);
}

// WDM-IRP-019, WDM-IRP-026
TEST_F(timer_death, set_at_the_end) {
  KeInitializeTimer(&timer_);
  KeSetTimer(&timer_, milliseconds(an_hour), nullptr);
  EXPECT_VIOLATION(belay::kernel::check_unload(nullptr, 0), "WDM-IRP-019", "0x000000CE");
  EXPECT_VIOLATION(KeInitializeTimer(&timer_), "WDM-IRP-026", "0x000000C7");
  KeCancelTimer(&timer_);
  EXPECT_VIOLATION(
      {
        auto* const block =
            static_cast<PKTIMER>(ExAllocatePoolWithTag(NonPagedPool, sizeof(KTIMER), 'tseT'));
        KeInitializeTimer(block);
        KeSetTimer(block, milliseconds(an_hour), nullptr);
        ExFreePoolWithTag(block, 'tseT');
      },
      "WDM-IRP-019", "0x000000C7");
}

TEST_F(timer, with_a_handle) {
  ticks state;
  KeInitializeEvent(&state.enough, NotificationEvent, FALSE);
  PEX_TIMER const timer = ExAllocateTimer(
      [](PEX_TIMER, PVOID context) { KeSetEvent(&static_cast<ticks*>(context)->enough, 0, FALSE); },
      &state, 0);
  EXPECT_FALSE(ExSetTimer(timer, -10'000, 0, nullptr));
  EXPECT_EQ(wait(&state.enough), STATUS_SUCCESS);
  EXPECT_FALSE(ExDeleteTimer(timer, TRUE, TRUE, nullptr));
}

TEST_F(timer, calendar) {
  TIME_FIELDS fields{2026, 2, 28, 23, 59, 58, 999, 0};
  LARGE_INTEGER time;
  EXPECT_TRUE(RtlTimeFieldsToTime(&fields, &time));
  TIME_FIELDS again{};
  RtlTimeToTimeFields(&time, &again);
  EXPECT_EQ(again.Year, 2026);
  EXPECT_EQ(again.Month, 2);
  EXPECT_EQ(again.Day, 28);
  EXPECT_EQ(again.Hour, 23);
  EXPECT_EQ(again.Milliseconds, 999);
  EXPECT_EQ(again.Weekday, 6);  // a Saturday
  LARGE_INTEGER now;
  KeQuerySystemTime(&now);
  RtlTimeToTimeFields(&now, &again);
  EXPECT_EQ(again.Year, 2026);
}

}  // namespace
