/*
 * Probe: reads and one control code wait until they are cancelled or a write comes; everything that
 * happens is counted, and the counts can be asked for.
 */
#include <ntddk.h>

#define PROBE_COUNTS   CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define PROBE_CARELESS CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_NEITHER, FILE_ANY_ACCESS)
#define PROBE_REVERSE  CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define PROBE_WAIT     CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define PROBE_DIRECT   CTL_CODE(FILE_DEVICE_UNKNOWN, 0x805, METHOD_OUT_DIRECT, FILE_ANY_ACCESS)
/* A device type that, read as Linux reads control codes, carries eight bytes in. */
#define PROBE_WILD     CTL_CODE(0x4008, 0x801, METHOD_NEITHER, FILE_ANY_ACCESS)

typedef struct _COUNTS {
    LONG Created, Cleanups, Closed, Reads, Writes, Controls, CancelRoutine, LastProcess;
} COUNTS;

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;
    LIST_ENTRY Waiting;
    COUNTS Counts;
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Probe");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Probe");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID ProbeCancel(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;
    LONG times;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);
    times = InterlockedIncrement(&extension->Counts.CancelRoutine);
    DbgPrint("probe: cancel routine, call %d\n", times);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS Wait(PDEVICE_EXTENSION Extension, PIRP Irp)
{
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&Extension->Waiting, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, ProbeCancel);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KeReleaseSpinLock(&Extension->Lock, irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&Extension->Lock, irql);
    return STATUS_PENDING;
}

static PIRP Take(PDEVICE_EXTENSION Extension, PFILE_OBJECT FileObject)
{
    PLIST_ENTRY entry, next;
    PIRP irp, found = NULL;
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    for (entry = Extension->Waiting.Flink; entry != &Extension->Waiting; entry = next) {
        next = entry->Flink;
        irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (FileObject != NULL && IoGetCurrentIrpStackLocation(irp)->FileObject != FileObject) {
            continue;
        }
        RemoveEntryList(entry);
        if (IoSetCancelRoutine(irp, NULL) != NULL) {
            found = irp;
            break;
        }
        InitializeListHead(entry);
    }
    KeReleaseSpinLock(&Extension->Lock, irql);
    return found;
}

static NTSTATUS ProbeRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    InterlockedIncrement(&extension->Counts.Reads);
    extension->Counts.LastProcess = (LONG)IoGetRequestorProcessId(Irp);
    return Wait(extension, Irp);
}

static NTSTATUS ProbeWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read = Take(extension, NULL);
    ULONG length = 0, room;

    InterlockedIncrement(&extension->Counts.Writes);
    if (read != NULL) {
        length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
        room = IoGetCurrentIrpStackLocation(read)->Parameters.Read.Length;
        if (length > room) {
            length = room;
        }
        RtlCopyMemory(read->AssociatedIrp.SystemBuffer, Irp->AssociatedIrp.SystemBuffer, length);
        CompleteIrp(read, STATUS_SUCCESS, length);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, length);
}

/* The address of a user's buffer, which may be anywhere, is the input. */
static NTSTATUS ReadWild(PVOID volatile *Input, ULONG InputLength)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (InputLength < sizeof(PVOID)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    __try {
        PVOID where = *Input;
        ProbeForRead(where, sizeof(ULONG), sizeof(ULONG));
        status = *(volatile ULONG *)where == 0 ? STATUS_SUCCESS : STATUS_SUCCESS;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    return status;
}

static NTSTATUS ProbeControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);
    ULONG in = location->Parameters.DeviceIoControl.InputBufferLength;
    ULONG out = location->Parameters.DeviceIoControl.OutputBufferLength;
    PUCHAR buffer = Irp->AssociatedIrp.SystemBuffer;
    ULONG i;

    InterlockedIncrement(&extension->Counts.Controls);
    switch (location->Parameters.DeviceIoControl.IoControlCode) {
    case PROBE_COUNTS:
        if (out < sizeof(COUNTS)) {
            return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
        }
        RtlCopyMemory(buffer, &extension->Counts, sizeof(COUNTS));
        return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(COUNTS));
    case PROBE_REVERSE:
        if (out < in) {
            return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
        }
        for (i = 0; i < in / 2; ++i) {
            UCHAR first = buffer[i];
            buffer[i] = buffer[in - 1 - i];
            buffer[in - 1 - i] = first;
        }
        return CompleteIrp(Irp, STATUS_SUCCESS, in);
    case PROBE_DIRECT:
        buffer = out == 0 ? NULL : MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);
        for (i = 0; i < out; ++i) {
            buffer[i] = (UCHAR)(i * 7);
        }
        return CompleteIrp(Irp, STATUS_SUCCESS, out);
    case PROBE_WAIT:
        return Wait(extension, Irp);
    case PROBE_WILD:
        return CompleteIrp(Irp, ReadWild(location->Parameters.DeviceIoControl.Type3InputBuffer, in), 0);
    case PROBE_CARELESS:
        i = *(volatile ULONG *)location->Parameters.DeviceIoControl.Type3InputBuffer;
        return CompleteIrp(Irp, STATUS_SUCCESS, i & 0);
    }
    return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
}

static NTSTATUS ProbeCreate(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    InterlockedIncrement(&((PDEVICE_EXTENSION)DeviceObject->DeviceExtension)->Counts.Created);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS ProbeClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    LONG times = InterlockedIncrement(&((PDEVICE_EXTENSION)DeviceObject->DeviceExtension)->Counts.Closed);

    DbgPrint("probe: close, call %d\n", times);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS ProbeCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP waiting;

    InterlockedIncrement(&extension->Counts.Cleanups);
    while ((waiting = Take(extension, file)) != NULL) {
        CompleteIrp(waiting, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID ProbeUnload(PDRIVER_OBJECT DriverObject)
{
    DbgPrint("probe: unloaded\n");
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    PDEVICE_EXTENSION extension;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &DeviceName, FILE_DEVICE_UNKNOWN,
                            0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    extension = device->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Waiting);
    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = ProbeCreate;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = ProbeClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = ProbeCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = ProbeRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = ProbeWrite;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = ProbeControl;
    DriverObject->DriverUnload = ProbeUnload;
    return STATUS_SUCCESS;
}
