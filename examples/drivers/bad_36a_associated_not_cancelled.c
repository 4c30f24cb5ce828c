/*
 * Rendezvous: a read is over when two writes have come. For each of the two the read, as a master
 * IRP, has an associated one that waits in the device below. When the read is cancelled, so are
 * those that still wait. Both devices are this driver's.
 *
 * Deliberately wrong, pattern 36: the cancel routine of the master IRP cancels one of the
 * associated IRPs and relies on that to end the read. The other one waits on, and the read with it.
 */
#include <ntddk.h>

typedef struct _DEVICE_EXTENSION {
    PDEVICE_OBJECT Lower;       /* of the upper device; NULL: this is the device below */
    KSPIN_LOCK Lock;            /* guards Reads */
    LIST_ENTRY Reads;           /* below: waiting reads, oldest first, by Tail.Overlay.ListEntry */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

#define PARTS           2

/*
 * A master IRP keeps in DriverContext: its associated IRPs, how many are still below, and which of
 * the two that deal with them is done, when both are: the cancel routine, and the last part.
 */
#define PART(Irp, I)    ((Irp)->Tail.Overlay.DriverContext[I])
#define LEFT(Irp)       ((volatile LONG *)&(Irp)->Tail.Overlay.DriverContext[2])
#define DONE(Irp)       ((volatile LONG *)&(Irp)->Tail.Overlay.DriverContext[3])
#define NOBODY_DONE     0
#define CANCEL_DONE     1
#define PARTS_DONE      2

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD RendezvousUnload;
static DRIVER_CANCEL RendezvousCancelRead, RendezvousCancelBelow;
static IO_COMPLETION_ROUTINE RendezvousPartDone;
static DRIVER_DISPATCH RendezvousPassDown, RendezvousRead, RendezvousWrite;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Rendezvous");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Rendezvous");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* ---- the device that programs open */

/* The parts stayed until here: whoever cancels them may hold them until the read is over. */
static VOID FinishRead(PIRP Read, NTSTATUS Status)
{
    PIRP part;
    ULONG i;

    for (i = 0; i < PARTS; i++) {
        part = PART(Read, i);
        if (!NT_SUCCESS(part->IoStatus.Status)) {
            Status = part->IoStatus.Status;
        }
        IoFreeIrp(part);
    }
    CompleteIrp(Read, Status, 0);
}

static VOID RendezvousCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    IoCancelIrp(PART(Irp, 0));  /* WRONG: and the others? */
    if (InterlockedExchange(DONE(Irp), CANCEL_DONE) == PARTS_DONE) {
        FinishRead(Irp, STATUS_CANCELLED);
    }
}

/* Keeps the part: so the I/O manager does not count it, and the driver completes the master IRP. */
static NTSTATUS RendezvousPartDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PIRP read = Context;

    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Irp);

    if (InterlockedDecrement(LEFT(read)) == 0 &&
        (IoSetCancelRoutine(read, NULL) != NULL ||
         InterlockedExchange(DONE(read), PARTS_DONE) == CANCEL_DONE)) {
        FinishRead(read, STATUS_SUCCESS);
    }
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS SendParts(PDEVICE_EXTENSION Extension, PIRP Read)
{
    PIO_STACK_LOCATION next;
    PIRP parts[PARTS];
    ULONG i;

    for (i = 0; i < PARTS; i++) {
        parts[i] = IoMakeAssociatedIrp(Read, Extension->Lower->StackSize);
        if (parts[i] == NULL) {
            while (i > 0) {
                IoFreeIrp(parts[--i]);
            }
            return CompleteIrp(Read, STATUS_INSUFFICIENT_RESOURCES, 0);
        }
        next = IoGetNextIrpStackLocation(parts[i]);
        next->MajorFunction = IRP_MJ_READ;
        IoSetCompletionRoutine(parts[i], RendezvousPartDone, Read, TRUE, TRUE, TRUE);
        PART(Read, i) = parts[i];
    }
    Read->AssociatedIrp.IrpCount = PARTS;
    *LEFT(Read) = PARTS;
    *DONE(Read) = NOBODY_DONE;
    IoMarkIrpPending(Read);
    IoSetCancelRoutine(Read, RendezvousCancelRead);
    if (Read->Cancel && IoSetCancelRoutine(Read, NULL) != NULL) {
        for (i = 0; i < PARTS; i++) {
            IoFreeIrp(parts[i]);        /* it was never sent */
        }
        CompleteIrp(Read, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    for (i = 0; i < PARTS; i++) {
        IoCallDriver(Extension->Lower, parts[i]);       /* the read lasts until the last is back */
    }
    return STATUS_PENDING;
}

/* ---- the device below */

/* Takes the oldest waiting read out of the queue. The caller owns it and must complete it. */
static PIRP TakeRead(PDEVICE_EXTENSION Extension)
{
    PIRP irp, found = NULL;
    PLIST_ENTRY entry;
    KIRQL irql;

    KeAcquireSpinLock(&Extension->Lock, &irql);
    for (entry = Extension->Reads.Flink; entry != &Extension->Reads; entry = entry->Flink) {
        irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
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

static VOID RendezvousCancelBelow(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);

    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS RendezvousRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    if (extension->Lower != NULL) {
        return SendParts(extension, Irp);
    }
    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, RendezvousCancelBelow);
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

static NTSTATUS RendezvousPassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;

    if (extension->Lower == NULL) {
        return CompleteIrp(Irp, STATUS_SUCCESS, 0);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(extension->Lower, Irp);
}

static NTSTATUS RendezvousWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PIRP read;

    if (extension->Lower == NULL) {
        read = TakeRead(extension);
        if (read != NULL) {
            CompleteIrp(read, STATUS_SUCCESS, 0);
        }
    }
    return RendezvousPassDown(DeviceObject, Irp);
}

static VOID RendezvousUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT upper = DriverObject->DeviceObject;      /* made last: first in the list */
    PDEVICE_OBJECT lower = upper->NextDevice;

    IoDeleteSymbolicLink(&LinkName);
    IoDetachDevice(lower);
    IoDeleteDevice(upper);
    IoDeleteDevice(lower);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT lower, upper;
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
                            FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &upper);
    if (!NT_SUCCESS(status)) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(lower);
        return status;
    }
    extension = upper->DeviceExtension;
    lower->Flags &= ~DO_DEVICE_INITIALIZING;    /* nothing attaches to a device that begins */
    extension->Lower = IoAttachDeviceToDeviceStack(upper, lower);
    if (extension->Lower == NULL) {
        IoDeleteSymbolicLink(&LinkName);
        IoDeleteDevice(upper);
        IoDeleteDevice(lower);
        return STATUS_NO_SUCH_DEVICE;
    }

    DriverObject->MajorFunction[IRP_MJ_CREATE] = RendezvousPassDown;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = RendezvousPassDown;
    DriverObject->MajorFunction[IRP_MJ_READ] = RendezvousRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = RendezvousWrite;
    DriverObject->DriverUnload = RendezvousUnload;
    return STATUS_SUCCESS;
}
