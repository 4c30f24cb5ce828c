#include "kernel/object.hpp"

#include "fixture.hpp"

namespace {

using kernel_tests::wait;
using object = kernel_tests::executive_test;
using object_death = kernel_tests::executive_test;

int closed = 0;
int destroyed = 0;
const belay::kernel::object_type counted{"Counted", [](void*) { ++closed; },
                                         [](void*) { ++destroyed; }, false};

TEST_F(object, lives_as_long_as_its_references) {
  closed = destroyed = 0;
  void* const body = belay::kernel::create_object(&counted, 24, nullptr, "test");
  EXPECT_TRUE(belay::kernel::is_object(body, &counted));
  void* const handle = belay::kernel::create_handle(body);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(handle) % 4, 0u);
  EXPECT_EQ(ObReferenceObject(body), 3);
  EXPECT_EQ(ObDereferenceObject(body), 2);
  EXPECT_EQ(ObDereferenceObject(body), 1);
  EXPECT_EQ(destroyed, 0);
  EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS);
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(destroyed, 1);
  EXPECT_FALSE(belay::kernel::is_object(body, nullptr));
}

TEST_F(object, handles_know_their_type) {
  HANDLE handle = nullptr;
  ASSERT_EQ(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, nullptr, NotificationEvent, FALSE),
            STATUS_SUCCESS);
  PVOID found = nullptr;
  EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, *PsThreadType, KernelMode, &found, nullptr),
            STATUS_OBJECT_TYPE_MISMATCH);
  ASSERT_EQ(ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, &found, nullptr),
            STATUS_SUCCESS);
  EXPECT_EQ(ZwSetEvent(handle, nullptr), STATUS_SUCCESS);
  EXPECT_EQ(wait(found), STATUS_SUCCESS);
  ObDereferenceObject(found);
  EXPECT_EQ(ZwClose(handle), STATUS_SUCCESS);
  EXPECT_EQ(ObReferenceObjectByHandle(handle, 0, nullptr, KernelMode, &found, nullptr),
            STATUS_INVALID_HANDLE);
}

// WDM-IRP-021, WDM-IRP-025, WDM-IRP-013, WDM-IRP-020
TEST_F(object_death, the_driver_gives_up) {
  EXPECT_VIOLATION(ASSERTMSG("as it must", closed == -1), "WDM-IRP-021: .*closed == -1",
                   "0x0000007E");
  EXPECT_VIOLATION(KeBugCheckEx(0xDEAD, 1, 2, 3, 4), "WDM-IRP-025",
                   "0x0000DEAD \\(0x0000000000000001, 0x0000000000000002");
  EXPECT_VIOLATION(
      {
        LIST_ENTRY head;
        LIST_ENTRY entry;
        InitializeListHead(&head);
        InsertTailList(&head, &entry);
        RemoveEntryList(&entry);
        RemoveEntryList(&entry);
      },
      "WDM-IRP-013", "0x00000139 \\(0x0000000000000003");
  EXPECT_VIOLATION(
      {
        KeRaiseIrqlToDpcLevel();
        PAGED_CODE();
      },
      "WDM-IRP-020", "0x000000D1");
}

}  // namespace
