/*
 * What stack_lower.c has at this moment: the device is opened by its name, a read asks it for bytes
 * by the handle, and takes the question back if there are none. So a read never waits long.
 *
 * The status block and the event of the question are this routine's. ZwCancelIoFileEx only asks:
 * whoever completes the question in the lower driver may be on its way. So the routine waits for
 * the event in any case, and goes by what the status block then says.
 */
#include <ntifs.h>

typedef struct _DEVICE_EXTENSION {
    HANDLE Lower;
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD GlanceUnload;
static DRIVER_DISPATCH GlanceCreateClose, GlanceRead;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Glance");
static UNICODE_STRING LowerName = RTL_CONSTANT_STRING(L"\\DosDevices\\StackLower");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS GlanceCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS GlanceRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    ULONG length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;
    IO_STATUS_BLOCK answer, cancelled;
    LARGE_INTEGER start;
    HANDLE event;
    NTSTATUS status;

    status = ZwCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    start.QuadPart = 0;
    answer.Status = STATUS_CANCELLED;
    answer.Information = 0;
    status = ZwReadFile(extension->Lower, event, NULL, NULL, &answer,
                        Irp->AssociatedIrp.SystemBuffer, length, &start, NULL);
    if (status == STATUS_PENDING) {
        ZwCancelIoFileEx(extension->Lower, &answer, &cancelled);
        ZwWaitForSingleObject(event, FALSE, NULL);
        status = answer.Status;
    }
    ZwClose(event);
    if (status == STATUS_CANCELLED) {
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);     /* nothing there */
    }
    return CompleteIrp(Irp, status, NT_SUCCESS(status) ? answer.Information : 0);
}

static VOID GlanceUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_EXTENSION extension = DriverObject->DeviceObject->DeviceExtension;

    ZwClose(extension->Lower);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    PDEVICE_EXTENSION extension;
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK opened;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &DeviceName,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    InitializeObjectAttributes(&attributes, &LowerName, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE,
                               NULL, NULL);
    status = ZwCreateFile(&extension->Lower, GENERIC_READ, &attributes, &opened, NULL,
                          FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN,
                          FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = GlanceCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = GlanceCreateClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = GlanceRead;
    DriverObject->DriverUnload = GlanceUnload;
    return STATUS_SUCCESS;
}
