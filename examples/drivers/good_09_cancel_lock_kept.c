/*
 * Serial: a device that serves one read at a time, in 1 ms each; the others queue. The queue
 * and the current read are guarded by the cancel spin lock.
 *
 * The right twin of bad_09_cancel_lock_kept.c: the cancel routine releases the cancel spin
 * lock on each of its paths.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    PIRP Current;               /* the read that the device works on, or NULL */
    LIST_ENTRY Reads;           /* the reads behind it, by Tail.Overlay.ListEntry */
    KTIMER Timer;               /* stands for the device: fires when Current is done */
    KDPC Dpc;
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD SerialUnload;
static DRIVER_CANCEL SerialCancelRead;
static KDEFERRED_ROUTINE SerialDpc;
static DRIVER_DISPATCH SerialCreateClose, SerialCleanup, SerialRead;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Serial");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Serial");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* REQUIRES: the cancel spin lock is held. */
static VOID StartRead(PDEVICE_EXTENSION Extension, PIRP Irp)
{
    LARGE_INTEGER due;

    due.QuadPart = -10 * 1000;  /* 1 ms from now */
    Extension->Current = Irp;
    KeSetTimer(&Extension->Timer, due, &Extension->Dpc);
}

static VOID SerialCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    if (Irp == extension->Current) {
        /* The device has it and will be done with it soon: the DPC completes it. */
        IoReleaseCancelSpinLock(Irp->CancelIrql);
        return;
    }
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    IoReleaseCancelSpinLock(Irp->CancelIrql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static VOID SerialDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_EXTENSION extension = Context;
    PIRP done;
    KIRQL irql;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    IoAcquireCancelSpinLock(&irql);
    done = extension->Current;
    IoSetCancelRoutine(done, NULL);     /* ours in any case: see SerialCancelRead */
    if (IsListEmpty(&extension->Reads)) {
        extension->Current = NULL;
    } else {
        StartRead(extension, CONTAINING_RECORD(RemoveHeadList(&extension->Reads), IRP,
                                               Tail.Overlay.ListEntry));
    }
    IoReleaseCancelSpinLock(irql);

    CompleteIrp(done, STATUS_SUCCESS, 0);
}

static NTSTATUS SerialRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoAcquireCancelSpinLock(&irql);
    if (Irp->Cancel) {
        IoReleaseCancelSpinLock(irql);
        return CompleteIrp(Irp, STATUS_CANCELLED, 0);
    }
    IoMarkIrpPending(Irp);
    IoSetCancelRoutine(Irp, SerialCancelRead);
    if (extension->Current == NULL) {
        StartRead(extension, Irp);
    } else {
        InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    }
    IoReleaseCancelSpinLock(irql);
    return STATUS_PENDING;      /* from the release on, the IRP may be gone */
}

/* Cancels what this file object has in the queue. The device finishes Current by itself. */
static NTSTATUS SerialCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    LIST_ENTRY cancelled;
    PLIST_ENTRY entry, next;
    PIRP read;
    KIRQL irql;

    InitializeListHead(&cancelled);
    IoAcquireCancelSpinLock(&irql);
    for (entry = extension->Reads.Flink; entry != &extension->Reads; entry = next) {
        next = entry->Flink;
        read = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (IoGetCurrentIrpStackLocation(read)->FileObject == file) {
            IoSetCancelRoutine(read, NULL);
            RemoveEntryList(entry);
            InsertTailList(&cancelled, entry);
        }
    }
    IoReleaseCancelSpinLock(irql);

    while (!IsListEmpty(&cancelled)) {
        entry = RemoveHeadList(&cancelled);
        CompleteIrp(CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry), STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS SerialCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* All reads are completed, so no timer is set; the DPC of the last one may still be returning. */
static VOID SerialUnload(PDRIVER_OBJECT DriverObject)
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
    InitializeListHead(&extension->Reads);
    KeInitializeTimer(&extension->Timer);
    KeInitializeDpc(&extension->Dpc, SerialDpc, extension);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = SerialCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = SerialCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = SerialCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = SerialRead;
    DriverObject->DriverUnload = SerialUnload;
    return STATUS_SUCCESS;
}
