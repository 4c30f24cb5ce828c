/*
 * Agent: a read on the agent becomes an IRP of its own for the device below, where reads wait for
 * a write. When the read is cancelled the agent cancels its own IRP, and the read ends with it.
 * Both devices are this driver's.
 *
 * Deliberately wrong, pattern 16: the completion routine frees the agent's IRP at once. The cancel
 * routine of the read may be about to hand just that IRP to IoCancelIrp.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    PDEVICE_OBJECT Lower;       /* of the agent; NULL: this is the device below */
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* below: waiting reads, oldest first, by Tail.Overlay.ListEntry */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

/*
 * A read of the agent keeps in DriverContext: the agent's own IRP, and which of the two that deal
 * with that IRP is done with it, when both do.
 */
#define OWN_IRP(Irp)    ((Irp)->Tail.Overlay.DriverContext[0])
#define DONE(Irp)       ((volatile LONG *)&(Irp)->Tail.Overlay.DriverContext[1])
#define NOBODY_DONE     0
#define CANCEL_DONE     1
#define COMPLETE_DONE   2

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD AgentUnload;
static DRIVER_CANCEL AgentCancelRead, AgentCancelBelow;
static IO_COMPLETION_ROUTINE AgentReadDone;
static DRIVER_DISPATCH AgentPassDown, AgentCleanup, AgentRead, AgentWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Agent");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Agent");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* ---- the agent */

static VOID FinishRead(PIRP Read, NTSTATUS Status)
{
    CompleteIrp(Read, Status, 0);
}

static VOID AgentCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    IoCancelIrp(OWN_IRP(Irp));
    if (InterlockedExchange(DONE(Irp), CANCEL_DONE) == COMPLETE_DONE) {
        FinishRead(Irp, STATUS_CANCELLED);
    }
}

/* The agent's own IRP has come back. */
static NTSTATUS AgentReadDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PIRP read = Context;
    NTSTATUS status = Irp->IoStatus.Status;

    UNREFERENCED_PARAMETER(DeviceObject);

    IoFreeIrp(Irp);             /* WRONG: the cancel routine may have it in its hands */
    if (IoSetCancelRoutine(read, NULL) != NULL ||
        InterlockedExchange(DONE(read), COMPLETE_DONE) == CANCEL_DONE) {
        FinishRead(read, status);
    }
    return STATUS_MORE_PROCESSING_REQUIRED;     /* the IRP is the agent's, all of it */
}

static NTSTATUS SendOwn(PDEVICE_EXTENSION Extension, PIRP Read)
{
    PIO_STACK_LOCATION next;
    PIRP own = IoAllocateIrp(Extension->Lower->StackSize, FALSE);

    if (own == NULL) {
        return CompleteIrp(Read, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    next = IoGetNextIrpStackLocation(own);
    next->MajorFunction = IRP_MJ_READ;
    next->FileObject = IoGetCurrentIrpStackLocation(Read)->FileObject;
    IoSetCompletionRoutine(own, AgentReadDone, Read, TRUE, TRUE, TRUE);

    OWN_IRP(Read) = own;
    *DONE(Read) = NOBODY_DONE;
    IoMarkIrpPending(Read);
    IoSetCancelRoutine(Read, AgentCancelRead);
    if (Read->Cancel && IoSetCancelRoutine(Read, NULL) != NULL) {
        IoFreeIrp(own);         /* it was never sent */
        CompleteIrp(Read, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    IoCallDriver(Extension->Lower, own);        /* cancelled by now, perhaps: below they look */
    return STATUS_PENDING;
}

/* ---- the device below */

/*
 * Takes the oldest waiting read out of the queue: of one file object, or of any if FileObject
 * is NULL. The caller owns it and must complete it.
 */
static PIRP TakeRead(PDEVICE_EXTENSION Extension, PFILE_OBJECT FileObject)
{
    PIRP irp, found = NULL;
    PLIST_ENTRY entry;
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    for (entry = Extension->Reads.Flink; entry != &Extension->Reads; entry = entry->Flink) {
        irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (FileObject != NULL && IoGetCurrentIrpStackLocation(irp)->FileObject != FileObject) {
            continue;
        }
        if (IoSetCancelRoutine(irp, NULL) == NULL) {
            continue;           /* its cancel routine has been called: it removes and completes */
        }
        RemoveEntryList(entry);
        found = irp;
        break;
    }
    KeReleaseSpinLock(&Extension->Lock, irql);
    return found;
}

static VOID AgentCancelBelow(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS AgentRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    if (extension->Lower != NULL) {
        return SendOwn(extension, Irp);
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, AgentCancelBelow);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        /* Cancelled before the routine was set, so nobody will call it: finish here. */
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KeReleaseSpinLock(&extension->Lock, irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    return STATUS_PENDING;      /* from the release on, the IRP may be gone */
}

/* ---- both */

static NTSTATUS AgentPassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    if (extension->Lower == NULL) {
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(extension->Lower, Irp);
}

static NTSTATUS AgentWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read;

    if (extension->Lower == NULL) {
        read = TakeRead(extension, NULL);
        if (read != NULL) {
            CompleteIrp(read, STATUS_SUCCESS, 0);
        }
    }
    return AgentPassDown(DeviceObject, Irp);
}

/* The last handle of a file object has gone: what waits for it below is cancelled. */
static NTSTATUS AgentCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PIRP read;

    if (extension->Lower == NULL) {
        while ((read = TakeRead(extension, file)) != NULL) {
            CompleteIrp(read, STATUS_CANCELLED, 0);
        }
    }
    return AgentPassDown(DeviceObject, Irp);
}

static VOID AgentUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT agent = DriverObject->DeviceObject;      /* made last: first in the list */
    PDEVICE_OBJECT lower = agent->NextDevice;

    IoDeleteSymbolicLink(&LinkName);
    IoDetachDevice(lower);
    IoDeleteDevice(agent);
    IoDeleteDevice(lower);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT lower, agent;
    PDEVICE_EXTENSION extension;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);

    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &DeviceName,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &lower);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    extension = lower->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Reads);
    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(lower);
        return status;
    }
    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), NULL,
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &agent);
    if (!NT_SUCCESS(status)) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(lower);
        return status;
    }
    extension = agent->DeviceExtension;
    lower->Flags &= ~DO_DEVICE_INITIALIZING;    /* nothing attaches to a device that begins */
    extension->Lower = IoAttachDeviceToDeviceStack(agent, lower);
    if (extension->Lower == NULL) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(agent);
        IoDeleteDevice(lower);
        return STATUS_NO_SUCH_DEVICE;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = AgentPassDown;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = AgentPassDown;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = AgentCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = AgentRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = AgentWrite;
    DriverObject->DriverUnload = AgentUnload;
    return STATUS_SUCCESS;
}
