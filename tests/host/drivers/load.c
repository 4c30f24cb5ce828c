/*
 * Load: a write hands its bytes to the oldest waiting read; without one it fails. Counts how each read ended,
 * and stops the system if a cancel routine is called a second time for the same read.
 */
#include <ntddk.h>

#define IOCTL_COUNTS CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define CALLED(Irp) ((volatile LONG *)&(Irp)->Tail.Overlay.DriverContext[0])

typedef struct _COUNTS {
    volatile LONG64 Reads;       /* that arrived */
    volatile LONG64 Given;       /* that got a write's bytes */
    volatile LONG64 Routine;     /* that the cancel routine ended */
    volatile LONG64 Early;       /* that were cancelled before they had a cancel routine */
    volatile LONG64 Cleanup;     /* that the end of their handle ended */
    volatile LONG64 Writes;      /* that arrived */
    volatile LONG64 Refused;     /* that found no read */
} COUNTS;

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;             /* guards Reads */
    LIST_ENTRY Reads;            /* waiting reads, oldest first, by Tail.Overlay.ListEntry */
    COUNTS Counts;
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Load");
static DRIVER_CANCEL LoadCancelRead;

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Takes the oldest read, of one file object or of any, away from its cancel routine. */
static PIRP TakeRead(PDEVICE_EXTENSION Extension, PFILE_OBJECT FileObject)
{
    PIRP irp, found = NULL;
    PLIST_ENTRY entry, next;
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    for (entry = Extension->Reads.Flink; entry != &Extension->Reads; entry = next) {
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

static VOID LoadCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    if (InterlockedIncrement(CALLED(Irp)) != 1) {
        KeBugCheckEx(0x1CE, (ULONG_PTR)Irp, 0, 0, 0);
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);
    InterlockedIncrement64(&extension->Counts.Routine);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS LoadRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    InterlockedIncrement64(&extension->Counts.Reads);
    *CALLED(Irp) = 0;
    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, LoadCancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KeReleaseSpinLock(&extension->Lock, irql);
        InterlockedIncrement64(&extension->Counts.Early);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    return STATUS_PENDING;
}

static NTSTATUS LoadWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    ULONG length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length, room;
    PIRP read = TakeRead(extension, NULL);

    InterlockedIncrement64(&extension->Counts.Writes);
    if (read == NULL) {
        InterlockedIncrement64(&extension->Counts.Refused);
        return CompleteIrp(Irp, STATUS_DEVICE_NOT_READY, 0);
    }
    room = IoGetCurrentIrpStackLocation(read)->Parameters.Read.Length;
    if (length > room) {
        length = room;
    }
    RtlCopyMemory(read->AssociatedIrp.SystemBuffer, Irp->AssociatedIrp.SystemBuffer, length);
    InterlockedIncrement64(&extension->Counts.Given);
    CompleteIrp(read, STATUS_SUCCESS, length);
    return CompleteIrp(Irp, STATUS_SUCCESS, length);
}

static NTSTATUS LoadControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);

    if (location->Parameters.DeviceIoControl.IoControlCode != IOCTL_COUNTS ||
        location->Parameters.DeviceIoControl.OutputBufferLength < sizeof(COUNTS)) {
        return CompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
    RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, (PVOID)&extension->Counts, sizeof(COUNTS));
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(COUNTS));
}

static NTSTATUS LoadCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    while ((read = TakeRead(extension, file)) != NULL) {
        InterlockedIncrement64(&extension->Counts.Cleanup);
        CompleteIrp(read, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS LoadCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID LoadUnload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    PDEVICE_EXTENSION extension;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &DeviceName, FILE_DEVICE_UNKNOWN, 0,
                            FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    extension = device->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Reads);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = LoadCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = LoadCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = LoadCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = LoadRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = LoadWrite;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = LoadControl;
    DriverObject->DriverUnload = LoadUnload;
    return STATUS_SUCCESS;
}
