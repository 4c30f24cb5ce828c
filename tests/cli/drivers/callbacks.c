/* A Plug and Play driver of one device. With DEFECTS, five of its routines are wrong, each in its own
 * way; without, none is. What a read needs is made by IRP_MN_START_DEVICE and IRP_MJ_CREATE. */
#include <ntddk.h>

#define TAG 'kblC'

typedef struct _EXTENSION {
    PDEVICE_OBJECT Lower;
    KSPIN_LOCK Lock;
    KEVENT Event;
    PLONG Reads; /* from start to removal */
    LONG Count;
} EXTENSION, *PEXTENSION;

DRIVER_INITIALIZE DriverEntry;

static NTSTATUS Finish(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS DispatchCreate(PDEVICE_OBJECT Device, PIRP Irp)
{
    IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext = Device->DeviceExtension;
    return Finish(Irp, STATUS_SUCCESS);
}

static NTSTATUS DispatchClose(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    return Finish(Irp, STATUS_SUCCESS);
}

static NTSTATUS DispatchRead(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext;
    KIRQL irql;

    KeAcquireSpinLock(&extension->Lock, &irql);
    ++*extension->Reads;
#if DEFECTS
    if (Device == NULL)
#endif
    KeReleaseSpinLock(&extension->Lock, irql);
    IoMarkIrpPending(Irp);
    IoRequestDpc(Device, Irp, NULL);
    return STATUS_PENDING;
}

static VOID ReadDpc(PKDPC Dpc, PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Device);
    UNREFERENCED_PARAMETER(Context);
#if DEFECTS
    IoGetInitialStack();
#endif
    Finish(Irp, STATUS_SUCCESS);
}

static NTSTATUS PowerDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    PEXTENSION extension = Context;
    KIRQL irql;

    UNREFERENCED_PARAMETER(Device);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
#if DEFECTS
    KeSetEvent(&extension->Event, IO_NO_INCREMENT, TRUE);
#else
    KeSetEvent(&extension->Event, IO_NO_INCREMENT, FALSE);
#endif
    KeLowerIrql(irql);
    if (Irp->PendingReturned) IoMarkIrpPending(Irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS DispatchPower(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = Device->DeviceExtension;

    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, PowerDone, extension, TRUE, TRUE, TRUE);
    return PoCallDriver(extension->Lower, Irp);
}

static NTSTATUS DispatchSystemControl(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = Device->DeviceExtension;
#if DEFECTS
    KIRQL irql;

    IoAcquireCancelSpinLock(&irql);
    if (extension != NULL) return STATUS_SUCCESS;
    IoReleaseCancelSpinLock(irql);
#endif
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(extension->Lower, Irp);
}

#if !DEFECTS
static NTSTATUS StartDone(PDEVICE_OBJECT Device, PIRP Irp, PVOID Event)
{
    UNREFERENCED_PARAMETER(Device);
    if (Irp->PendingReturned) KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS Start(PEXTENSION Extension, PIRP Irp)
{
    KEVENT event;
    NTSTATUS status;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, StartDone, &event, TRUE, TRUE, TRUE);
    status = IoCallDriver(Extension->Lower, Irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = Irp->IoStatus.Status;
    }
    if (NT_SUCCESS(status)) {
        Extension->Reads = ExAllocatePoolWithTag(NonPagedPool, sizeof(LONG), TAG);
        if (Extension->Reads == NULL) status = STATUS_INSUFFICIENT_RESOURCES;
        else *Extension->Reads = 0;
    }
    return Finish(Irp, status);
}
#endif

static NTSTATUS DispatchPnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PEXTENSION extension = Device->DeviceExtension;
    PDEVICE_OBJECT lower = extension->Lower;
    UCHAR minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    NTSTATUS status;

#if !DEFECTS
    if (minor == IRP_MN_START_DEVICE) return Start(extension, Irp);
#endif
    if (minor == IRP_MN_REMOVE_DEVICE || minor == IRP_MN_SURPRISE_REMOVAL) {
        Irp->IoStatus.Status = STATUS_SUCCESS;
    }
    IoSkipCurrentIrpStackLocation(Irp);
    status = IoCallDriver(lower, Irp);
    if (minor == IRP_MN_REMOVE_DEVICE) {
#if !DEFECTS
        if (extension->Reads != NULL) ExFreePoolWithTag(extension->Reads, TAG);
#endif
        IoDetachDevice(lower);
        IoDeleteDevice(Device);
    }
#if DEFECTS
    status = STATUS_SUCCESS;
#endif
    return status;
}

static NTSTATUS AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Physical)
{
    PDEVICE_OBJECT device;
    PEXTENSION extension;
    NTSTATUS status =
        IoCreateDevice(Driver, sizeof(EXTENSION), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);

    if (!NT_SUCCESS(status)) return status;
    extension = device->DeviceExtension;
    KeInitializeSpinLock(&extension->Lock);
    KeInitializeEvent(&extension->Event, NotificationEvent, FALSE);
#if DEFECTS
    extension->Reads = &extension->Count;
#endif
    extension->Lower = IoAttachDeviceToDeviceStack(device, Physical);
    if (extension->Lower == NULL) {
        IoDeleteDevice(device);
        return STATUS_NO_SUCH_DEVICE;
    }
    IoInitializeDpcRequest(device, ReadDpc);
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT Driver)
{
    UNREFERENCED_PARAMETER(Driver);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING Path)
{
    UNREFERENCED_PARAMETER(Path);
    Driver->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    Driver->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    Driver->MajorFunction[IRP_MJ_READ] = DispatchRead;
    Driver->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    Driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = DispatchSystemControl;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
