/*
 * Drum: a read waits until its place comes under the head. One read at a time is on the device;
 * the others wait in the device queue, by their offset, and the next one is the nearest ahead.
 *
 * StartIo begins with a read, a timer stands for the interrupt that ends it 1 ms later, and the
 * timer's DPC completes it. Two rules keep cancelling right:
 *
 *  - The I/O manager takes the cancel routine out of an IRP before it hands it to StartIo
 *    (NonCancelable), under the cancel spin lock. So the cancel routine, which is called with that
 *    lock held, is called only for IRPs that are in the device queue.
 *  - A read on the device is not cancelled. It ends soon, by itself.
 *
 * For the second reason there is no cleanup routine, either: nothing waits for ever.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    KTIMER Timer;               /* set while a read is on the device */
    KDPC Dpc;
    ULONG Head;                 /* where it stands: written by StartIo, read by the DPC after it */
    ULONG Turns;                /* reads served; the DPC's own */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD DrumUnload;
static DRIVER_CANCEL DrumCancelRead;
static DRIVER_STARTIO DrumStartIo;
static KDEFERRED_ROUTINE DrumDpc;
static DRIVER_DISPATCH DrumCreateClose, DrumRead;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Drum");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Drum");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID DrumCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    /* It is there: an IRP that has left the queue has no cancel routine. */
    KeRemoveEntryDeviceQueue(&DeviceObject->DeviceQueue, &Irp->Tail.Overlay.DeviceQueueEntry);
    IoReleaseCancelSpinLock(Irp->CancelIrql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS DrumRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG place = stack->Parameters.Read.ByteOffset.LowPart;

    if (stack->Parameters.Read.Length < sizeof(ULONG)) {
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    }
    IoMarkIrpPending(Irp);
    IoStartPacket(DeviceObject, Irp, &place, DrumCancelRead);
    return STATUS_PENDING;      /* the IRP may be gone */
}

/* Called at DISPATCH_LEVEL, for one IRP at a time: the current one. */
static VOID DrumStartIo(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    LARGE_INTEGER due;

    due.QuadPart = -10 * 1000;  /* 1 ms from now */
    extension->Head = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.ByteOffset.LowPart;
    KeSetTimer(&extension->Timer, due, &extension->Dpc);
}

static VOID DrumDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_OBJECT device = Context;
    PDEVICE_EXTENSION extension = device->DeviceExtension;
    PIRP irp = device->CurrentIrp;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    *(PULONG)irp->AssociatedIrp.SystemBuffer = ++extension->Turns;

    /* First the next one, then the completion: the device need not wait for what that leads to. */
    IoStartNextPacketByKey(device, TRUE, extension->Head);
    CompleteIrp(irp, STATUS_SUCCESS, sizeof(ULONG));
}

static NTSTATUS DrumCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* No read is outstanding, so no timer is set; the DPC of the last one may still be returning. */
static VOID DrumUnload(PDRIVER_OBJECT DriverObject)
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
    device->Flags |= DO_BUFFERED_IO;
    extension = device->DeviceExtension;
    KeInitializeTimer(&extension->Timer);
    KeInitializeDpc(&extension->Dpc, DrumDpc, device);
    extension->Head = 0;
    extension->Turns = 0;
    IoSetStartIoAttributes(device, FALSE, TRUE);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = DrumCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DrumCreateClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = DrumRead;
    DriverObject->DriverStartIo = DrumStartIo;
    DriverObject->DriverUnload = DrumUnload;
    return STATUS_SUCCESS;
}
