/*
 * Opens: answers IRP_MJ_CREATE by the path behind the device's name, and a read tells what was asked for.
 *
 *   (none)            shared as IoCheckShareAccess says
 *   \file             exists once it was created: the disposition counts
 *   \status\C0000022  that status
 *   \wait             stays until it is cancelled, or until \go is opened
 */
#include <ntddk.h>
#include <wdmsec.h>

#define TAG 'snpO'
#define NAME_LENGTH 64

/* What a read gives; also in tests/host/programs/opener.c. */
typedef struct _REPORT {
    ULONG Access, Share, Disposition, Options, Attributes, FileFlags, Process, NameLength;
    WCHAR Name[NAME_LENGTH];
} REPORT, *PREPORT;

static UNICODE_STRING DeviceName = RTL_CONSTANT_STRING(L"\\Device\\OpensDevice");
static UNICODE_STRING LinkName = RTL_CONSTANT_STRING(L"\\DosDevices\\Opens");
#if defined(SDDL)
static UNICODE_STRING Security = RTL_CONSTANT_STRING(SDDL);
static const GUID Class = {0x5e8a0f7c, 0x91d2, 0x4b36, {0x8c, 0x55, 0x10, 0x7e, 0x3d, 0xaa, 0x42, 0x20}};
#endif
static KEVENT Turn;  /* of what follows */
static SHARE_ACCESS Share;
static BOOLEAN Exists;
static PIRP Waiting;  /* under the cancel spin lock */

