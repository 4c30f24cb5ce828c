/*
 * Doorbell: a read waits until a write rings; a system thread wakes the oldest waiting read.
 *
 * The reads wait in a cancel-safe queue (IoCsq): the system's cancel routine and the driver's
 * removals compete inside the IoCsq functions, and what IoCsqRemoveNextIrp returns is the caller's.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    IO_CSQ Csq;
    KSPIN_LOCK Lock;            /* guards Reads; taken by the IoCsq functions */
    LIST_ENTRY Reads;           /* waiting reads, oldest first, by Tail.Overlay.ListEntry */
    KSEMAPHORE Rings;           /* writes that the thread has yet to serve */
    PVOID Thread;
    volatile BOOLEAN Stop;      /* set before the last release of Rings */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD DoorbellUnload;
static KSTART_ROUTINE DoorbellThread;
static IO_CSQ_INSERT_IRP CsqInsertIrp;
static IO_CSQ_REMOVE_IRP CsqRemoveIrp;
static IO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp;
static IO_CSQ_ACQUIRE_LOCK CsqAcquireLock;
static IO_CSQ_RELEASE_LOCK CsqReleaseLock;
static IO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp;
static DRIVER_DISPATCH DoorbellCreateClose, DoorbellCleanup, DoorbellRead, DoorbellWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Doorbell");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Doorbell");

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

static VOID DoorbellThread(PVOID Context)
{
    PDEVICE_EXTENSION extension = Context;
    PIRP read;

    for (;;) {
        KeWaitForSingleObject(&extension->Rings, Executive, KernelMode, FALSE, NULL);
        if (extension->Stop) {
            PsTerminateSystemThread(STATUS_SUCCESS);
        }
        read = IoCsqRemoveNextIrp(&extension->Csq, NULL);
        if (read != NULL) {
            CompleteIrp(read, STATUS_SUCCESS, 0);
        }
    }
}

static NTSTATUS DoorbellRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    IoCsqInsertIrp(&extension->Csq, Irp, NULL);     /* marks it pending */
    return STATUS_PENDING;      /* even if it was cancelled before it got into the queue */
}

static NTSTATUS DoorbellWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    KeReleaseSemaphore(&extension->Rings, IO_NO_INCREMENT, 1, FALSE);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* The last handle of a file object has gone: what it still has waiting is cancelled. */
static NTSTATUS DoorbellCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    while ((read = IoCsqRemoveNextIrp(&extension->Csq, file)) != NULL) {
        CompleteIrp(read, STATUS_CANCELLED, 0);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS DoorbellCreateClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID DoorbellUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_EXTENSION extension = DriverObject->DeviceObject->DeviceExtension;

    extension->Stop = TRUE;
    KeReleaseSemaphore(&extension->Rings, IO_NO_INCREMENT, 1, FALSE);
    KeWaitForSingleObject(extension->Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(extension->Thread);
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    PDEVICE_EXTENSION extension;
    HANDLE thread;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);

    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &DeviceName,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = device->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Reads);
    KeInitializeSemaphore(&extension->Rings, 0, MAXLONG);
    IoCsqInitialize(&extension->Csq, CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp, CsqAcquireLock,
                    CsqReleaseLock, CsqCompleteCanceledIrp);

    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }

    status = PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, DoorbellThread,
                                  extension);
    if (!NT_SUCCESS(status)) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(device);
        return status;
    }
    /* Cannot fail: the handle is good, and good for all access. */
    ObReferenceObjectByHandle(thread, THREAD_ALL_ACCESS, NULL, KernelMode, &extension->Thread,
                              NULL);
    ZwClose(thread);

    DriverObject->MajorFunction[IRP_MJ_CREATE] = DoorbellCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DoorbellCreateClose;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = DoorbellCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = DoorbellRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = DoorbellWrite;
    DriverObject->DriverUnload = DoorbellUnload;
    return STATUS_SUCCESS;
}
