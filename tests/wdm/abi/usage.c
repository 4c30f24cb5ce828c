// A driver that uses what drivers use: must compile as C and as C++, without a warning.

#include <initguid.h>
#include <ntifs.h>
#include <ntintsafe.h>
#include <ntstrsafe.h>
#include <string.h>
#include <wchar.h>
#include <wdmguid.h>
#include <wdmsec.h>

DEFINE_GUID(GUID_USAGE, 0x11223344, 0x5566, 0x7788, 1, 2, 3, 4, 5, 6, 7, 8);

#ifdef __cplusplus
#define GUID_USAGE_ARGUMENT GUID_USAGE
#else
#define GUID_USAGE_ARGUMENT &GUID_USAGE
#endif
#define USAGE_TAG 'gasU'
#define IOCTL_USAGE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef struct _USAGE_EXTENSION {
  LIST_ENTRY Pending;
  KSPIN_LOCK Lock;
  IO_REMOVE_LOCK RemoveLock;
  IO_CSQ Queue;
  KTIMER Timer;
  KDPC Dpc;
  FAST_MUTEX Mutex;
  NPAGED_LOOKASIDE_LIST Lookaside;
  SLIST_HEADER Free;
  PIRP Current;
  LONG Count;
  PIO_WORKITEM Item;
} USAGE_EXTENSION, *PUSAGE_EXTENSION;

C_ASSERT(sizeof(WCHAR) == 2);
C_ASSERT(sizeof(LONG) == 4);

EXTERN_C_START
DRIVER_INITIALIZE DriverEntry;
DRIVER_UNLOAD UsageUnload;
_Dispatch_type_(IRP_MJ_READ) DRIVER_DISPATCH UsageRead;
DRIVER_CANCEL UsageCancel;
KDEFERRED_ROUTINE UsageDpc;
IO_COMPLETION_ROUTINE UsageCompletion;
IO_WORKITEM_ROUTINE UsageWork;
EXTERN_C_END

static const WCHAR device_name[] = L"\\Device\\Usage";
DECLARE_CONST_UNICODE_STRING(link_name, L"\\DosDevices\\Usage");

__declspec(noinline) static ULONG
    __stdcall Hash(_In_reads_bytes_(Length) const VOID* Data, _In_ SIZE_T Length) {
  UCHAR copy[16] = {0};
  memcpy(copy, Data, Length < sizeof(copy) ? Length : sizeof(copy));
  if (memcmp(copy, Data, 1) != 0) memset(copy, 0xff, sizeof(copy));
  memmove(copy + 1, copy, 4);
  return copy[0] + (ULONG)RtlCompareMemory(copy, copy + 1, 8);
}

static __forceinline VOID Touch(PUSAGE_EXTENSION Extension) {
  InterlockedIncrement(&Extension->Count);
  InterlockedCompareExchange(&Extension->Count, 0, 5);
  InterlockedOr(&Extension->Count, 1);
  (void)InterlockedBitTestAndSet(&Extension->Count, 3);
  (void)_InterlockedExchangeAdd(&Extension->Count, 2);
  (void)InterlockedExchangePointer((PVOID*)&Extension->Current, NULL);
  KeMemoryBarrier();
}

