/*
 * Faulty: wrong in the one way that a macro chooses. WAITS: reads wait for their cancel.
 */
#include <ntddk.h>

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Faulty");
static PIRP volatile Kept;

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static KEVENT Never;

static VOID Wait(VOID) { KeWaitForSingleObject(&Never, Executive, KernelMode, FALSE, NULL); }

static volatile ULONG Depth = 1;

static ULONG Recurse(volatile ULONG *Outer)
{
    volatile ULONG inner = *Outer + 1;

    return Depth == 0 ? inner : Recurse(&inner) + *Outer;
}

static VOID Touch(volatile ULONG *Nothing) { *Nothing = 1; }

static VOID FaultyCancel(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
#if defined(CRASH_IN_CANCEL)
    Touch(NULL);
#endif
#if !defined(KEEPS_CANCELLED)
    CompleteIrp(Irp, STATUS_CANCELLED);
#endif
}

static NTSTATUS FaultyRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
#if defined(CRASH_IN_READ)
    Touch(NULL);
#endif
#if defined(JUMPS)
    ((VOID (*)(VOID))(ULONG_PTR)0x1234)();
#endif
#if defined(RECURSES)
    Depth = Recurse(&Depth);
#endif
#if defined(FORGETS)
    return STATUS_SUCCESS;
#endif
#if defined(WAITS_IN_READ)
    Wait();
#endif
#if defined(DIVIDES)
    {
        volatile int none = 0;
        none = 100 / none;
    }
#endif
    IoMarkIrpPending(Irp);
    Kept = Irp;
    IoSetCancelRoutine(Irp, FaultyCancel);
    return STATUS_PENDING;
}

/* Completes its own IRP twice, while a read of somebody else may wait. */
static NTSTATUS FaultyWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    CompleteIrp(Irp, STATUS_SUCCESS);
#if defined(COMPLETES_TWICE)
    CompleteIrp(Irp, STATUS_SUCCESS);           /* the wrong line */
#endif
    return STATUS_SUCCESS;
}

static NTSTATUS FaultyOther(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS);
}

static VOID FaultyUnload(PDRIVER_OBJECT DriverObject)
{
#if defined(CRASH_IN_UNLOAD)
    Touch(NULL);
#endif
#if defined(WAITS_IN_UNLOAD)
    Wait();
#endif
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    KeInitializeEvent(&Never, NotificationEvent, FALSE);
#if defined(ENTRY_FAILS)
    return STATUS_INSUFFICIENT_RESOURCES;
#endif
#if defined(CRASH_IN_ENTRY)
    Touch(NULL);
#endif
    status = IoCreateDevice(DriverObject, 0, &DeviceName, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = FaultyOther;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = FaultyOther;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = FaultyOther;
    DriverObject->MajorFunction[IRP_MJ_READ] = FaultyRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = FaultyWrite;
    DriverObject->DriverUnload = FaultyUnload;
    return STATUS_SUCCESS;
}
