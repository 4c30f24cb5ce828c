// A driver that opens a device by its name, its own for simplicity.
#pragma once

#include "probe_driver.hpp"

namespace belay::test {

inline constexpr ULONG waits = FILE_SYNCHRONOUS_IO_NONALERT;

inline VOID cancel_held(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  complete(irp, STATUS_CANCELLED);
}

class zw_file_test : public probe_test {
 public:
  template <std::size_t N>
  NTSTATUS open_file(const WCHAR (&name)[N], ULONG options = waits,
                     ACCESS_MASK access = GENERIC_READ | GENERIC_WRITE) {
    UNICODE_STRING wide = text(name);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &wide, OBJ_KERNEL_HANDLE, root, nullptr);
    return ZwCreateFile(&file, access, &attributes, &block, nullptr, FILE_ATTRIBUTE_NORMAL,
                        FILE_SHARE_READ, FILE_OPEN, options, nullptr, 0);
  }
  NTSTATUS open_probe(ULONG options = waits, ACCESS_MASK access = GENERIC_READ | GENERIC_WRITE) {
    return open_file(L"\\Device\\Probe", options, access);
  }
  NTSTATUS read(HANDLE event = nullptr, PIO_APC_ROUTINE routine = nullptr,
                PVOID context = nullptr) {
    LARGE_INTEGER start{};
    return ZwReadFile(file, event, routine, context, &block, data, sizeof data, &start, nullptr);
  }
  void TearDown() override {
    if (file != nullptr) ZwClose(file);
    probe_test::TearDown();
  }
  /// Reads stay, cancellable, in `held`.
  void keep_reads() {
    on[IRP_MJ_READ] = [this](PDEVICE_OBJECT, PIRP irp) {
      held = irp;
      IoMarkIrpPending(irp);
      IoSetCancelRoutine(irp, &cancel_held);
      // The cancel may have come before.
      if (irp->Cancel && IoSetCancelRoutine(irp, nullptr) != nullptr) {
        complete(irp, STATUS_CANCELLED);
      }
      return STATUS_PENDING;
    };
  }
  void finish_held(NTSTATUS status, ULONG_PTR information = 0) {
    ASSERT_NE(IoSetCancelRoutine(held, nullptr), nullptr);
    complete(held, status, information);
  }
  HANDLE make_event() {
    HANDLE event = nullptr;
    EXPECT_EQ(ZwCreateEvent(&event, EVENT_ALL_ACCESS, nullptr, NotificationEvent, TRUE),
              STATUS_SUCCESS);
    return event;
  }
  static bool is_set(HANDLE waitable) {
    LARGE_INTEGER none{};
    return ZwWaitForSingleObject(waitable, FALSE, &none) == STATUS_SUCCESS;
  }

  HANDLE file = nullptr;
  HANDLE root = nullptr;
  IO_STATUS_BLOCK block{};
  PIRP held = nullptr;
  char data[8] = {};
};

/// Completes a read with `bytes` from `from`, wherever the buffer is.
inline NTSTATUS answer_read(PIRP irp, const void* from, std::size_t bytes) {
  PVOID to = irp->UserBuffer;
  if (irp->AssociatedIrp.SystemBuffer != nullptr) to = irp->AssociatedIrp.SystemBuffer;
  if (irp->MdlAddress != nullptr)
    to = MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority);
  RtlCopyMemory(to, from, bytes);
  return complete(irp, STATUS_SUCCESS, bytes);
}

}  // namespace belay::test
