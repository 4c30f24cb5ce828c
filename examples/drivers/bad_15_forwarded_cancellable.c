/*
 * Sluice: a filter holds reads back until a write opens the sluice, and then passes the oldest
 * one on to the device below it, which serves it. The reads that are held back can be cancelled.
 * Both devices are this driver's.
 *
 * Deliberately wrong, pattern 15: the filter makes the read cancellable again before it passes it
 * on, for the time that the lower driver has it. But a cancel routine belongs to the driver that
 * has the IRP: this one would complete a packet that the lower driver is working on.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    PDEVICE_OBJECT Lower;       /* of the filter; NULL: this is the device below */
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* reads held back, oldest first, by Tail.Overlay.ListEntry */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD SluiceUnload;
static DRIVER_CANCEL SluiceCancelRead;
static DRIVER_DISPATCH SluicePassDown, SluiceCleanup, SluiceRead, SluiceWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Sluice");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Sluice");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/*
 * Takes the oldest read that is held back: of one file object, or of any if FileObject is NULL.
 * The caller owns it.
 */
static PIRP TakeRead(PDEVICE_EXTENSION Extension, PFILE_OBJECT FileObject)
{
    PIRP irp, found = NULL;
    PLIST_ENTRY entry;
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    for (entry = Extension->Reads.Flink; entry != &Extension->Reads; entry = entry->Flink) {
        irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (FileObject != NULL && IoGetCurrentIrpStackLocation(irp)->FileObject != FileObject) {
            continue;
        }
        if (IoSetCancelRoutine(irp, NULL) == NULL) {
            continue;           /* its cancel routine has been called: it removes and completes */
        }
        RemoveEntryList(entry);
        found = irp;
        break;
    }
    KeReleaseSpinLock(&Extension->Lock, irql);
    return found;
}

static VOID SluiceCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS SluiceRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    if (extension->Lower == NULL) {
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, SluiceCancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        /* Cancelled before the routine was set, so nobody will call it: finish here. */
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KeReleaseSpinLock(&extension->Lock, irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    return STATUS_PENDING;      /* from the release on, the IRP may be gone */
}

/* Whoever waits for the read learns its status from the completion. */
static NTSTATUS SluiceWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read = extension->Lower == NULL ? NULL : TakeRead(extension, NULL);

    if (read != NULL) {
        IoCopyCurrentIrpStackLocationToNext(read);
        IoSetCancelRoutine(read, SluiceCancelRead);     /* WRONG: it is passed on */
        IoCallDriver(extension->Lower, read);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS SluicePassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    if (extension->Lower == NULL) {
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(extension->Lower, Irp);
}

/* The last handle of a file object has gone: what is held back for it is cancelled. */
static NTSTATUS SluiceCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    if (extension->Lower != NULL) {
        while ((read = TakeRead(extension, file)) != NULL) {
            CompleteIrp(read, STATUS_CANCELLED, 0);
        }
    }
    return SluicePassDown(DeviceObject, Irp);
}

static VOID SluiceUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT filter = DriverObject->DeviceObject;     /* made last: first in the list */
    PDEVICE_OBJECT lower = filter->NextDevice;

    IoDeleteSymbolicLink(&LinkName);
    IoDetachDevice(lower);
    IoDeleteDevice(filter);
    IoDeleteDevice(lower);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT lower, filter;
    PDEVICE_EXTENSION extension;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);

    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &DeviceName,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &lower);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(lower);
        return status;
    }
    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), NULL,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &filter);
    if (!NT_SUCCESS(status)) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(lower);
        return status;
    }
    extension = filter->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Reads);
    lower->Flags &= ~DO_DEVICE_INITIALIZING;    /* nothing attaches to a device that begins */
    extension->Lower = IoAttachDeviceToDeviceStack(filter, lower);
    if (extension->Lower == NULL) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(filter);
        IoDeleteDevice(lower);
        return STATUS_NO_SUCH_DEVICE;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = SluicePassDown;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = SluicePassDown;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = SluiceCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = SluiceRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = SluiceWrite;
    DriverObject->DriverUnload = SluiceUnload;
    return STATUS_SUCCESS;
}
