/*
 * Radio: reads look at a table that the device holds while it is on. A control request switches
 * it off: it waits for the reads that are at work and frees the table. Later reads are refused.
 *
 * Deliberately wrong, pattern 28: a read looks whether the device is being stopped, and then
 * counts itself among those at work. A stop in between sees nobody at work and frees the table.
 */
#include <ntddk.h>

#define IOCTL_RADIO_STOP \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define RADIO_TAG 'oidR'
#define CHANNELS 4

typedef struct _DEVICE_EXTENSION {
    volatile LONG Stopping;     /* set once, by the first stop */
    volatile LONG AtWork;       /* reads at work, and one for the device until it is stopped */
    KEVENT Idle;                /* set by whoever brings AtWork to zero */
    PULONG Table;               /* CHANNELS of them; freed by the stop, when nobody is at work */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD RadioUnload;
static DRIVER_DISPATCH RadioCreateClose, RadioRead, RadioControl;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Radio");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Radio");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID Leave(PDEVICE_EXTENSION Extension)
{
    if (InterlockedDecrement(&Extension->AtWork) == 0) {
        KeSetEvent(&Extension->Idle, IO_NO_INCREMENT, FALSE);
    }
}

static BOOLEAN Enter(PDEVICE_EXTENSION Extension)
{
    if (Extension->Stopping) {
        return FALSE;
    }
    InterlockedIncrement(&Extension->AtWork);   /* WRONG: too late, the stop may have looked */
    return TRUE;
}

/* The first one that stops the device waits; those that come later find it stopped, or stopping. */
static VOID Stop(PDEVICE_EXTENSION Extension)
{
    if (InterlockedExchange(&Extension->Stopping, TRUE)) {
        return;
    }
    Leave(Extension);
    KeWaitForSingleObject(&Extension->Idle, Executive, KernelMode, FALSE, NULL);
    ExFreePoolWithTag(Extension->Table, RADIO_TAG);
}

static NTSTATUS RadioRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    ULONG length = 0;

    if (!Enter(extension)) {
        return CompleteIrp(Irp, STATUS_DEVICE_NOT_READY, 0);
    }
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length >= sizeof(ULONG)) {
        *(PULONG)Irp->AssociatedIrp.SystemBuffer = extension->Table[0];
        length = sizeof(ULONG);
    }
    Leave(extension);
    return CompleteIrp(Irp, STATUS_SUCCESS, length);
}

static NTSTATUS RadioControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode !=
        IOCTL_RADIO_STOP) {
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    Stop(DeviceObject->DeviceExtension);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS RadioCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID RadioUnload(PDRIVER_OBJECT DriverObject)
{
    Stop(DriverObject->DeviceObject->DeviceExtension);
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
    extension->Table = ExAllocatePool2(POOL_FLAG_NON_PAGED, CHANNELS * sizeof(ULONG), RADIO_TAG);
    if (extension->Table == NULL) {
        IoDeleteDevice(device);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    extension->Stopping = FALSE;
    extension->AtWork = 1;
    KeInitializeEvent(&extension->Idle, NotificationEvent, FALSE);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = RadioCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = RadioCreateClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = RadioRead;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = RadioControl;
    DriverObject->DriverUnload = RadioUnload;
    return STATUS_SUCCESS;
}
