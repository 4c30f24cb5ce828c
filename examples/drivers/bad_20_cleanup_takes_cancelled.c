/*
 * Doorbell: a read waits until a write rings; a DPC wakes the oldest waiting read. The reads
 * wait in a queue with a spin lock of the driver's own and can be cancelled.
 *
 * Deliberately wrong, pattern 20: cleanup completes every read that the file object has in the
 * queue, also one whose cancel routine has been called and waits for the lock. The cancel routine
 * then works on an IRP that is completed.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* waiting reads, oldest first, by Tail.Overlay.ListEntry */
    KDPC RingDpc;               /* queued by a write; rings that meet it queued coalesce */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD DoorbellUnload;
static DRIVER_CANCEL DoorbellCancelRead;
static KDEFERRED_ROUTINE DoorbellRingDpc;
static DRIVER_DISPATCH DoorbellCreateClose, DoorbellCleanup, DoorbellRead, DoorbellWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Doorbell");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Doorbell");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID DoorbellCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS DoorbellRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, DoorbellCancelRead);
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

/* Wakes the oldest waiting read whose cancel routine has not been called. */
static VOID DoorbellRingDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_EXTENSION extension = Context;
    PLIST_ENTRY entry;
    PIRP irp, read = NULL;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    KeAcquireSpinLockAtDpcLevel(&extension->Lock);
    for (entry = extension->Reads.Flink; entry != &extension->Reads; entry = entry->Flink) {
        irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (IoSetCancelRoutine(irp, NULL) != NULL) {
            RemoveEntryList(entry);
            read = irp;
            break;
        }
    }
    KeReleaseSpinLockFromDpcLevel(&extension->Lock);
    if (read != NULL) {
        CompleteIrp(read, STATUS_SUCCESS, 0);
    }
}

static NTSTATUS DoorbellWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    KeInsertQueueDpc(&extension->RingDpc, NULL, NULL);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS DoorbellCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    LIST_ENTRY mine;
    PLIST_ENTRY entry, next;
    PIRP irp;
    KIRQL irql;

    InitializeListHead(&mine);
    KeAcquireSpinLock(&extension->Lock, &irql);
    for (entry = extension->Reads.Flink; entry != &extension->Reads; entry = next) {
        next = entry->Flink;
        irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (IoGetCurrentIrpStackLocation(irp)->FileObject != file) {
            continue;
        }
        IoSetCancelRoutine(irp, NULL);  /* WRONG: NULL says that the cancel routine has it */
        RemoveEntryList(entry);
        InsertTailList(&mine, entry);
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    while (!IsListEmpty(&mine)) {
        entry = RemoveHeadList(&mine);
        CompleteIrp(CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry), STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS DoorbellCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID DoorbellUnload(PDRIVER_OBJECT DriverObject)
{
    KeFlushQueuedDpcs();        /* the last ring may still be queued, or on its way out */
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
    InitializeListHead(&extension->Reads);
    KeInitializeDpc(&extension->RingDpc, DoorbellRingDpc, extension);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = DoorbellCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DoorbellCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = DoorbellCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = DoorbellRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = DoorbellWrite;
    DriverObject->DriverUnload = DoorbellUnload;
    return STATUS_SUCCESS;
}
