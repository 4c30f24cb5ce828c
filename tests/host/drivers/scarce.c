/*
 * Scarce: does without memory. Each request uses everything that Windows may refuse for lack of it, answers
 * STATUS_INSUFFICIENT_RESOURCES when it does, and gives back what it got before that.
 *
 *   write   keeps a copy of the bytes, which a work item and a timer's DPC hand on to the oldest read
 *   read    waits, with a cancel routine
 *   0x801   sends the packets that drivers build to the device's lower half, and runs a system thread
 */
#include <ntddk.h>

#define TAG 'craS'
#define IOCTL_EVERYTHING CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_DIRECT CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_OUT_DIRECT, FILE_ANY_ACCESS)
#define IOCTL_NEITHER CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_NEITHER, FILE_ANY_ACCESS)

typedef struct _COPY {
    LIST_ENTRY Entry;
    PIO_WORKITEM Item;
    KTIMER Timer;
    KDPC Dpc;
    PDEVICE_OBJECT Device;
    ULONG Length;
    UCHAR Bytes[1];
} COPY, *PCOPY;

typedef struct _DEVICE_EXTENSION {
    KSPIN_LOCK Lock;             /* guards the lists */
    LIST_ENTRY Reads;            /* waiting reads, oldest first */
    LIST_ENTRY Copies;           /* written, and not read yet */
    IO_REMOVE_LOCK RemoveLock;
    NPAGED_LOOKASIDE_LIST Small;
    PDEVICE_OBJECT Lower;        /* what our own packets are sent to; NULL in the lower half */
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\Scarce");
static UNICODE_STRING LowerName = RTL_CONSTANT_STRING(L"\\Device\\ScarceLower");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Scarce");
static DRIVER_CANCEL ScarceCancelRead;

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* The oldest read, of one file object or of any, taken from its cancel routine. With the lock held. */
static PIRP TakeReadLocked(PDEVICE_EXTENSION Extension, PFILE_OBJECT FileObject)
{
    PIRP irp;
    PLIST_ENTRY entry, next;

    for (entry = Extension->Reads.Flink; entry != &Extension->Reads; entry = next) {
        next = entry->Flink;
        irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
        if (FileObject != NULL && IoGetCurrentIrpStackLocation(irp)->FileObject != FileObject) {
            continue;
        }
        RemoveEntryList(entry);
        if (IoSetCancelRoutine(irp, NULL) != NULL) {
            return irp;
        }
        InitializeListHead(entry);
    }
    return NULL;
}

static VOID ScarceCancelRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    KeAcquireSpinLock(&extension->Lock, &irql);
    RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&extension->Lock, irql);
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static VOID FreeCopy(PDEVICE_EXTENSION Extension, PCOPY Copy)
{
    IoFreeWorkItem(Copy->Item);
    ExFreePoolWithTag(Copy, TAG);
    IoReleaseRemoveLock(&Extension->RemoveLock, Copy);
}

/* Pairs what was written with who waits for it. */
static VOID Pair(PDEVICE_EXTENSION Extension)
{
    KIRQL irql;
    PIRP read;
    PCOPY copy;
    ULONG length;

    for (;;) {
        KeAcquireSpinLock(&Extension->Lock, &irql);
        read = IsListEmpty(&Extension->Copies) ? NULL : TakeReadLocked(Extension, NULL);
        copy = read == NULL ? NULL : CONTAINING_RECORD(RemoveHeadList(&Extension->Copies), COPY, Entry);
        KeReleaseSpinLock(&Extension->Lock, irql);
        if (read == NULL) {
            return;
        }
        length = IoGetCurrentIrpStackLocation(read)->Parameters.Read.Length;
        if (length > copy->Length) {
            length = copy->Length;
        }
        RtlCopyMemory(read->AssociatedIrp.SystemBuffer, copy->Bytes, length);
        FreeCopy(Extension, copy);
        CompleteIrp(read, STATUS_SUCCESS, length);
    }
}

static VOID ScarceWork(PDEVICE_OBJECT DeviceObject, PVOID Context)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    PCOPY copy = Context;
    KIRQL irql;

    KeAcquireSpinLock(&extension->Lock, &irql);
    InsertTailList(&extension->Copies, &copy->Entry);
    KeReleaseSpinLock(&extension->Lock, irql);
    Pair(extension);
}

static VOID ScarceDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PCOPY copy = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    IoQueueWorkItem(copy->Item, ScarceWork, DelayedWorkQueue, copy);
}

