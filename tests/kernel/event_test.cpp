#include "fixture.hpp"

namespace {

using kernel_tests::actor;
using kernel_tests::milliseconds;
using kernel_tests::poll;
using kernel_tests::wait;

class event : public kernel_tests::executive_test {
 protected:
  KEVENT event_;
};
using semaphore = event;
using waits = event;
using waits_death = event;

TEST_F(event, notification_stays_signalled) {
  KeInitializeEvent(&event_, NotificationEvent, FALSE);
  EXPECT_EQ(poll(&event_), STATUS_TIMEOUT);
  EXPECT_EQ(KeSetEvent(&event_, IO_NO_INCREMENT, FALSE), 0);
  EXPECT_NE(KeSetEvent(&event_, IO_NO_INCREMENT, FALSE), 0);
  EXPECT_EQ(wait(&event_), STATUS_SUCCESS);
  EXPECT_EQ(wait(&event_), STATUS_SUCCESS);
  EXPECT_NE(KeResetEvent(&event_), 0);
  EXPECT_EQ(KeReadStateEvent(&event_), 0);
}

TEST_F(event, synchronization_lets_one_pass) {
  KeInitializeEvent(&event_, SynchronizationEvent, TRUE);
  EXPECT_EQ(wait(&event_), STATUS_SUCCESS);
  EXPECT_EQ(poll(&event_), STATUS_TIMEOUT);
}

TEST_F(event, wakes_the_one_who_waits) {
  KEVENT answer;
  struct pair {
    KEVENT* asked;
    KEVENT* answered;
  } events{&event_, &answer};
  KeInitializeEvent(&event_, SynchronizationEvent, FALSE);
  KeInitializeEvent(&answer, SynchronizationEvent, FALSE);
  const actor other(
      [](void* p) {
        const auto* const e = static_cast<pair*>(p);
        for (int i = 0; i < 200; ++i) {
          EXPECT_EQ(wait(e->asked), STATUS_SUCCESS);
          KeSetEvent(e->answered, 0, FALSE);
        }
      },
      &events);
  for (int i = 0; i < 200; ++i) {
    // WDM-LOCK-005: the pair is one.
    KeSetEvent(&event_, 0, TRUE);
    EXPECT_EQ(wait(&answer), STATUS_SUCCESS);
  }
}

TEST_F(event, pulse_leaves_it_unsignalled) {
  KeInitializeEvent(&event_, NotificationEvent, FALSE);
  EXPECT_EQ(KePulseEvent(&event_, 0, FALSE), 0);
  EXPECT_EQ(KeReadStateEvent(&event_), 0);
}

// WDM-LOCK-012
TEST_F(semaphore, counts) {
  KSEMAPHORE semaphore;
  KeInitializeSemaphore(&semaphore, 1, 3);
  EXPECT_EQ(wait(&semaphore), STATUS_SUCCESS);
  EXPECT_EQ(poll(&semaphore), STATUS_TIMEOUT);
  EXPECT_EQ(KeReleaseSemaphore(&semaphore, 0, 2, FALSE), 0);
  EXPECT_EQ(KeReleaseSemaphore(&semaphore, 0, 1, FALSE), 2);
  EXPECT_EQ(KeReadStateSemaphore(&semaphore), 3);
  EXPECT_VIOLATION(KeReleaseSemaphore(&semaphore, 0, 1, FALSE), "WDM-LOCK-012", "0x0000007E");
}

TEST_F(waits, time_out) {
  KeInitializeEvent(&event_, NotificationEvent, FALSE);
  LARGE_INTEGER before;
  LARGE_INTEGER after;
  LARGE_INTEGER span = milliseconds(20);
  KeQuerySystemTime(&before);
  EXPECT_EQ(KeWaitForSingleObject(&event_, Executive, KernelMode, FALSE, &span), STATUS_TIMEOUT);
  KeQuerySystemTime(&after);
  EXPECT_GE(after.QuadPart - before.QuadPart, 200'000);
  // An absolute time that has passed.
  EXPECT_EQ(KeWaitForSingleObject(&event_, Executive, KernelMode, FALSE, &before), STATUS_TIMEOUT);
  EXPECT_EQ(KeDelayExecutionThread(KernelMode, FALSE, &span), STATUS_SUCCESS);
}

TEST_F(waits, any_of_several) {
  KEVENT second;
  KeInitializeEvent(&event_, NotificationEvent, FALSE);
  KeInitializeEvent(&second, SynchronizationEvent, TRUE);
  PVOID objects[] = {&event_, &second};
  LARGE_INTEGER none{};
  EXPECT_EQ(
      KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, nullptr, nullptr),
      STATUS_WAIT_1);
  EXPECT_EQ(
      KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, &none, nullptr),
      STATUS_TIMEOUT);
}

TEST_F(waits, all_take_nothing_until_all_are_there) {
  KEVENT second;
  KeInitializeEvent(&event_, SynchronizationEvent, TRUE);
  KeInitializeEvent(&second, SynchronizationEvent, FALSE);
  PVOID objects[] = {&event_, &second};
  LARGE_INTEGER span = milliseconds(5);
  EXPECT_EQ(
      KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, &span, nullptr),
      STATUS_TIMEOUT);
  EXPECT_NE(KeReadStateEvent(&event_), 0);
  const actor other([](void* p) { KeSetEvent(static_cast<PKEVENT>(p), 0, FALSE); }, &second);
  EXPECT_EQ(
      KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, nullptr, nullptr),
      STATUS_SUCCESS);
  EXPECT_EQ(KeReadStateEvent(&event_), 0);
  EXPECT_EQ(KeReadStateEvent(&second), 0);
}

// WDM-IRP-018, WDM-LOCK-006
TEST_F(waits_death, at_dispatch_level) {
  KeInitializeEvent(&event_, NotificationEvent, FALSE);
  const KIRQL old = KeRaiseIrqlToDpcLevel();
  EXPECT_EQ(poll(&event_), STATUS_TIMEOUT);
  EXPECT_VIOLATION(wait(&event_), "WDM-IRP-018", "0x000000B8");
  KeLowerIrql(old);
  EXPECT_VIOLATION(
      {
        KIRQL before;
        KeRaiseIrql(SYNCH_LEVEL, &before);
        poll(&event_);
      },
      "WDM-LOCK-006", "0x000000C4");
}

// WDM-LOCK-005
TEST_F(waits_death, a_promised_wait_is_the_next_call) {
  KeInitializeEvent(&event_, NotificationEvent, FALSE);
  EXPECT_VIOLATION(
      {
        KeSetEvent(&event_, 0, TRUE);
        KeReadStateEvent(&event_);
      },
      "WDM-LOCK-005: KeReadStateEvent called after KeSetEvent", "0x000000C4");
  EXPECT_VIOLATION(
      {
        KeRaiseIrqlToDpcLevel();
        KeSetEvent(&event_, 0, TRUE);
      },
      "WDM-LOCK-005", "0x000000C4");
}

// WDM-IRP-026
TEST_F(waits_death, on_nothing_initialised) {
  KEVENT raw{};
  EXPECT_VIOLATION(KeSetEvent(&raw, 0, FALSE), "WDM-IRP-026", "0x0000000A");
  EXPECT_VIOLATION(wait(&raw), "WDM-IRP-026", "0x0000000A");
}

}  // namespace
