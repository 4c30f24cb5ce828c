/*
 * The upper one of a pair of drivers: a filter over the device of stack_lower.c, which it finds by
 * name and attaches to.
 *
 *  - A read is passed on, and looked at when it comes back.
 *  - IOCTL_UPPER_FETCH gets the next bytes by an IRP of the filter's own. That one the filter may
 *    cancel, for it made it; and does when the control request is cancelled.
 *  - All else goes down as it came.
 *
 * A remove lock counts what is on its way through the filter, so that it can be detached.
 */
#include <ntddk.h>

#define IOCTL_UPPER_FETCH \
    CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_READ_ACCESS)
#define UPPER_TAG 'rppU'

/*
 * How far the filter's own IRP is. Two deal with it, the cancel routine of the control request and
 * the completion routine; each says by an exchange what it has done, and learns how far the other
 * is. The last one frees the IRP and completes the control request.
 */
#define FETCH_CANCELABLE        0
#define FETCH_CANCEL_STARTED    1       /* the cancel routine calls IoCancelIrp, or will */
#define FETCH_CANCEL_COMPLETE   2       /* … and does not touch the IRP any more */
#define FETCH_COMPLETED         3       /* the IRP has come back */

/* Kept in the control request while it is the filter's. */
#define FETCH_IRP(Control)      ((Control)->Tail.Overlay.DriverContext[0])
#define FETCH_STATE(Control)    ((volatile LONG *)&(Control)->Tail.Overlay.DriverContext[1])

typedef struct _DEVICE_EXTENSION {
    PDEVICE_OBJECT Lower;
    IO_REMOVE_LOCK RemoveLock;  /* held by each IRP on its way through, with the IRP as its tag */
    volatile LONG Read;         /* reads that came back with bytes */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD UpperUnload;
static DRIVER_CANCEL UpperCancelFetch;
static IO_COMPLETION_ROUTINE UpperReadDone, UpperFetchDone;
static DRIVER_DISPATCH UpperPassDown, UpperRead, UpperControl;

static UNICODE_STRING TargetName = RTL_CONSTANT_STRING(L"\\Device\\StackLower");

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* ---- what is passed on */

static NTSTATUS UpperPassDown(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);

    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(extension->Lower, Irp);
    IoReleaseRemoveLock(&extension->RemoveLock, Irp);   /* the tag is compared, never followed */
    return status;
}

static NTSTATUS UpperReadDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PDEVICE_EXTENSION extension = Context;

    UNREFERENCED_PARAMETER(DeviceObject);

    if (Irp->PendingReturned) {
        IoMarkIrpPending(Irp);
    }
    if (NT_SUCCESS(Irp->IoStatus.Status) && Irp->IoStatus.Information != 0) {
        InterlockedIncrement(&extension->Read);
    }
    IoReleaseRemoveLock(&extension->RemoveLock, Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS UpperRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);

    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    IoCopyCurrentIrpStackLocationToNext(Irp);

    /* Also on cancel: the remove lock is given back whatever becomes of the read. */
    status = IoSetCompletionRoutineEx(DeviceObject, Irp, UpperReadDone, extension, TRUE, TRUE,
                                      TRUE);
    if (!NT_SUCCESS(status)) {
        IoReleaseRemoveLock(&extension->RemoveLock, Irp);
        return CompleteIrp(Irp, status, 0);
    }
    return IoCallDriver(extension->Lower, Irp);
}

/* ---- what the filter sends itself */

static VOID FinishFetch(PDEVICE_EXTENSION Extension, PIRP Control, NTSTATUS Status,
                        ULONG_PTR Information)
{
    IoFreeIrp(FETCH_IRP(Control));
    CompleteIrp(Control, Status, Information);
    IoReleaseRemoveLock(&Extension->RemoveLock, Control);
}

static VOID UpperCancelFetch(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    BOOLEAN back;

    IoReleaseCancelSpinLock(Irp->CancelIrql);

    back = InterlockedExchange(FETCH_STATE(Irp), FETCH_CANCEL_STARTED) == FETCH_COMPLETED;
    if (!back) {
        IoCancelIrp(FETCH_IRP(Irp));    /* it stays: its completion routine has seen us start */
        back = InterlockedExchange(FETCH_STATE(Irp), FETCH_CANCEL_COMPLETE) == FETCH_COMPLETED;
    }
    if (back) {
        FinishFetch(DeviceObject->DeviceExtension, Irp, STATUS_CANCELLED, 0);
    }
}

/*
 * The filter's IRP has come back. If the cancel routine of the control request can be taken back,
 * it will never run; otherwise it runs, or has run, and the state says how far it is.
 */
