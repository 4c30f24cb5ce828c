/*
 * Notify: the inverted call. IOCTL_NOTIFY_WAIT waits until IOCTL_NOTIFY_POST completes it;
 * each post wakes the oldest wait. The waits stand in a queue with a spin lock of the driver's
 * own and can be cancelled.
 *
 * The right twin of bad_03_flag_checked_too_early.c: Irp->Cancel is looked at after the cancel
 * routine has been set, so that a cancel either finds the routine or is found here.
 */
#include <ntddk.h>

#define IOCTL_NOTIFY_WAIT CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_NOTIFY_POST CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;            /* guards Waits */
    LIST_ENTRY Waits;           /* waiting requests, oldest first, by Tail.Overlay.ListEntry */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD NotifyUnload;
static DRIVER_CANCEL NotifyCancelWait;
static DRIVER_DISPATCH NotifyCreateClose, NotifyCleanup, NotifyDeviceControl;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Notify");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Notify");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/*
 * Takes the oldest waiting request out of the queue: of one file object, or of any if FileObject
 * is NULL. The caller owns it and must complete it.
 */
static PIRP TakeWait(PDEVICE_EXTENSION Extension, PFILE_OBJECT FileObject)
{
    PIRP irp, found = NULL;
    PLIST_ENTRY entry;
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    for (entry = Extension->Waits.Flink; entry != &Extension->Waits; entry = entry->Flink) {
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

static VOID NotifyCancelWait(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NotifyWait(PDEVICE_EXTENSION Extension, PIRP Irp)
{
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&Extension->Waits, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, NotifyCancelWait);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        /* Cancelled before the routine was set, so nobody will call it: finish here. */
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KeReleaseSpinLock(&Extension->Lock, irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&Extension->Lock, irql);
    return STATUS_PENDING;      /* from the release on, the IRP may be gone */
}

static NTSTATUS NotifyDeviceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIRP wait;

    switch (IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_NOTIFY_WAIT:
        return NotifyWait(DeviceObject->DeviceExtension, Irp);
    case IOCTL_NOTIFY_POST:
        wait = TakeWait(DeviceObject->DeviceExtension, NULL);
        if (wait != NULL) {
            CompleteIrp(wait, STATUS_SUCCESS, 0);
        }
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    default:
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS NotifyCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP wait;

    while ((wait = TakeWait(DeviceObject->DeviceExtension, file)) != NULL) {
        CompleteIrp(wait, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NotifyCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID NotifyUnload(PDRIVER_OBJECT DriverObject)
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
    InitializeListHead(&extension->Waits);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = NotifyCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = NotifyCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = NotifyCleanup;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = NotifyDeviceControl;
    DriverObject->DriverUnload = NotifyUnload;
    return STATUS_SUCCESS;
}
