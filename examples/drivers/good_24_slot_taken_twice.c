/*
 * Baton: one read at a time waits for a baton, which a write hands to it. A second read is told
 * that the device is busy.
 *
 * The right twin of bad_24_slot_taken_twice.c: the slot is read and emptied under the lock that
 * guards it.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;            /* guards PendingIrp */
    PIRP PendingIrp;            /* the read that waits, or NULL */
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
 * Empties the slot if the read in it is of this file object, or of any if FileObject is NULL,
 * and if its cancel routine has not been called. The caller owns the read and must complete it.
 */
static PIRP TakeRead(PDEVICE_EXTENSION Extension, PFILE_OBJECT FileObject)
{
    PIRP irp;
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    irp = Extension->PendingIrp;
    if (irp != NULL && FileObject != NULL &&
        IoGetCurrentIrpStackLocation(irp)->FileObject != FileObject) {
        irp = NULL;
    }
    if (irp != NULL && IoSetCancelRoutine(irp, NULL) == NULL) {
        irp = NULL;             /* its cancel routine has been called: it empties and completes */
    }
    if (irp != NULL) {
        Extension->PendingIrp = NULL;
    }
    KeReleaseSpinLock(&Extension->Lock, irql);
    return irp;
}

static VOID BatonCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    extension->PendingIrp = NULL;       /* it was Irp: only its owner empties the slot */
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS BatonRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    KeAcquireSpinLock(&extension->Lock, &irql);
    if (extension->PendingIrp != NULL) {
        KeReleaseSpinLock(&extension->Lock, irql);
        return CompleteIrp(Irp, STATUS_DEVICE_BUSY, 0);
    }
    IoMarkIrpPending(Irp);
    extension->PendingIrp = Irp;
    IoSetCancelRoutine(Irp, BatonCancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        /* Cancelled before the routine was set, so nobody will call it: finish here. */
        extension->PendingIrp = NULL;
        KeReleaseSpinLock(&extension->Lock, irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    return STATUS_PENDING;      /* from the release on, the IRP may be gone */
}

static NTSTATUS BatonWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIRP read = TakeRead(DeviceObject->DeviceExtension, NULL);

    if (read != NULL) {
        CompleteIrp(read, STATUS_SUCCESS, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS BatonCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read = TakeRead(DeviceObject->DeviceExtension, file);

    if (read != NULL) {
        CompleteIrp(read, STATUS_CANCELLED, 0);
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
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
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
