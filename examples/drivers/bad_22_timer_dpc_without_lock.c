/*
 * Tick: a read waits for the next tick of the device, at most 1 ms away. One read at a time; a
 * second one is told that the device is busy.
 *
 * Deliberately wrong, pattern 22: the timer's DPC empties the slot without the lock and completes
 * what it found, as if the KeCancelTimer in the cancel routine could keep it from running. For a
 * DPC that is already queued KeCancelTimer returns FALSE, and nobody looks.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;            /* guards Waiting, and the setting of Timer */
    PIRP Waiting;               /* the read that waits for the tick, or NULL */
    KTIMER Timer;               /* set while a read waits */
    KDPC Dpc;
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD TickUnload;
static DRIVER_CANCEL TickCancelRead;
static KDEFERRED_ROUTINE TickDpc;
static DRIVER_DISPATCH TickCreateClose, TickCleanup, TickRead;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Tick");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Tick");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/*
 * Empties the slot if the read in it is of this file object, or of any if FileObject is NULL,
 * and if its cancel routine has not been called. The caller owns the read and must complete it.
 */
static PIRP TakeRead(PDEVICE_EXTENSION Extension, PFILE_OBJECT FileObject)
{
    PIRP irp;
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    irp = Extension->Waiting;
    if (irp != NULL && FileObject != NULL &&
        IoGetCurrentIrpStackLocation(irp)->FileObject != FileObject) {
        irp = NULL;
    }
    if (irp != NULL && IoSetCancelRoutine(irp, NULL) == NULL) {
        irp = NULL;             /* its cancel routine has been called: it empties and completes */
    }
    if (irp != NULL) {
        Extension->Waiting = NULL;
        KeCancelTimer(&Extension->Timer);
    }
    KeReleaseSpinLock(&Extension->Lock, irql);
    return irp;
}

static VOID TickDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_EXTENSION extension = Context;
    PIRP read;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    read = extension->Waiting;  /* WRONG: without the lock, whoever else may have it */
    extension->Waiting = NULL;
    if (read != NULL) {
        IoSetCancelRoutine(read, NULL);
        CompleteIrp(read, STATUS_SUCCESS, 0);
    }
}

static VOID TickCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    extension->Waiting = NULL;
    KeCancelTimer(&extension->Timer);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS TickRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    LARGE_INTEGER due;
    KIRQL irql;

    due.QuadPart = -10 * 1000;  /* 1 ms from now */

    KeAcquireSpinLock(&extension->Lock, &irql);
    if (extension->Waiting != NULL) {
        KeReleaseSpinLock(&extension->Lock, irql);
        return CompleteIrp(Irp, STATUS_DEVICE_BUSY, 0);
    }
    IoMarkIrpPending(Irp);
    extension->Waiting = Irp;
    IoSetCancelRoutine(Irp, TickCancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        /* Cancelled before the routine was set, so nobody will call it: finish here. */
        extension->Waiting = NULL;
        KeReleaseSpinLock(&extension->Lock, irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeSetTimer(&extension->Timer, due, &extension->Dpc);
    KeReleaseSpinLock(&extension->Lock, irql);
    return STATUS_PENDING;      /* from the release on, the IRP may be gone */
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS TickCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read = TakeRead(DeviceObject->DeviceExtension, file);

    if (read != NULL) {
        CompleteIrp(read, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS TickCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* No read waits, so no timer is set; the DPC of the last one may still be queued or returning. */
static VOID TickUnload(PDRIVER_OBJECT DriverObject)
{
    KeFlushQueuedDpcs();
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    PDEVICE_EXTENSION extension;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);

    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &DeviceName,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    extension->Waiting = NULL;
    KeInitializeTimer(&extension->Timer);
    KeInitializeDpc(&extension->Dpc, TickDpc, extension);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = TickCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = TickCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = TickCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = TickRead;
    DriverObject->DriverUnload = TickUnload;
    return STATUS_SUCCESS;
}