static NTSTATUS UpperFetchDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    PIRP control = Context;
    PDEVICE_OBJECT filter = IoGetCurrentIrpStackLocation(control)->DeviceObject;

    UNREFERENCED_PARAMETER(DeviceObject);       /* NULL: the IRP has no place for the filter */

    if (IoSetCancelRoutine(control, NULL) != NULL ||
        InterlockedExchange(FETCH_STATE(control), FETCH_COMPLETED) == FETCH_CANCEL_COMPLETE) {
        FinishFetch(filter->DeviceExtension, control, Irp->IoStatus.Status,
                    Irp->IoStatus.Information);
    }
    return STATUS_MORE_PROCESSING_REQUIRED;     /* the IRP is the filter's, all of it */
}

static NTSTATUS Fetch(PDEVICE_EXTENSION Extension, PIRP Control)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Control), next;
    PIRP fetch = IoAllocateIrp(Extension->Lower->StackSize, FALSE);

    if (fetch == NULL) {
        IoReleaseRemoveLock(&Extension->RemoveLock, Control);
        return CompleteIrp(Control, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    fetch->AssociatedIrp.SystemBuffer = Control->AssociatedIrp.SystemBuffer;
    next = IoGetNextIrpStackLocation(fetch);
    next->MajorFunction = IRP_MJ_READ;
    next->FileObject = stack->FileObject;       /* so that its cleanup ends the fetch, too */
    next->Parameters.Read.Length = stack->Parameters.DeviceIoControl.OutputBufferLength;
    IoSetCompletionRoutine(fetch, UpperFetchDone, Control, TRUE, TRUE, TRUE);

    FETCH_IRP(Control) = fetch;
    *FETCH_STATE(Control) = FETCH_CANCELABLE;
    IoMarkIrpPending(Control);
    IoSetCancelRoutine(Control, UpperCancelFetch);
    if (Control->Cancel && IoSetCancelRoutine(Control, NULL) != NULL) {
        /* Cancelled before the routine was set, so nobody will call it: finish here. */
        IoFreeIrp(fetch);
        CompleteIrp(Control, STATUS_CANCELLED, 0);
        IoReleaseRemoveLock(&Extension->RemoveLock, Control);
        return STATUS_PENDING;
    }
    /* A cancel may have marked the fetch by now; the driver below will see the mark. */
    IoCallDriver(Extension->Lower, fetch);
    return STATUS_PENDING;
}

static NTSTATUS UpperControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    NTSTATUS status;

    if (IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode !=
        IOCTL_UPPER_FETCH) {
        return UpperPassDown(DeviceObject, Irp);
    }
    status = IoAcquireRemoveLock(&extension->RemoveLock, Irp);
    if (!NT_SUCCESS(status)) {
        return CompleteIrp(Irp, status, 0);
    }
    return Fetch(extension, Irp);
}

/* ---- load and unload */

/* Nothing new comes through a device that is detached; the lock waits for what is on its way. */
static VOID UpperUnload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_EXTENSION extension = DriverObject->DeviceObject->DeviceExtension;

    IoDetachDevice(extension->Lower);
    if (NT_SUCCESS(IoAcquireRemoveLock(&extension->RemoveLock, DriverObject))) {
        IoReleaseRemoveLockAndWait(&extension->RemoveLock, DriverObject);
    }
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT target, filter;
    PDEVICE_EXTENSION extension;
    PFILE_OBJECT file;
    NTSTATUS status;
    ULONG i;

    UNREFERENCED_PARAMETER(RegistryPath);

    for (i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        DriverObject->MajorFunction[i] = UpperPassDown;
    }
    DriverObject->MajorFunction[IRP_MJ_READ] = UpperRead;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = UpperControl;
    DriverObject->DriverUnload = UpperUnload;

    status = IoGetDeviceObjectPointer(&TargetName, FILE_READ_DATA, &file, &target);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), NULL, target->DeviceType,
                            target->Characteristics, FALSE, &filter);
    if (!NT_SUCCESS(status)) {
        ObDereferenceObject(file);
        return status;
    }
    filter->Flags |= target->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO);
    extension = filter->DeviceExtension;
    IoInitializeRemoveLock(&extension->RemoveLock, UPPER_TAG, 0, 0);
    extension->Read = 0;
    extension->Lower = IoAttachDeviceToDeviceStack(filter, target);
    if (extension->Lower == NULL) {
        IoDeleteDevice(filter);
        ObDereferenceObject(file);
        return STATUS_NO_SUCH_DEVICE;
    }
    ObDereferenceObject(file);          /* attached, the target stays */
    filter->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}
