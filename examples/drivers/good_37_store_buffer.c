/*
 * Baton: one read at a time waits for a baton, which a write hands to it. A second read is told
 * that the device is busy. There is no lock: whoever takes the read out of its slot, by one
 * interlocked operation, completes it. A control request closes the device for good: it fails the
 * read that waits, and reads that come later fail at once.
 *
 * The right twin of bad_37_store_buffer.c: an interlocked operation on each side, which no later
 * access overtakes. One of the two sees the other, on every processor.
 */
#include <ntddk.h>

#define IOCTL_BATON_CLOSE \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef struct _DEVICE_EXTENSION {
    PIRP volatile PendingIrp;   /* the read that waits, or NULL */
    volatile LONG Claimed;      /* PendingIrp is some read's, who fills and empties it */
    volatile LONG Closed;
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD BatonUnload;
static DRIVER_CANCEL BatonCancelRead;
static DRIVER_DISPATCH BatonCreateClose, BatonCleanup, BatonRead, BatonWrite, BatonControl;

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
static VOID FinishRead(PDEVICE_EXTENSION Extension, PIRP Irp, NTSTATUS Status)
{
    KIRQL irql;

    InterlockedExchange(&Extension->Claimed, FALSE);
    if (IoSetCancelRoutine(Irp, NULL) == NULL) {
        IoAcquireCancelSpinLock(&irql);
        IoReleaseCancelSpinLock(irql);
    }
    CompleteIrp(Irp, Status, 0);
}

/* Takes the read that waits, or NULL. */
static PIRP TakeRead(PDEVICE_EXTENSION Extension)
{
    return InterlockedExchangePointer((PVOID volatile *)&Extension->PendingIrp, NULL);
}

static VOID BatonCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    BOOLEAN mine = InterlockedCompareExchangePointer((PVOID volatile *)&extension->PendingIrp, NULL,
                                                     Irp) == Irp;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    if (mine) {
        InterlockedExchange(&extension->Claimed, FALSE);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
    }
}

static NTSTATUS BatonRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;
    PIRP read;

    if (InterlockedExchange(&extension->Claimed, TRUE)) {
        return CompleteIrp(Irp, STATUS_DEVICE_BUSY, 0);
    }
    IoMarkIrpPending(Irp);

    /* Under the cancel spin lock nobody is cancelled between the cancel routine and the slot. */
    IoAcquireCancelSpinLock(&irql);
    if (Irp->Cancel) {
        IoReleaseCancelSpinLock(irql);
        InterlockedExchange(&extension->Claimed, FALSE);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    IoSetCancelRoutine(Irp, BatonCancelRead);
    InterlockedExchangePointer((PVOID volatile *)&extension->PendingIrp, Irp);
    if (extension->Closed) {
        read = TakeRead(extension);
        IoReleaseCancelSpinLock(irql);
        if (read != NULL) {
            FinishRead(extension, read, STATUS_DEVICE_NOT_READY);
        }
        return STATUS_PENDING;
    }
    IoReleaseCancelSpinLock(irql);
    return STATUS_PENDING;      /* once it is in the slot, the IRP may be gone */
}

static NTSTATUS BatonWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read = TakeRead(extension);

    if (read != NULL) {
        FinishRead(extension, read, STATUS_SUCCESS);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS BatonControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode !=
        IOCTL_BATON_CLOSE) {
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    InterlockedExchange(&extension->Closed, TRUE);
    read = extension->PendingIrp == NULL ? NULL : TakeRead(extension);
    if (read != NULL) {
        FinishRead(extension, read, STATUS_DEVICE_NOT_READY);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The last handle has gone. The device is exclusive: what still waits is this file object's. */
static NTSTATUS BatonCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read = TakeRead(extension);

    NT_ASSERT(read == NULL || !extension->Closed);      /* nothing waits in a closed device */
    if (read != NULL) {
        FinishRead(extension, read, STATUS_CANCELLED);
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
    extension->Claimed = FALSE;
    extension->Closed = FALSE;

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
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = BatonControl;
    DriverObject->DriverUnload = BatonUnload;
    return STATUS_SUCCESS;
}
