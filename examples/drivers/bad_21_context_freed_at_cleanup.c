/*
 * Doorbell: a read waits until a write rings; a DPC wakes the oldest waiting read and counts it
 * for the file object that it came through. The counts live in FsContext.
 *
 * Deliberately wrong, pattern 21: cleanup frees the file object's context, as if it had drained
 * all that uses it. A read that the DPC has taken out of the queue, and not completed yet, is in
 * no queue that cleanup could drain.
 */
#include <ntddk.h>

#define DOORBELL_TAG 'lleB'

typedef struct _FILE_CONTEXT {
    LONG Woken;                 /* reads of this file object that a ring has ended */
} FILE_CONTEXT, *PFILE_CONTEXT;

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* waiting reads, oldest first, by Tail.Overlay.ListEntry */
    KDPC RingDpc;               /* queued by a write; rings that meet it queued coalesce */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD DoorbellUnload;
static DRIVER_CANCEL DoorbellCancelRead;
static KDEFERRED_ROUTINE DoorbellRingDpc;
static DRIVER_DISPATCH DoorbellCreate, DoorbellClose, DoorbellCleanup, DoorbellRead, DoorbellWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Doorbell");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Doorbell");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/*
 * Takes the oldest waiting read out of the queue: of one file object, or of any if FileObject
 * is NULL. The caller owns it and must complete it.
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

static VOID DoorbellRingDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PIRP read = TakeRead(Context, NULL);
    PFILE_CONTEXT context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    if (read != NULL) {
        context = IoGetCurrentIrpStackLocation(read)->FileObject->FsContext;
        InterlockedIncrement(&context->Woken);
        CompleteIrp(read, STATUS_SUCCESS, 0);
    }
}

static NTSTATUS DoorbellWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    KeInsertQueueDpc(&extension->RingDpc, NULL, NULL);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS DoorbellCreate(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_CONTEXT context =
        ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(FILE_CONTEXT), DOORBELL_TAG);      /* zeroed */

    UNREFERENCED_PARAMETER(DeviceObject);

    if (context == NULL) {
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext = context;
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS DoorbellCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    while ((read = TakeRead(DeviceObject->DeviceExtension, file)) != NULL) {
        CompleteIrp(read, STATUS_CANCELLED, 0);
    }
    ExFreePoolWithTag(file->FsContext, DOORBELL_TAG);   /* WRONG: the DPC may have a read left */
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS DoorbellClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
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

    DriverObject->MajorFunction[IRP_MJ_CREATE] = DoorbellCreate;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DoorbellClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = DoorbellCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = DoorbellRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = DoorbellWrite;
    DriverObject->DriverUnload = DoorbellUnload;
    return STATUS_SUCCESS;
}