static NTSTATUS CompleteIrp(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static VOID OpensCancel(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    Waiting = NULL;
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    ExFreePoolWithTag(IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext, TAG);
    DbgPrint("opens: create cancelled\n");
    CompleteIrp(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS Wait(PIRP Irp)
{
    KIRQL irql;

    IoAcquireCancelSpinLock(&irql);
    if (Irp->Cancel || Waiting != NULL) {
        IoReleaseCancelSpinLock(irql);
        return Irp->Cancel ? STATUS_CANCELLED : STATUS_DEVICE_BUSY;
    }
    IoMarkIrpPending(Irp);
    Waiting = Irp;
    IoSetCancelRoutine(Irp, OpensCancel);
    IoReleaseCancelSpinLock(irql);
    DbgPrint("opens: create waits\n");
    return STATUS_PENDING;
}

static VOID Go(VOID)
{
    PIRP irp;
    KIRQL irql;

    IoAcquireCancelSpinLock(&irql);
    irp = Waiting;
    if (irp != NULL) {
        Waiting = NULL;
        IoSetCancelRoutine(irp, NULL);
    }
    IoReleaseCancelSpinLock(irql);
    if (irp != NULL) {
        CompleteIrp(irp, STATUS_SUCCESS, FILE_OPENED);
    }
}

static NTSTATUS OpenFile(ULONG Disposition, PULONG_PTR Information)
{
    BOOLEAN existed = Exists;

    if (existed && Disposition == FILE_CREATE) {
        return STATUS_OBJECT_NAME_COLLISION;
    }
    if (!existed && (Disposition == FILE_OPEN || Disposition == FILE_OVERWRITE)) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    Exists = TRUE;
    *Information = !existed ? FILE_CREATED
                   : Disposition == FILE_OVERWRITE || Disposition == FILE_OVERWRITE_IF ? FILE_OVERWRITTEN
                   : FILE_OPENED;
    return STATUS_SUCCESS;
}

static BOOLEAN IsName(PCUNICODE_STRING Name, PCWSTR Text)
{
    UNICODE_STRING text;

    RtlInitUnicodeString(&text, Text);
    return RtlEqualUnicodeString(Name, &text, FALSE);
}

static NTSTATUS Decide(PIO_STACK_LOCATION Location, PIRP Irp, PULONG_PTR Information)
{
    static const WCHAR prefix[] = L"\\status\\";
    PUNICODE_STRING name = &Location->FileObject->FileName;
    UNICODE_STRING start, digits;
    ULONG status;

    if (name->Length == 0) {
        return IoCheckShareAccess(Location->Parameters.Create.SecurityContext->DesiredAccess,
                                  Location->Parameters.Create.ShareAccess, Location->FileObject, &Share,
                                  TRUE);
    }
    if (IsName(name, L"\\file")) {
        return OpenFile(Location->Parameters.Create.Options >> 24, Information);
    }
    if (IsName(name, L"\\wait")) {
        return Wait(Irp);
    }
    if (IsName(name, L"\\go")) {
        Go();
    }
    RtlInitUnicodeString(&start, prefix);
    if (!RtlPrefixUnicodeString(&start, name, FALSE)) {
        return STATUS_SUCCESS;
    }
    digits.Buffer = name->Buffer + start.Length / sizeof(WCHAR);
    digits.Length = digits.MaximumLength = name->Length - start.Length;
    return NT_SUCCESS(RtlUnicodeStringToInteger(&digits, 16, &status)) ? (NTSTATUS)status
                                                                       : STATUS_INVALID_PARAMETER;
}

static NTSTATUS OpensCreate(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);
    PFILE_OBJECT file = location->FileObject;
    ULONG_PTR information = FILE_OPENED;
    PREPORT report;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(DeviceObject);
    report = ExAllocatePoolWithTag(NonPagedPool, sizeof(*report), TAG);
    if (report == NULL) {
        return CompleteIrp(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    RtlZeroMemory(report, sizeof(*report));
    report->Access = location->Parameters.Create.SecurityContext->DesiredAccess;
    report->Share = location->Parameters.Create.ShareAccess;
    report->Disposition = location->Parameters.Create.Options >> 24;
    report->Options = location->Parameters.Create.Options & 0xffffff;
    report->Attributes = location->Parameters.Create.FileAttributes;
    report->FileFlags = file->Flags;
    report->Process = IoGetRequestorProcessId(Irp);
    report->NameLength = file->FileName.Length / sizeof(WCHAR);
    if (report->NameLength <= NAME_LENGTH) {
        RtlCopyMemory(report->Name, file->FileName.Buffer, file->FileName.Length);
    }
    file->FsContext = report;
    KeWaitForSingleObject(&Turn, Executive, KernelMode, FALSE, NULL);
    status = Decide(location, Irp, &information);
    KeSetEvent(&Turn, IO_NO_INCREMENT, FALSE);
    if (status == STATUS_PENDING) {
        return status;
    }
    if (!NT_SUCCESS(status)) {
        ExFreePoolWithTag(report, TAG);
        information = 0;
    }
    return CompleteIrp(Irp, status, information);
}

static NTSTATUS OpensRead(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);

    UNREFERENCED_PARAMETER(DeviceObject);
    if (location->Parameters.Read.Length < sizeof(REPORT)) {
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    }
    RtlCopyMemory(Irp->AssociatedIrp.SystemBuffer, location->FileObject->FsContext, sizeof(REPORT));
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(REPORT));
}

/* Adds up the bytes that come. */
static NTSTATUS OpensControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);
    PUCHAR bytes = Irp->AssociatedIrp.SystemBuffer;
    ULONG sum = 0, i;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (location->Parameters.DeviceIoControl.OutputBufferLength < sizeof(sum)) {
        return CompleteIrp(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    }
    for (i = 0; i < location->Parameters.DeviceIoControl.InputBufferLength; ++i) {
        sum += bytes[i];
    }
    RtlCopyMemory(bytes, &sum, sizeof(sum));
    return CompleteIrp(Irp, STATUS_SUCCESS, sizeof(sum));
}

static NTSTATUS OpensCleanup(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(Irp)->FileObject;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (file->FileName.Length == 0) {
        KeWaitForSingleObject(&Turn, Executive, KernelMode, FALSE, NULL);
        IoRemoveShareAccess(file, &Share);
        KeSetEvent(&Turn, IO_NO_INCREMENT, FALSE);
    }
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS OpensClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    ExFreePoolWithTag(IoGetCurrentIrpStackLocation(Irp)->FileObject->FsContext, TAG);
    return CompleteIrp(Irp, STATUS_SUCCESS, 0);
}

static VOID OpensUnload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
#if defined(SDDL)
    status = IoCreateDeviceSecure(DriverObject, 0, &DeviceName, FILE_DEVICE_UNKNOWN, 0, FALSE, &Security,
                                  &Class, &device);
#else
    status = IoCreateDevice(DriverObject, 0, &DeviceName, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
#endif
    if (!NT_SUCCESS(status)) {
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    KeInitializeEvent(&Turn, SynchronizationEvent, TRUE);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = OpensCreate;
    DriverObject->MajorFunction[IRP_MJ_READ] = OpensRead;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = OpensControl;
    DriverObject->MajorFunction[IRP_MJ_CLEANUP] = OpensCleanup;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = OpensClose;
    DriverObject->DriverUnload = OpensUnload;
    return STATUS_SUCCESS;
}
