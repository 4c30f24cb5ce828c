/*
 * Patient: a read waits in its dispatch routine, which Windows' drivers may do, until a write lets all go.
 */
#include <ntddk.h>

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Patient");
static KEVENT Go;

static NTSTATUS CompleteIrp(PIRP Irp, ULONG_PTR Information)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS PatientRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    KeWaitForSingleObject(&Go, Executive, KernelMode, FALSE, NULL);
    return CompleteIrp(Irp, 1);
}

static NTSTATUS PatientWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    KeSetEvent(&Go, IO_NO_INCREMENT, FALSE);
    return CompleteIrp(Irp, 1);
}

static NTSTATUS PatientOther(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, 0);
}

static VOID PatientUnload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    KeInitializeEvent(&Go, NotificationEvent, FALSE);
    status = IoCreateDevice(DriverObject, 0, &DeviceName, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = PatientOther;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = PatientOther;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = PatientOther;
    DriverObject->MajorFunction[IRP_MJ_READ] = PatientRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = PatientWrite;
    DriverObject->DriverUnload = PatientUnload;
    return STATUS_SUCCESS;
}
