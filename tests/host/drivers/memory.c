/*
 * Memory: eight megabytes that are read and written at offsets, by direct I/O. SDDL and EXCLUSIVE say how
 * its device is made.
 */
#include <ntddk.h>
#include <wdmsec.h>

#ifndef EXCLUSIVE
#define EXCLUSIVE FALSE
#endif
#define SIZE (8u << 20)
#define TAG 'yrmM'

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Memory");
#if defined(SDDL)
static UNICODE_STRING Security = RTL_CONSTANT_STRING(SDDL);
static const GUID Class = {0x5e8a0f7c, 0x91d2, 0x4b36, {0x8c, 0x55, 0x10, 0x7e, 0x3d, 0xaa, 0x42, 0x19}};
#endif
static PUCHAR Content;

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS MemoryTransfer(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);
    BOOLEAN writes = location->MajorFunction == IRP_MJ_WRITE;
    ULONG length = writes ? location->Parameters.Write.Length : location->Parameters.Read.Length;
    LONGLONG offset = writes ? location->Parameters.Write.ByteOffset.QuadPart
                             : location->Parameters.Read.ByteOffset.QuadPart;
    PUCHAR buffer;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (offset >= SIZE) {
        return CompleteIrp(Irp, writes ? STATUS_DISK_FULL : STATUS_END_OF_FILE, 0);
    }
    if (length > SIZE - offset) {
        length = (ULONG)(SIZE - offset);
    }
    if (length == 0) {
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    }
    buffer = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
    if (buffer == NULL) {
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    if (writes) {
        RtlCopyMemory(Content + offset, buffer, length);
    } else {
        RtlCopyMemory(buffer, Content + offset, length);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, length);
}

static NTSTATUS MemoryOther(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID MemoryUnload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
    ExFreePoolWithTag(Content, TAG);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
#if defined(SDDL)
    status = IoCreateDeviceSecure(DriverObject, 0, &DeviceName, FILE_DEVICE_UNKNOWN, 0, EXCLUSIVE,
                                  &Security, &Class, &device);
#else
    status = IoCreateDevice(DriverObject, 0, &DeviceName, FILE_DEVICE_UNKNOWN, 0, EXCLUSIVE, &device);
#endif
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Content = ExAllocatePoolWithTag(NonPagedPoolNx, SIZE, TAG);
    if (Content == NULL) {
        IoDeleteDevice(device);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Content, SIZE);
    device->Flags |= DO_DIRECT_IO;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = MemoryOther;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = MemoryOther;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = MemoryOther;
    DriverObject->MajorFunction[IRP_MJ_READ] = MemoryTransfer;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = MemoryTransfer;
    DriverObject->DriverUnload = MemoryUnload;
    return STATUS_SUCCESS;
}