_Use_decl_annotations_ VOID UsageCancel(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
  PUSAGE_EXTENSION extension = (PUSAGE_EXTENSION)DeviceObject->DeviceExtension;
  KIRQL irql;
  IoReleaseCancelSpinLock(Irp->CancelIrql);
  KeAcquireSpinLock(&extension->Lock, &irql);
  RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
  KeReleaseSpinLock(&extension->Lock, irql);
  IoReleaseRemoveLock(&extension->RemoveLock, Irp);
  Irp->IoStatus.Status = STATUS_CANCELLED;
  Irp->IoStatus.Information = 0;
  IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

_Use_decl_annotations_ VOID UsageDpc(PKDPC Dpc, PVOID DeferredContext, PVOID SystemArgument1,
                                     PVOID SystemArgument2) {
  PUSAGE_EXTENSION extension = (PUSAGE_EXTENSION)DeferredContext;
  UNREFERENCED_PARAMETER(Dpc);
  UNREFERENCED_PARAMETER(SystemArgument1);
  UNREFERENCED_PARAMETER(SystemArgument2);
  KeAcquireSpinLockAtDpcLevel(&extension->Lock);
  while (!IsListEmpty(&extension->Pending)) {
    PIRP irp = CONTAINING_RECORD(RemoveHeadList(&extension->Pending), IRP, Tail.Overlay.ListEntry);
    if (IoSetCancelRoutine(irp, NULL) == NULL) InitializeListHead(&irp->Tail.Overlay.ListEntry);
  }
  KeReleaseSpinLockFromDpcLevel(&extension->Lock);
}

_Use_decl_annotations_ NTSTATUS UsageCompletion(PDEVICE_OBJECT DeviceObject, PIRP Irp,
                                                PVOID Context) {
  UNREFERENCED_PARAMETER(DeviceObject);
  if (Irp->PendingReturned) IoMarkIrpPending(Irp);
  KeSetEvent((PKEVENT)Context, IO_NO_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

_Use_decl_annotations_ VOID UsageWork(PDEVICE_OBJECT DeviceObject, PVOID Context) {
  PUSAGE_EXTENSION extension = (PUSAGE_EXTENSION)DeviceObject->DeviceExtension;
  UNREFERENCED_PARAMETER(Context);
  ExAcquireFastMutex(&extension->Mutex);
  ExReleaseFastMutex(&extension->Mutex);
  IoFreeWorkItem(extension->Item);
}

_Use_decl_annotations_ NTSTATUS UsageRead(PDEVICE_OBJECT DeviceObject, PIRP Irp) {
  PUSAGE_EXTENSION extension = (PUSAGE_EXTENSION)DeviceObject->DeviceExtension;
  PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
  NTSTATUS status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);
  KIRQL irql;
  CHAR text[32];
  WCHAR wide[32];
  ULONG total = 0;

  PAGED_CODE();
  if (!NT_SUCCESS(status)) return status;
  __try {
    ProbeForRead(Irp->UserBuffer, stack->Parameters.Read.Length, sizeof(UCHAR));
    total = Hash(Irp->UserBuffer, stack->Parameters.Read.Length);
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    status = (NTSTATUS)GetExceptionCode();
  }
  __try {
    total++;
  } __finally {
    Touch(extension);
  }
  status = RtlULongAdd(total, 1, &total);
  status = RtlStringCbPrintfA(text, sizeof(text), "%d", total);
  status = RtlStringCchCopyW(wide, RTL_NUMBER_OF(wide), device_name);
  ASSERT(wcslen(wide) == wcslen(device_name) && wcscmp(wide, device_name) == 0);
  NT_ASSERT(IsEqualGUID(GUID_USAGE_ARGUMENT, GUID_USAGE_ARGUMENT));
  KdPrint(("read %u: %s %ws\n", total, text, wide));

  if (stack->Parameters.Read.ByteOffset.QuadPart == 0) {
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, UsageCompletion, NULL, TRUE, TRUE, TRUE);
    status = IoCallDriver(DeviceObject->AttachedDevice, Irp);
  } else {
    IoSkipCurrentIrpStackLocation(Irp);
  }
  KeAcquireSpinLock(&extension->Lock, &irql);
  InsertTailList(&extension->Pending, &Irp->Tail.Overlay.ListEntry);
  IoMarkIrpPending(Irp);
  (void)IoSetCancelRoutine(Irp, UsageCancel);
  if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
  }
  KeReleaseSpinLock(&extension->Lock, irql);
  return STATUS_PENDING;
}

_Use_decl_annotations_ VOID UsageUnload(PDRIVER_OBJECT DriverObject) {
  PUSAGE_EXTENSION extension = (PUSAGE_EXTENSION)DriverObject->DeviceObject->DeviceExtension;
  LARGE_INTEGER interval;
  interval.QuadPart = Int32x32To64(10, -10000);
  KeDelayExecutionThread(KernelMode, FALSE, &interval);
  KeCancelTimer(&extension->Timer);
  IoReleaseRemoveLockAndWait(&extension->RemoveLock, NULL);
  ExDeleteNPagedLookasideList(&extension->Lookaside);
  IoDeleteSymbolicLink((PUNICODE_STRING)&link_name);
  IoDeleteDevice(DriverObject->DeviceObject);
}

_Use_decl_annotations_ NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject,
                                            PUNICODE_STRING RegistryPath) {
  UNICODE_STRING name;
  PDEVICE_OBJECT device;
  PUSAGE_EXTENSION extension;
  LARGE_INTEGER due;
  PVOID block = ExAllocatePool2(POOL_FLAG_NON_PAGED, 64, USAGE_TAG);
  NTSTATUS status;

  UNREFERENCED_PARAMETER(RegistryPath);
  if (block != NULL) ExFreePoolWithTag(block, USAGE_TAG);
  RtlInitUnicodeString(&name, device_name);
  status = IoCreateDeviceSecure(DriverObject, sizeof(USAGE_EXTENSION), &name, FILE_DEVICE_UNKNOWN,
                                FILE_DEVICE_SECURE_OPEN, FALSE, &SDDL_DEVOBJ_SYS_ALL_ADM_ALL,
                                &GUID_USAGE, &device);
  if (!NT_SUCCESS(status)) return status;
  extension = (PUSAGE_EXTENSION)device->DeviceExtension;
  InitializeListHead(&extension->Pending);
  InitializeSListHead(&extension->Free);
  KeInitializeSpinLock(&extension->Lock);
  KeInitializeTimer(&extension->Timer);
  KeInitializeDpc(&extension->Dpc, UsageDpc, extension);
  ExInitializeFastMutex(&extension->Mutex);
  ExInitializeNPagedLookasideList(&extension->Lookaside, NULL, NULL, 0, 64, USAGE_TAG, 0);
  IoInitializeRemoveLock(&extension->RemoveLock, USAGE_TAG, 0, 0);
  extension->Item = IoAllocateWorkItem(device);
  IoQueueWorkItem(extension->Item, UsageWork, DelayedWorkQueue, NULL);
  due.QuadPart = -10000;
  KeSetTimer(&extension->Timer, due, &extension->Dpc);
  DriverObject->MajorFunction[IRP_MJ_READ] = UsageRead;
  DriverObject->DriverUnload = UsageUnload;
  device->Flags |= DO_BUFFERED_IO;
  device->Flags &= ~DO_DEVICE_INITIALIZING;
  return IoCreateSymbolicLink((PUNICODE_STRING)&link_name, &name);
}
