/*
 * Courier: a work item serves each read, at PASSIVE_LEVEL. Until it has begun with it, the read
 * can be cancelled.
 *
 * The right twin of bad_23_work_item_with_irp.c: the work item takes its read out of the queue,
 * under the lock; a read that was cancelled is not there any more.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* waiting reads, oldest first, by Tail.Overlay.ListEntry */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

typedef struct _ERRAND {
    PIO_WORKITEM Item;
} ERRAND, *PERRAND;

#define COURIER_TAG 'ruoC'

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD CourierUnload;
static DRIVER_CANCEL CourierCancelRead;
static IO_WORKITEM_ROUTINE CourierServe;
static DRIVER_DISPATCH CourierCreateClose, CourierCleanup, CourierRead;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Courier");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Courier");

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

static VOID CourierCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

/* Serves one waiting read, if there is one left. */
static VOID CourierServe(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PERRAND errand = Context;
    PIRP read;

    read = TakeRead(extension, NULL);
    if (read != NULL) {
        CompleteIrp(read, STATUS_SUCCESS, 0);
    }
    IoFreeWorkItem(errand->Item);
    ExFreePoolWithTag(errand, COURIER_TAG);
}

static NTSTATUS CourierRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PERRAND errand = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(ERRAND), COURIER_TAG);
    KIRQL irql;

    if (errand == NULL) {
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    errand->Item = IoAllocateWorkItem(DeviceObject);
    if (errand->Item == NULL) {
        ExFreePoolWithTag(errand, COURIER_TAG);
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }

    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, CourierCancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        /* Cancelled before the routine was set, so nobody will call it: finish here. */
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KeReleaseSpinLock(&extension->Lock, irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        IoFreeWorkItem(errand->Item);
        ExFreePoolWithTag(errand, COURIER_TAG);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    IoQueueWorkItem(errand->Item, CourierServe, DelayedWorkQueue, errand);
    return STATUS_PENDING;
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS CourierCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    while ((read = TakeRead(DeviceObject->DeviceExtension, file)) != NULL) {
        CompleteIrp(read, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS CourierCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* A queued work item keeps the device, and with it the driver, until it has returned. */
static VOID CourierUnload(PDRIVER_OBJECT DriverObject)
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
    InitializeListHead(&extension->Reads);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = CourierCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = CourierCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = CourierCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = CourierRead;
    DriverObject->DriverUnload = CourierUnload;
    return STATUS_SUCCESS;
}