static NTSTATUS ScarceRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;

    KeAcquireSpinLock(&extension->Lock, &irql);
    IoMarkIrpPending(Irp);
    InsertTailList(&extension->Reads, &Irp->Tail.Overlay.ListEntry);
    IoSetCancelRoutine(Irp, ScarceCancelRead);
    if (Irp->Cancel && IoSetCancelRoutine(Irp, NULL) != NULL) {
        RemoveEntryList(&Irp->Tail.Overlay.ListEntry);
        KeReleaseSpinLock(&extension->Lock, irql);
        CompleteIrp(Irp, STATUS_CANCELLED, 0);
        return STATUS_PENDING;
    }
    KeReleaseSpinLock(&extension->Lock, irql);
    Pair(extension);
    return STATUS_PENDING;
}

static NTSTATUS ScarceWrite(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    ULONG length = IoGetCurrentIrpStackLocation(Irp)->Parameters.Write.Length;
    LARGE_INTEGER soon;
    NTSTATUS status;
    PCOPY copy = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(COPY) + length, TAG);

    if (copy == NULL) {
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    copy->Item = IoAllocateWorkItem(DeviceObject);
    if (copy->Item == NULL) {
        ExFreePoolWithTag(copy, TAG);
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    status = IoAcquireRemoveLock(&extension->RemoveLock, copy);
    if (!NT_SUCCESS(status)) {
        IoFreeWorkItem(copy->Item);
        ExFreePoolWithTag(copy, TAG);
        return CompleteIrp(Irp, status, 0);
    }
    copy->Device = DeviceObject;
    copy->Length = length;
    RtlCopyMemory(copy->Bytes, Irp->AssociatedIrp.SystemBuffer, length);
    KeInitializeTimer(&copy->Timer);
    KeInitializeDpc(&copy->Dpc, ScarceDpc, copy);
    soon.QuadPart = -1;
    KeSetTimer(&copy->Timer, soon, &copy->Dpc);
    return CompleteIrp(Irp, STATUS_SUCCESS, length);
}

/* ---- what drivers build */

static NTSTATUS SendControl(PDEVICE_OBJECT Lower, ULONG Code, PUCHAR Bytes, ULONG Length)
{
    KEVENT event;
    IO_STATUS_BLOCK result;
    NTSTATUS status;
    PIRP irp;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    irp = IoBuildDeviceIoControlRequest(Code, Lower, Bytes, Length, Bytes, Length, TRUE, &event, &result);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = IoCallDriver(Lower, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = result.Status;
    }
    return status;
}

static NTSTATUS SendFlush(PDEVICE_OBJECT Lower)
{
    KEVENT event;
    IO_STATUS_BLOCK result;
    NTSTATUS status;
    PIRP irp;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, Lower, NULL, 0, NULL, &event, &result);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    status = IoCallDriver(Lower, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = result.Status;
    }
    return status;
}

static NTSTATUS KeepIrp(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS SendOwn(PDEVICE_OBJECT Lower)
{
    KEVENT event;
    NTSTATUS status;
    PIRP irp = IoAllocateIrp(Lower->StackSize, FALSE);

    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
    IoSetCompletionRoutine(irp, KeepIrp, &event, TRUE, TRUE, TRUE);
    IoCallDriver(Lower, irp);
    KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
    status = irp->IoStatus.Status;
    IoFreeIrp(irp);
    return status;
}

static VOID ScarceThread(PVOID Context)
{
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS RunThread(VOID)
{
    KEVENT event;
    HANDLE handle;
    PVOID thread;
    NTSTATUS status;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, ScarceThread, &event);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &thread, NULL);
    ZwClose(handle);
    if (!NT_SUCCESS(status)) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        return status;
    }
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
    return STATUS_SUCCESS;
}

static NTSTATUS UseEvent(VOID)
{
    HANDLE handle;
    NTSTATUS status = ZwCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE);

    return NT_SUCCESS(status) ? ZwClose(handle) : status;
}

