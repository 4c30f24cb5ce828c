// File objects: open, handle, cleanup, close.
//
// Thread safety: any actor at PASSIVE_LEVEL.
// Invariants: each outstanding packet and each handle references its file object; IRP_MJ_CLEANUP is
// sent when the last handle is closed, IRP_MJ_CLOSE when the last reference goes, neither if the
// create failed.
// Contract: WDM-FILE-001
#include "wdm/io_state.hpp"

namespace belay::inline BELAY_BUILD::kernel {

namespace {

void file_closed(void* object);
void file_destroyed(void* object);
void* event_of_file(void* object) { return &static_cast<PFILE_OBJECT>(object)->Event; }

}  // namespace

const object_type file_type = {"File", &file_closed, &file_destroyed, true, &event_of_file};
const object_type device_type = {"Device", nullptr, nullptr, false};
const object_type driver_type = {"Driver", nullptr, nullptr, false};

namespace {

// The last handle is gone.
void file_closed(void* object) {
  const sync::sealed seal;
  auto file = static_cast<PFILE_OBJECT>(object);
  if (!wdm::extra_of(file)->opened) return;
  wdm::cleanup_begins(file);
  wdm::send_and_wait(wdm::top_of(file->DeviceObject), file, IRP_MJ_CLEANUP, 0, nullptr, KernelMode);
  file->Flags |= FO_CLEANUP_COMPLETE;
  wdm::cleanup_ended(file);
}

// The last reference is gone.
void file_destroyed(void* object) {
  const sync::sealed seal;
  auto file = static_cast<PFILE_OBJECT>(object);
  if (wdm::extra_of(file)->opened) {
    wdm::send_and_wait(wdm::top_of(file->DeviceObject), file, IRP_MJ_CLOSE, 0, nullptr, KernelMode);
  }
  sync::deallocate(file->FileName.Buffer);
  wdm::device_closed(file->DeviceObject);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::kernel

namespace belay::inline BELAY_BUILD::wdm {

namespace {

// Counts one more open file, unless the device does not take it.
NTSTATUS claim_device(PDEVICE_OBJECT device) {
  if (extra_of(device)->delete_pending || (device->Flags & DO_DEVICE_INITIALIZING) != 0) {
    return STATUS_NO_SUCH_DEVICE;
  }
  if ((device->Flags & DO_EXCLUSIVE) == 0) {
    InterlockedIncrement(&device->ReferenceCount);
    return STATUS_SUCCESS;
  }
  return InterlockedCompareExchange(&device->ReferenceCount, 1, 0) == 0 ? STATUS_SUCCESS
                                                                        : STATUS_ACCESS_DENIED;
}

// What of the create options stays with the file.
ULONG flags_of(ULONG options) {
  ULONG out = 0;
  if ((options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)) != 0) {
    out |= FO_SYNCHRONOUS_IO;
  }
  if ((options & FILE_SYNCHRONOUS_IO_ALERT) != 0) out |= FO_ALERTABLE_IO;
  if ((options & FILE_NO_INTERMEDIATE_BUFFERING) != 0) out |= FO_NO_INTERMEDIATE_BUFFERING;
  if ((options & FILE_WRITE_THROUGH) != 0) out |= FO_WRITE_THROUGH;
  if ((options & FILE_SEQUENTIAL_ONLY) != 0) out |= FO_SEQUENTIAL_ONLY;
  if ((options & FILE_RANDOM_ACCESS) != 0) out |= FO_RANDOM_ACCESS;
  if ((options & FILE_DELETE_ON_CLOSE) != 0) out |= FO_DELETE_ON_CLOSE;
  return out;
}

}  // namespace

// Returns: nullptr without memory; then the claim of the device has been given back.
PFILE_OBJECT make_file(PDEVICE_OBJECT device, PCUNICODE_STRING rest) {
  auto file = static_cast<PFILE_OBJECT>(
      kernel::create_object(&kernel::file_type, sizeof(FILE_OBJECT) + sizeof(file_extra), nullptr));
  if (file == nullptr) {
    device_closed(device);
    return nullptr;
  }
  file->Type = IO_TYPE_FILE;
  file->Size = sizeof(FILE_OBJECT);
  file->DeviceObject = device;
  KeInitializeEvent(&file->Lock, SynchronizationEvent, TRUE);
  KeInitializeEvent(&file->Event, NotificationEvent, FALSE);
  InitializeListHead(&file->IrpList);
  if (rest != nullptr && rest->Length != 0) {
    file->FileName.Buffer =
        static_cast<PWSTR>(sync::allocate(rest->Length + sizeof(WCHAR), sync::memory_use::guest));
    if (file->FileName.Buffer == nullptr) {
      kernel::dereference_object(file);  // which gives the claim back
      return nullptr;
    }
    for (std::size_t i = 0; i < rest->Length / sizeof(WCHAR); ++i) {
      file->FileName.Buffer[i] = rest->Buffer[i];
    }
    file->FileName.Length = rest->Length;
    file->FileName.MaximumLength = rest->Length;
  }
  return file;
}

open_result open_device(PDEVICE_OBJECT device, PCUNICODE_STRING rest, const open_options& how,
                        KPROCESSOR_MODE mode, PFILE_OBJECT related) {
  const sync::sealed seal;
  open_result result;
  kernel::order(sync::access_kind::update, &device->ReferenceCount, sizeof(LONG));
  result.status = claim_device(device);
  if (!NT_SUCCESS(result.status)) return result;
  PFILE_OBJECT file = make_file(device, rest);
  auto* security = file == nullptr ? nullptr : make<IO_SECURITY_CONTEXT>(sync::memory_use::guest);
  void* handle = security == nullptr ? nullptr : kernel::create_handle(file, how.access);
  if (handle == nullptr) {
    sync::deallocate(security);
    if (file != nullptr) kernel::dereference_object(file);
    result.status = STATUS_INSUFFICIENT_RESOURCES;
    return result;
  }
  file->ReadAccess = (how.access & FILE_READ_DATA) != 0;
  file->WriteAccess = (how.access & FILE_WRITE_DATA) != 0;
  file->Flags |= flags_of(how.create_options);
  file->RelatedFileObject = related;
  security->DesiredAccess = how.access;
  IO_STACK_LOCATION stack{};
  stack.Parameters.Create.SecurityContext = security;
  stack.Parameters.Create.Options = (how.disposition << 24) | (how.create_options & 0x00ffffff);
  stack.Parameters.Create.ShareAccess = static_cast<USHORT>(how.share);
  stack.Parameters.Create.FileAttributes = how.attributes;
  const IO_STATUS_BLOCK answer = send_and_wait(top_of(device), file, IRP_MJ_CREATE, 0, &stack, mode,
                                               how.cancel, how.process_id);
  sync::deallocate(security);
  file->RelatedFileObject = nullptr;

  result.status = answer.Status;
  result.information = answer.Information;
  if (NT_SUCCESS(answer.Status)) {
    extra_of(file)->opened = true;
    extra_of(file)->handle = handle;
    file->Flags |= FO_HANDLE_CREATED;
    result.file = file;
  } else {
    kernel::close_handle(handle);
  }
  kernel::dereference_object(file);  // from here on the handle keeps it
  return result;
}

namespace {

// Frees `wide`, whose buffer is nullptr without memory.
open_result open_by(UNICODE_STRING wide, const open_options& how) {
  name_rest rest;
  PDEVICE_OBJECT device = nullptr;
  open_result result;
  result.status = STATUS_INSUFFICIENT_RESOURCES;
  if (wide.Buffer == nullptr) return result;
  result.status = resolve_name(&wide, &device, &rest);
  if (NT_SUCCESS(result.status)) {
    const UNICODE_STRING behind = rest.view();
    result = open_device(device, &behind, how, UserMode);
  }
  sync::deallocate(wide.Buffer);
  return result;
}

}  // namespace

open_result open(_DEVICE_OBJECT* device, const open_options& how) {
  return open_device(device, nullptr, how, UserMode);
}

open_result open(const char* name, const open_options& how) {
  const sync::sealed seal;
  return open_by(make_string(name, sync::memory_use::guest), how);
}

open_result open(const char16_t* name, const open_options& how) {
  const sync::sealed seal;
  return open_by(make_string(name, sync::memory_use::guest), how);
}

nt_status close_handle(_FILE_OBJECT* file) {
  const sync::sealed seal;
  void* handle = extra_of(file)->handle;
  if (handle == nullptr) return STATUS_INVALID_HANDLE;
  extra_of(file)->handle = nullptr;
  return kernel::close_handle(handle) ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

namespace {

POBJECT_TYPE exported(const kernel::object_type& type) {
  return reinterpret_cast<POBJECT_TYPE>(const_cast<kernel::object_type*>(&type));
}
POBJECT_TYPE file_pointer = exported(kernel::file_type);
POBJECT_TYPE device_pointer = exported(kernel::device_type);
POBJECT_TYPE driver_pointer = exported(kernel::driver_type);

}  // namespace

extern "C" {

POBJECT_TYPE* IoFileObjectType = &file_pointer;
POBJECT_TYPE* IoDeviceObjectType = &device_pointer;
POBJECT_TYPE* IoDriverObjectType = &driver_pointer;

PDEVICE_OBJECT NTAPI IoGetRelatedDeviceObject(PFILE_OBJECT FileObject) {
  BELAY_EXPORT(IoGetRelatedDeviceObject, FileObject);
  return wdm::top_of(FileObject->DeviceObject);
}

NTSTATUS NTAPI IoGetDeviceObjectPointer(PUNICODE_STRING ObjectName, ACCESS_MASK DesiredAccess,
                                        PFILE_OBJECT* FileObject, PDEVICE_OBJECT* DeviceObject) {
  BELAY_EXPORT(IoGetDeviceObjectPointer, nullptr);
  PDEVICE_OBJECT device = nullptr;
  wdm::name_rest rest;
  const NTSTATUS status = wdm::resolve_name(ObjectName, &device, &rest);
  if (!NT_SUCCESS(status)) return status;
  const UNICODE_STRING behind = rest.view();
  const wdm::open_result opened =
      wdm::open_device(device, &behind, {.access = DesiredAccess}, KernelMode);
  if (!NT_SUCCESS(opened.status)) return opened.status;
  kernel::reference_object(opened.file);
  *FileObject = opened.file;
  *DeviceObject = wdm::top_of(device);
  wdm::close_handle(opened.file);
  return STATUS_SUCCESS;
}

}  // extern "C"
