/*
 * Relay: a write hands its bytes to the oldest waiting read. Each waiting read holds the device's
 * remove lock; before the device is deleted the driver waits until all have given it back.
 *
 * Deliberately wrong, pattern 27: the cancel routine completes its read without giving back the
 * remove lock. Whoever deletes the device waits for ever.
 */
#include <ntddk.h>

#define RELAY_TAG 'yleR'

typedef struct _DEVICE_EXTENSION {
    IO_REMOVE_LOCK RemoveLock;  /* held by each waiting read, with the IRP as its tag */
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* waiting reads, oldest first, by Tail.Overlay.ListEntry */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD RelayUnload;
static DRIVER_CANCEL RelayCancelRead;
static DRIVER_DISPATCH RelayCreateClose, RelayCleanup, RelayRead, RelayWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Relay");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Relay");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Completes a read that has waited. */
static VOID FinishRead(PDEVICE_EXTENSION Extension, PIRP Irp, NTSTATUS Status, ULONG Length)
{
    CompleteIrp(Irp, Status, Length);
    IoReleaseRemoveLock(&Extension->RemoveLock, Irp);   /* the tag is compared, never followed */
}

/*
 * Takes the oldest waiting read out of the queue: of one file object, or of any if FileObject
 * is NULL. The caller owns it and must finish it.
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

static VOID RelayCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);      /* WRONG: the remove lock is still held */
}

static NTSTATUS RelayRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);
    KIRQL irql;

    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, RelayCancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        /* Cancelled before the routine was set, so nobody will call it: finish here. */
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KeReleaseSpinLock(&extension->Lock, irql);
        FinishRead(extension, Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    return STATUS_PENDING;      /* from the release on, the IRP may be gone */
}

static NTSTATUS RelayWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read = TakeRead(extension, NULL);
    ULONG length = 0, room;

    if (read != NULL) {
        length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
        room = IoGetCurrentIrpStackLocation(read)->Parameters.Read.Length;
        if (length > room) {
            length = room;
        }
        RtlCopyMemory(read->AssociatedIrp.SystemBuffer, Irp->AssociatedIrp.SystemBuffer, length);
        FinishRead(extension, read, STATUS_SUCCESS, length);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, length);
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS RelayCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    while ((read = TakeRead(extension, file)) != NULL) {
        FinishRead(extension, read, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS RelayCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* There is no IRP_MN_REMOVE_DEVICE for a device that no bus has found: its end is here. */
static VOID RelayUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_EXTENSION extension = DriverObject->DeviceObject->DeviceExtension;

    IoDeleteSymbolicLink(&LinkName);
    if (NT_SUCCESS(IoAcquireRemoveLock(&extension->RemoveLock, DriverObject))) {
        IoReleaseRemoveLockAndWait(&extension->RemoveLock, DriverObject);
    }
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
    device->Flags |= DO_BUFFERED_IO;
    extension = device->DeviceExtension;
    IoInitializeRemoveLock(&extension->RemoveLock, RELAY_TAG, 0, 0);
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Reads);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = RelayCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = RelayCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = RelayCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = RelayRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = RelayWrite;
    DriverObject->DriverUnload = RelayUnload;
    return STATUS_SUCCESS;
}