static NTSTATUS UsePool(PDEVICE_EXTENSION Extension)
{
    UCHAR bytes[16];
    PMDL mdl;
    PVOID small = ExAllocateFromNPagedLookasideList(&Extension->Small);
    PVOID old = ExAllocatePoolWithTag(NonPagedPoolNx, 32, TAG);
    NTSTATUS status = small == NULL || old == NULL ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;

    if (small != NULL) {
        ExFreeToNPagedLookasideList(&Extension->Small, small);
    }
    if (old != NULL) {
        ExFreePoolWithTag(old, TAG);
    }
    mdl = IoAllocateMdl(bytes, sizeof(bytes), FALSE, FALSE, NULL);
    if (mdl == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    IoFreeMdl(mdl);
    return status;
}

static NTSTATUS DoEverything(PDEVICE_EXTENSION Extension)
{
    UCHAR bytes[16] = {1};
    PFILE_OBJECT file;
    PDEVICE_OBJECT device;
    NTSTATUS status = UsePool(Extension);

    if (NT_SUCCESS(status)) {
        status = UseEvent();
    }
    if (NT_SUCCESS(status)) {
        status = RunThread();
    }
    if (NT_SUCCESS(status)) {
        status = SendControl(Extension->Lower, IOCTL_EVERYTHING, bytes, sizeof(bytes));
    }
    if (NT_SUCCESS(status)) {
        status = SendControl(Extension->Lower, IOCTL_DIRECT, bytes, sizeof(bytes));
    }
    if (NT_SUCCESS(status)) {
        status = SendFlush(Extension->Lower);
    }
    if (NT_SUCCESS(status)) {
        status = SendOwn(Extension->Lower);
    }
    if (NT_SUCCESS(status)) {
        status = IoGetDeviceObjectPointer(&LowerName, FILE_READ_DATA, &file, &device);
        if (NT_SUCCESS(status)) {
            ObDereferenceObject(file);
        }
    }
    return status;
}

static NTSTATUS ScarceControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    ULONG code = IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode;
    NTSTATUS status = STATUS_SUCCESS;

    if (code != IOCTL_EVERYTHING && code != IOCTL_DIRECT && code != IOCTL_NEITHER) {
        status = STATUS_INVALID_DEVICE_REQUEST;
    } else if (code == IOCTL_EVERYTHING && extension->Lower != NULL) {
        status = DoEverything(extension);
    }
    return CompleteIrp(Irp, status, 0);
}

static NTSTATUS ScarceCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PDEVICE_EXTENSION extension = DeviceObject->DeviceExtension;
    KIRQL irql;
    PIRP read;

    for (;;) {
        KeAcquireSpinLock(&extension->Lock, &irql);
        read = TakeReadLocked(extension, IoGetCurrentIrpStackLocation(Irp)->FileObject);
        KeReleaseSpinLock(&extension->Lock, irql);
        if (read == NULL) {
            return CompleteIrp(Irp, STATUS_SUCCESS, 0);
        }
        CompleteIrp(read, STATUS_CANCELLED, 0);
    }
}

static NTSTATUS ScarceOther(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

/* ---- load and unload */

static VOID RemoveDevice(PDEVICE_OBJECT Device)
{
    PDEVICE_EXTENSION extension = Device->DeviceExtension;
    KIRQL irql;
    PCOPY copy;

    for (;;) {
        KeAcquireSpinLock(&extension->Lock, &irql);
        copy = IsListEmpty(&extension->Copies)
                   ? NULL
                   : CONTAINING_RECORD(RemoveHeadList(&extension->Copies), COPY, Entry);
        KeReleaseSpinLock(&extension->Lock, irql);
        if (copy == NULL) {
            break;
        }
        FreeCopy(extension, copy);
    }
    ExDeleteNPagedLookasideList(&extension->Small);
    IoDeleteDevice(Device);
}

static NTSTATUS AddDevice(PDRIVER_OBJECT DriverObject, PUNICODE_STRING Name, PDEVICE_OBJECT *Device)
{
    PDEVICE_EXTENSION extension;
    NTSTATUS status = IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), Name, FILE_DEVICE_UNKNOWN, 0,
                                     FALSE, Device);

    if (!NT_SUCCESS(status)) {
        return status;
    }
    (*Device)->Flags |= DO_BUFFERED_IO;
    (*Device)->Flags &= ~DO_DEVICE_INITIALIZING;
    extension = (*Device)->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    InitializeListHead(&extension->Reads);
    InitializeListHead(&extension->Copies);
    IoInitializeRemoveLock(&extension->RemoveLock, TAG, 0, 0);
    ExInitializeNPagedLookasideList(&extension->Small, NULL, NULL, 0, 64, TAG, 0);
    return STATUS_SUCCESS;
}

static VOID ScarceUnload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteSymbolicLink(&LinkName);
    while (DriverObject->DeviceObject != NULL) {
        RemoveDevice(DriverObject->DeviceObject);
    }
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device, lower;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    status = AddDevice(DriverObject, &LowerName, &lower);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = AddDevice(DriverObject, &DeviceName, &device);
    if (!NT_SUCCESS(status)) {
        RemoveDevice(lower);
        return status;
    }
    ((PDEVICE_EXTENSION)device->DeviceExtension)->Lower = lower;
    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        RemoveDevice(device);
        RemoveDevice(lower);
        return status;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = ScarceOther;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = ScarceOther;
    DriverObject->MajorFunction[IRP_MJ_FLUSH_BUFFERS] = ScarceOther;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = ScarceCleanup;
    DriverObject->MajorFunction[IRP_MJ_READ] = ScarceRead;
    DriverObject->MajorFunction[IRP_MJ_WRITE] = ScarceWrite;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = ScarceControl;
    DriverObject->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = ScarceControl;
    DriverObject->DriverUnload = ScarceUnload;
    return STATUS_SUCCESS;
}
