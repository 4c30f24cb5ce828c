/*
 * Relay: a write hands its bytes to the oldest waiting read. The reads wait in a cancel-safe queue
 * (IoCsq).
 *
 * The right twin of bad_26a_csq_other_lock.c: one lock guards the queue, in the callbacks and
 * everywhere.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    IO_CSQ Csq;
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* waiting reads, oldest first, by Tail.Overlay.ListEntry */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD RelayUnload;
static IO_CSQ_INSERT_IRP CsqInsertIrp;
static IO_CSQ_REMOVE_IRP CsqRemoveIrp;
static IO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp;
static IO_CSQ_ACQUIRE_LOCK CsqAcquireLock;
static IO_CSQ_RELEASE_LOCK CsqReleaseLock;
static IO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp;
static DRIVER_DISPATCH RelayCreateClose, RelayCleanup, RelayRead, RelayWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Relay");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Relay");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID CsqInsertIrp(PIO_CSQ Csq, PIRP Irp)
{
    PDEVICE_EXTENSION extension = CONTAINING_RECORD(Csq, DEVICE_EXTENSION, Csq);

    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
}

static VOID CsqRemoveIrp(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
}

/* The next read after Irp, or the first; of the file object PeekContext, or of any. */
static PIRP CsqPeekNextIrp(PIO_CSQ Csq, PIRP Irp, PVOID PeekContext)
{
    PDEVICE_EXTENSION extension = CONTAINING_RECORD(Csq, DEVICE_EXTENSION, Csq);
    PLIST_ENTRY entry = Irp == NULL ? &extension->Reads : &Irp->Tail.Overlay.ListEntry;

    while ((entry = entry->Flink) != &extension->Reads) {
        Irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (PeekContext == NULL || IoGetCurrentIrpStackLocation(Irp)->FileObject == PeekContext) {
            return Irp;
        }
    }
    return NULL;
}

static VOID CsqAcquireLock(PIO_CSQ Csq, PKIRQL Irql)
{
    KeAcquireSpinLock(&CONTAINING_RECORD(Csq, DEVICE_EXTENSION, Csq)->Lock, Irql);
}

static VOID CsqReleaseLock(PIO_CSQ Csq, KIRQL Irql)
{
    KeReleaseSpinLock(&CONTAINING_RECORD(Csq, DEVICE_EXTENSION, Csq)->Lock, Irql);
}

static VOID CsqCompleteCanceledIrp(PIO_CSQ Csq, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Csq);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS RelayRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    IoCsqInsertIrp(&extension->Csq, Irp, NULL);     /* marks it pending */
    return STATUS_PENDING;      /* even if it was cancelled before it got into the queue */
}

/* A write answers how many bytes the reads have room for that wait for the next one. */
static NTSTATUS RelayWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read = IoCsqRemoveNextIrp(&extension->Csq, NULL);
    PLIST_ENTRY entry;
    ULONG room = 0;
    KIRQL irql;

    if (read != NULL) {
        CompleteIrp(read, STATUS_SUCCESS, 0);
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    for (entry = extension->Reads.Flink; entry != &extension->Reads; entry = entry->Flink) {
        read = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        room += IoGetCurrentIrpStackLocation(read)->Parameters.Read.Length;
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    return CompleteIrp(Irp, STATUS_SUCCESS, room);
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS RelayCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    while ((read = IoCsqRemoveNextIrp(&extension->Csq, file)) != NULL) {
        CompleteIrp(read, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS RelayCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID RelayUnload(PDRIVER_OBJECT DriverObject)
{
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
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Reads);
    IoCsqInitialize(&extension->Csq, CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp, CsqAcquireLock,
                    CsqReleaseLock, CsqCompleteCanceledIrp);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = RelayCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = RelayCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = RelayCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = RelayRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = RelayWrite;
    DriverObject->DriverUnload = RelayUnload;
    return STATUS_SUCCESS;
}
