/*
 * Greeting: a read returns the text that Parameters\Greeting of the driver's key in the registry holds,
 * and what was read so far is counted there.
 */
#include <ntddk.h>

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Greeting");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Greeting");
static UNICODE_STRING Greeting;
static HANDLE Parameters;

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS GreetingCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS GreetingRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    ULONG room = IoGetCurrentIrpStackLocation(Irp)->Parameters.Read.Length;
    ANSI_STRING text = {0, (USHORT)room, Irp->AssociatedIrp.SystemBuffer};
    ULONG count = 0;
    RTL_QUERY_REGISTRY_TABLE table[2] = {{0}};

    UNREFERENCED_PARAMETER(DeviceObject);
    if (room <= Greeting.Length / sizeof(WCHAR)) {
        return Complete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    }
    RtlUnicodeStringToAnsiString(&text, &Greeting, FALSE);
    table[0].Flags = RTL_QUERY_REGISTRY_DIRECT;
    table[0].Name = L"Reads";
    table[0].EntryContext = &count;
    RtlQueryRegistryValues(RTL_REGISTRY_HANDLE, (PCWSTR)Parameters, table, NULL, NULL);
    count++;
    RtlWriteRegistryValue(RTL_REGISTRY_HANDLE, (PCWSTR)Parameters, L"Reads", REG_DWORD, &count, sizeof(count));
    DbgPrint("greeting: read %u\n", count);
    return Complete(Irp, STATUS_SUCCESS, text.Length);
}

static VOID GreetingUnload(PDRIVER_OBJECT DriverObject)
{
    RtlFreeUnicodeString(&Greeting);
    ZwClose(Parameters);
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    RTL_QUERY_REGISTRY_TABLE table[2] = {{0}};
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"Parameters");
    PDEVICE_OBJECT device;
    HANDLE service;
    NTSTATUS status;

    InitializeObjectAttributes(&attributes, RegistryPath, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwOpenKey(&service, KEY_READ, &attributes);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, service, NULL);
    status = ZwCreateKey(&Parameters, KEY_READ | KEY_WRITE, &attributes, 0, NULL, REG_OPTION_NON_VOLATILE, NULL);
    ZwClose(service);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    table[0].Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK;
    table[0].Name = L"Greeting";
    table[0].EntryContext = &Greeting;
    table[0].DefaultType = (REG_SZ << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT) | REG_SZ;
    table[0].DefaultData = L"nobody is there";
    status = RtlQueryRegistryValues(RTL_REGISTRY_HANDLE, (PCWSTR)Parameters, table, NULL, NULL);
    if (!NT_SUCCESS(status)) {
        ZwClose(Parameters);
        return status;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = GreetingCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = GreetingCreateClose;
    DriverObject->MajorFunction[IRP_MJ_READ] = GreetingRead;
    DriverObject->DriverUnload = GreetingUnload;
    status = IoCreateDevice(DriverObject, 0, &DeviceName, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (NT_SUCCESS(status)) {
        device->Flags |= DO_BUFFERED_IO;
        status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    }
    return status;
}
