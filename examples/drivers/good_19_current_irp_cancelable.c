/*
 * Meter: a device that takes one reading at a time. StartIo starts it, a timer stands for its
 * interrupt 1 ms later, and the timer's DPC completes the read. Reads that wait in the device
 * queue can be cancelled; the one that the device is at cannot.
 *
 * The right twin of bad_19_current_irp_cancelable.c: with NonCancelable = TRUE the I/O manager
 * takes the cancel routine out of an IRP before it hands it to StartIo.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    KTIMER Timer;               /* set while the device is at work */
    KDPC Dpc;
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD MeterUnload;
static DRIVER_CANCEL MeterCancelRead;
static DRIVER_STARTIO MeterStartIo;
static KDEFERRED_ROUTINE MeterDpc;
static DRIVER_DISPATCH MeterCreateClose, MeterRead;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Meter");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Meter");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* It is called for reads in the device queue only. */
static VOID MeterCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    BOOLEAN queued = KeRemoveEntryDeviceQueue(&DeviceObject->DeviceQueue,
                                              &Irp->Tail.Overlay.DeviceQueueEntry);

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    if (queued) {
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
    }
}

static NTSTATUS MeterRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    IoStartPacket(DeviceObject, Irp, NULL, MeterCancelRead);
    return STATUS_PENDING;
}

static VOID MeterStartIo(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    LARGE_INTEGER due;

    UNREFERENCED_PARAMETER(Irp);

    due.QuadPart = -10 * 1000;  /* 1 ms from now */
    KeSetTimer(&extension->Timer, due, &extension->Dpc);
}

static VOID MeterDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_OBJECT device = Context;
    PIRP irp = device->CurrentIrp;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    IoStartNextPacket(device, TRUE);
    CompleteIrp(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS MeterCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* No read is outstanding, so no timer is set; the DPC of the last one may still be returning. */
static VOID MeterUnload(PDRIVER_OBJECT DriverObject)
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
    KeInitializeTimer(&extension->Timer);
    KeInitializeDpc(&extension->Dpc, MeterDpc, device);
    IoSetStartIoAttributes(device, FALSE, TRUE);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = MeterCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = MeterCreateClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = MeterRead;
    DriverObject->DriverStartIo = MeterStartIo;
    DriverObject->DriverUnload = MeterUnload;
    return STATUS_SUCCESS;
}
