/*
 * Mirror: a write goes to both halves of a mirror, as two associated IRPs for the device below,
 * whose DPC completes them. The I/O manager counts: when the last associated IRP is completed it
 * completes the write. A write cannot be cancelled; it ends soon. Both devices are this driver's.
 *
 * Deliberately wrong, pattern 36: the associated IRPs are counted one by one, as they are sent. If
 * the first is completed before the second is counted, the write is over, and the driver goes on
 * with an IRP that is gone.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    PDEVICE_OBJECT Lower;       /* of the upper device; NULL: this is the device below */
    KSPIN_LOCK Lock;            /* below: guards Writes */
    LIST_ENTRY Writes;          /* below: writes at work, by Tail.Overlay.ListEntry */
    KDPC Dpc;                   /* below: completes all writes at work */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

#define PARTS           2

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD MirrorUnload;
static KDEFERRED_ROUTINE MirrorDpc;
static DRIVER_DISPATCH MirrorPassDown, MirrorWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Mirror");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Mirror");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* ---- the device that programs open */

static NTSTATUS SendParts(PDEVICE_EXTENSION Extension, PIRP Write)
{
    PIO_STACK_LOCATION next;
    PIRP parts[PARTS];
    ULONG i;

    for (i = 0; i < PARTS; i++) {
        parts[i] = IoMakeAssociatedIrp(Write, Extension->Lower->StackSize);
        if (parts[i] == NULL) {
            while (i > 0) {
                IoFreeIrp(parts[--i]);
            }
            return CompleteIrp(Write, STATUS_INSUFFICIENT_RESOURCES, 0);
        }
        next = IoGetNextIrpStackLocation(parts[i]);
        next->MajorFunction = IRP_MJ_WRITE;
        next->FileObject = IoGetCurrentIrpStackLocation(Write)->FileObject;
    }
    IoMarkIrpPending(Write);
    Write->IoStatus.Status = STATUS_SUCCESS;
    Write->IoStatus.Information = IoGetCurrentIrpStackLocation(Write)->Parameters.Write.Length;
    Write->AssociatedIrp.IrpCount = 0;
    for (i = 0; i < PARTS; i++) {
        InterlockedIncrement(&Write->AssociatedIrp.IrpCount);   /* WRONG: too late */
        IoCallDriver(Extension->Lower, parts[i]);
    }
    return STATUS_PENDING;
}

/* ---- the device below */

static VOID MirrorDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_EXTENSION extension = Context;
    PLIST_ENTRY entry;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    while ((entry = ExInterlockedRemoveHeadList(&extension->Writes, &extension->Lock)) != NULL) {
        CompleteIrp(CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry), STATUS_SUCCESS, 0);
    }
}

static NTSTATUS MirrorWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    if (extension->Lower != NULL) {
        return SendParts(extension, Irp);
    }
    IoMarkIrpPending(Irp);
    ExInterlockedInsertTailList(&extension->Writes, &Irp->Tail.Overlay.ListEntry,
                                &extension->Lock);
    KeInsertQueueDpc(&extension->Dpc, NULL, NULL);
    return STATUS_PENDING;
}

/* ---- both */

static NTSTATUS MirrorPassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    if (extension->Lower == NULL) {
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(extension->Lower, Irp);
}

static VOID MirrorUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT upper = DriverObject->DeviceObject;      /* made last: first in the list */
    PDEVICE_OBJECT lower = upper->NextDevice;

    KeFlushQueuedDpcs();        /* the DPC of the last write may still be on its way out */
    IoDeleteSymbolicLink(&LinkName);
    IoDetachDevice(lower);
    IoDeleteDevice(upper);
    IoDeleteDevice(lower);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT lower, upper;
    PDEVICE_EXTENSION extension;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);

    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &DeviceName,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &lower);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = lower->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Writes);
    KeInitializeDpc(&extension->Dpc, MirrorDpc, extension);
    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(lower);
        return status;
    }
    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), NULL,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &upper);
    if (!NT_SUCCESS(status)) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(lower);
        return status;
    }
    extension = upper->DeviceExtension;
    lower->Flags &= ~DO_DEVICE_INITIALIZING;    /* nothing attaches to a device that begins */
    extension->Lower = IoAttachDeviceToDeviceStack(upper, lower);
    if (extension->Lower == NULL) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(upper);
        IoDeleteDevice(lower);
        return STATUS_NO_SUCH_DEVICE;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = MirrorPassDown;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = MirrorPassDown;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = MirrorWrite;
    DriverObject->DriverUnload = MirrorUnload;
    return STATUS_SUCCESS;
}
