/*
 * Baton: one read at a time waits for a baton, which a write hands to it. A second read is told
 * that the device is busy. There is no lock: whoever takes the read out of its slot, by one
 * interlocked operation, completes it.
 *
 * Deliberately wrong, pattern 25: the cancel routine looks into the slot and empties it by two
 * plain accesses. A write that takes the read in between owns it, too.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    PIRP volatile PendingIrp;   /* the read that waits, or NULL; only by interlocked operations */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD BatonUnload;
static DRIVER_CANCEL BatonCancelRead;
static DRIVER_DISPATCH BatonCreateClose, BatonCleanup, BatonRead, BatonWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Baton");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Baton");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/*
 * Completes a read that was taken out of the slot. IoCancelIrp may have called its cancel routine
 * meanwhile; that one finds the slot empty and goes away, but reads CancelIrql before: so wait
 * until it has released the cancel spin lock.
 */
static VOID FinishRead(PIRP Irp, NTSTATUS Status)
{
    KIRQL irql;

    if (IoSetCancelRoutine(Irp, NULL) == NULL) {
        IoAcquireCancelSpinLock(&irql);
        IoReleaseCancelSpinLock(irql);
    }
    CompleteIrp(Irp, Status, 0);
}

static VOID BatonCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    BOOLEAN mine;

    mine = extension->PendingIrp == Irp;        /* WRONG: a write may take it after this look */
    if (mine) {
        extension->PendingIrp = NULL;
    }
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    if (mine) {
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
    }
}

static NTSTATUS BatonRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoMarkIrpPending(Irp);

    /* Under the cancel spin lock nobody is cancelled between the slot and the cancel routine. */
    IoAcquireCancelSpinLock(&irql);
    if (Irp->Cancel) {
        IoReleaseCancelSpinLock(irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    IoSetCancelRoutine(Irp, BatonCancelRead);
    if (InterlockedCompareExchangePointer((PVOID volatile *)&extension->PendingIrp, Irp, NULL) !=
        NULL) {
        IoSetCancelRoutine(Irp, NULL);
        IoReleaseCancelSpinLock(irql);
        CompleteIrp(Irp, STATUS_DEVICE_BUSY, 0);
        return STATUS_PENDING;
    }
    IoReleaseCancelSpinLock(irql);
    return STATUS_PENDING;      /* once it is in the slot, the IRP may be gone */
}

static NTSTATUS BatonWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read = InterlockedExchangePointer((PVOID volatile *)&extension->PendingIrp, NULL);

    if (read != NULL) {
        FinishRead(read, STATUS_SUCCESS);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The last handle has gone. The device is exclusive: what still waits is this file object's. */
static NTSTATUS BatonCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read = InterlockedExchangePointer((PVOID volatile *)&extension->PendingIrp, NULL);

    if (read != NULL) {
        FinishRead(read, STATUS_CANCELLED);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS BatonCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID BatonUnload(PDRIVER_OBJECT DriverObject)
{
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
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, TRUE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    extension->PendingIrp = NULL;

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = BatonCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = BatonCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = BatonCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = BatonRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = BatonWrite;
    DriverObject->DriverUnload = BatonUnload;
    return STATUS_SUCCESS;
}
