#include "fixture.hpp"

namespace {

using kernel_tests::wait;
using work_item = kernel_tests::executive_test;
using work_item_death = kernel_tests::executive_test;

struct state {
  KEVENT ran;
  PIO_WORKITEM item = nullptr;
  KIRQL irql = 99;
  int times = 0;
  PIO_WORKITEM_ROUTINE_EX routine = nullptr;
};

TEST_F(work_item, runs_at_passive_level_and_may_free_itself) {
  state shared;
  KeInitializeEvent(&shared.ran, SynchronizationEvent, FALSE);
  shared.item = IoAllocateWorkItem(nullptr);
  IoQueueWorkItem(
      shared.item,
      [](PDEVICE_OBJECT, PVOID context) {
        auto* const s = static_cast<state*>(context);
        s->irql = KeGetCurrentIrql();
        IoFreeWorkItem(s->item);
        KeSetEvent(&s->ran, 0, FALSE);
      },
      DelayedWorkQueue, &shared);
  EXPECT_EQ(wait(&shared.ran), STATUS_SUCCESS);
  EXPECT_EQ(shared.irql, PASSIVE_LEVEL);
}

TEST_F(work_item, may_queue_itself_again) {
  state shared;
  KeInitializeEvent(&shared.ran, SynchronizationEvent, FALSE);
  shared.item = IoAllocateWorkItem(nullptr);
  const PIO_WORKITEM_ROUTINE_EX routine = [](PVOID, PVOID context, PIO_WORKITEM item) {
    auto* const s = static_cast<state*>(context);
    EXPECT_EQ(item, s->item);
    if (++s->times < 5) {
      IoQueueWorkItemEx(item, s->routine, DelayedWorkQueue, s);
    } else {
      KeSetEvent(&s->ran, 0, FALSE);
    }
  };
  shared.routine = routine;
  IoQueueWorkItemEx(shared.item, routine, DelayedWorkQueue, &shared);
  EXPECT_EQ(wait(&shared.ran), STATUS_SUCCESS);
  EXPECT_EQ(shared.times, 5);
  IoFreeWorkItem(shared.item);
}

// WDM-IRP-024, WDM-IRP-026, WDM-IRP-019
TEST_F(work_item_death, returns_at_passive_level) {
  EXPECT_VIOLATION(
      {
        KEVENT never;
        KeInitializeEvent(&never, NotificationEvent, FALSE);
        PIO_WORKITEM const item = IoAllocateWorkItem(nullptr);
        IoQueueWorkItem(
            item, [](PDEVICE_OBJECT, PVOID) { KeRaiseIrqlToDpcLevel(); }, DelayedWorkQueue,
            nullptr);
        wait(&never);
      },
      "WDM-IRP-024", "0x000000E1");
  EXPECT_VIOLATION(
      {
        KEVENT never;
        WORK_QUEUE_ITEM item;
        KeInitializeEvent(&never, NotificationEvent, FALSE);
        ExInitializeWorkItem(
            &item, [](PVOID event) { wait(event); }, &never);
        ExQueueWorkItem(&item, DelayedWorkQueue);
        belay::kernel::check_unload(nullptr, 0);
      },
      "WDM-IRP-019", "0x000000CE");
}

}  // namespace
