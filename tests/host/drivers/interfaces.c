/*
 * Interfaces: a Plug and Play driver whose device has two interface classes. A read gives the path with
 * which the file was opened; a write of "-" disables the second interface, of "+" enables it.
 */
#include <ntddk.h>

static const GUID First = {0x5d624f94, 0x8850, 0x40c3, {0xa3, 0xfa, 0xa4, 0xfd, 0x20, 0x80, 0xba, 0xf3}};
static const GUID Second = {0x5d624f94, 0x8850, 0x40c3, {0xa3, 0xfa, 0xa4, 0xfd, 0x20, 0x80, 0xba, 0xf4}};

typedef struct _DEVICE_EXTENSION {
    PDEVICE_OBJECT Lower;
    UNICODE_STRING Link[2];
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS PassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(((PDEVICE_EXTENSION)DeviceObject->DeviceExtension)->Lower, Irp);
}

static NTSTATUS InterfacesPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    NTSTATUS status;
    ULONG i;

    switch (IoGetCurrentIrpStackLocation(Irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        status = IoForwardIrpSynchronously(extension->Lower, Irp) ? Irp->IoStatus.Status
                                                                  : STATUS_UNSUCCESSFUL;
        for (i = 0; i < 2 && NT_SUCCESS(status); ++i) {
            status = IoSetDeviceInterfaceState(&extension->Link[i], TRUE);
        }
        return CompleteIrp(Irp, status, 0);
    case IRP_MN_REMOVE_DEVICE:
        for (i = 0; i < 2; ++i) {
            IoSetDeviceInterfaceState(&extension->Link[i], FALSE);
            RtlFreeUnicodeString(&extension->Link[i]);
        }
        Irp->IoStatus.Status = STATUS_SUCCESS;
        status = PassDown(DeviceObject, Irp);
        IoDetachDevice(extension->Lower);
        IoDeleteDevice(DeviceObject);
        return status;
    case IRP_MN_SURPRISE_REMOVAL:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        Irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    }
    return PassDown(DeviceObject, Irp);
}

static NTSTATUS InterfacesPower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PoStartNextPowerIrp(Irp);
    IoSkipCurrentIrpStackLocation(Irp);
    return PoCallDriver(((PDEVICE_EXTENSION)DeviceObject->DeviceExtension)->Lower, Irp);
}

static NTSTATUS InterfacesFile(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);
    PUNICODE_STRING name = &location->FileObject->FileName;
    NTSTATUS status;

    switch (location->MajorFunction) {
    case IRP_MJ_READ:
        if (location->Parameters.Read.Length < name->Length) {
            return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
        }
        RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, name->Buffer, name->Length);
        return CompleteIrp(Irp, STATUS_SUCCESS, name->Length);
    case IRP_MJ_WRITE:
        if (location->Parameters.Write.Length != 1) {
            return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);
        }
        status = IoSetDeviceInterfaceState(&extension->Link[1],
                                           *(PCHAR)Irp->AssociatedIrp.SystemBuffer == '+');
        return CompleteIrp(Irp, status, NT_SUCCESS(status));
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS AddDevice(PDRIVER_OBJECT DriverObject, PDEVICE_OBJECT PhysicalDeviceObject)
{
    PDEVICE_OBJECT device;
    PDEVICE_EXTENSION extension;
    NTSTATUS status;

    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE,
                            &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    status = IoRegisterDeviceInterface(PhysicalDeviceObject, &First, NULL, &extension->Link[0]);
    if (NT_SUCCESS(status)) {
        status = IoRegisterDeviceInterface(PhysicalDeviceObject, &Second, NULL, &extension->Link[1]);
        if (!NT_SUCCESS(status)) {
            RtlFreeUnicodeString(&extension->Link[0]);
        }
    }
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    extension->Lower = IoAttachDeviceToDeviceStack(device, PhysicalDeviceObject);
    device->Flags |= DO_BUFFERED_IO;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID InterfacesUnload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverExtension->AddDevice = AddDevice;
    DriverObject->DriverUnload = InterfacesUnload;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = InterfacesFile;
    DriverObject->MajorFunction[IRP_MJ_READ] = InterfacesFile;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = InterfacesFile;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = InterfacesFile;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = InterfacesFile;
    DriverObject->MajorFunction[IRP_MJ_PNP] = InterfacesPnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = InterfacesPower;
    return STATUS_SUCCESS;
}
