#include "fixture.hpp"

namespace {

using kernel_tests::wait;
using thread = kernel_tests::executive_test;
using thread_death = kernel_tests::executive_test;

NTSTATUS start(PHANDLE handle, PKSTART_ROUTINE routine, PVOID context) {
  return PsCreateSystemThread(handle, THREAD_ALL_ACCESS, nullptr, nullptr, nullptr, routine,
                              context);
}

TEST_F(thread, can_be_waited_for) {
  struct state {
    LONG value = 0;
    PKTHREAD self = nullptr;
  } shared;
  HANDLE handle = nullptr;
  ASSERT_EQ(start(
                &handle,
                [](PVOID context) {
                  auto* const s = static_cast<state*>(context);
                  s->self = KeGetCurrentThread();
                  EXPECT_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
                  s->value = 42;
                  PsTerminateSystemThread(STATUS_SUCCESS);
                  s->value = 43;
                },
                &shared),
            STATUS_SUCCESS);
  PVOID object = nullptr;
  ASSERT_EQ(ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &object,
                                      nullptr),
            STATUS_SUCCESS);
  EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS);
  EXPECT_EQ(wait(object), STATUS_SUCCESS);
  EXPECT_EQ(shared.value, 42);
  EXPECT_EQ(static_cast<PVOID>(shared.self), object);
  ObDereferenceObject(object);
}

TEST_F(thread, may_just_return) {
  HANDLE handle = nullptr;
  ASSERT_EQ(start(
                &handle, [](PVOID) {}, nullptr),
            STATUS_SUCCESS);
  EXPECT_EQ(ZwWaitForSingleObject(handle, FALSE, nullptr), STATUS_SUCCESS);
  EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS);
  EXPECT_EQ(ZwClose(handle), STATUS_INVALID_HANDLE);
}

TEST_F(thread, knows_itself) {
  EXPECT_EQ(KeGetCurrentThread(), KeGetCurrentThread());
  EXPECT_EQ(PsGetThreadId(PsGetCurrentThread()), PsGetCurrentThreadId());
  EXPECT_EQ(KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY), 8);
  EXPECT_EQ(PsTerminateSystemThread(STATUS_SUCCESS), STATUS_INVALID_PARAMETER);
}

// WDM-IRP-019, WDM-IRP-024
TEST_F(thread_death, left_behind_or_at_the_wrong_irql) {
  EXPECT_VIOLATION(
      {
        static KEVENT never;
        HANDLE handle;
        KeInitializeEvent(&never, NotificationEvent, FALSE);
        start(
            &handle, [](PVOID) { wait(&never); }, nullptr);
        belay::kernel::check_unload(nullptr, 0);
      },
      "WDM-IRP-019", "0x000000CE");
  EXPECT_VIOLATION(
      {
        HANDLE handle;
        start(
            &handle, [](PVOID) { KeRaiseIrqlToDpcLevel(); }, nullptr);
        ZwWaitForSingleObject(handle, FALSE, nullptr);
      },
      "WDM-IRP-024", "0x000000C8");
}

// WDM-LOCK-008, WDM-LOCK-009
TEST_F(thread_death, ends_inside_a_region) {
  EXPECT_VIOLATION(
      {
        HANDLE handle;
        start(
            &handle, [](PVOID) { KeEnterCriticalRegion(); }, nullptr);
        ZwWaitForSingleObject(handle, FALSE, nullptr);
      },
      "WDM-LOCK-008", "0x000000C4 \\(0x0000000000040003");
  EXPECT_VIOLATION(
      {
        HANDLE handle;
        start(
            &handle, [](PVOID) { KeEnterGuardedRegion(); }, nullptr);
        ZwWaitForSingleObject(handle, FALSE, nullptr);
      },
      "WDM-LOCK-009", "0x000000C4 \\(0x000000000004000E");
}

}  // namespace
