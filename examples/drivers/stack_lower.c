/*
 * The lower one of a pair of drivers; stack_upper.c is the filter above it. A write hands its bytes
 * to the oldest waiting read, of whoever sent it: a program, or a driver.
 *
 * This driver owns the queue, so it has the cancel routine. A filter that passes a read on has
 * none, and need not know: IoCancelIrp finds the routine of whoever has the IRP.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* waiting reads, oldest first, by Tail.Overlay.ListEntry */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD LowerUnload;
static DRIVER_CANCEL LowerCancelRead;
static DRIVER_DISPATCH LowerCreateClose, LowerCleanup, LowerRead, LowerWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\StackLower");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\StackLower");

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

static VOID LowerCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS LowerRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, LowerCancelRead);
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

static NTSTATUS LowerWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIRP read = TakeRead(DeviceObject->DeviceExtension, NULL);
    ULONG length = 0, room;

    if (read != NULL) {
        length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
        room = IoGetCurrentIrpStackLocation(read)->Parameters.Read.Length;
        if (length > room) {
            length = room;
        }
        RtlCopyMemory(read->AssociatedIrp.SystemBuffer, Irp->AssociatedIrp.SystemBuffer, length);
        CompleteIrp(read, STATUS_SUCCESS, length);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, length);
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS LowerCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    while ((read = TakeRead(DeviceObject->DeviceExtension, file)) != NULL) {
        CompleteIrp(read, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS LowerCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID LowerUnload(PDRIVER_OBJECT DriverObject)
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
    device->Flags |= DO_BUFFERED_IO;
    extension = device->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Reads);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = LowerCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = LowerCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = LowerCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = LowerRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = LowerWrite;
    DriverObject->DriverUnload = LowerUnload;
    return STATUS_SUCCESS;
}
