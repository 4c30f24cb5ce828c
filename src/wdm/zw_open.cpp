// Opening devices by name, as drivers do, and symbolic links as objects.
//
// Thread safety: any actor at PASSIVE_LEVEL.
// Contract: WDM-FILE-001, WDM-FILE-009
#include "wdm/zw_request.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

constexpr ULONG waits = FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT;

ACCESS_MASK specific(ACCESS_MASK access) {
  static constexpr ACCESS_MASK pairs[][2] = {{GENERIC_READ, FILE_GENERIC_READ},
                                             {GENERIC_WRITE, FILE_GENERIC_WRITE},
                                             {GENERIC_EXECUTE, FILE_GENERIC_EXECUTE},
                                             {GENERIC_ALL, FILE_ALL_ACCESS},
                                             {MAXIMUM_ALLOWED, FILE_ALL_ACCESS}};
  for (const auto& each : pairs) {
    if ((access & each[0]) != 0) access = (access & ~each[0]) | each[1];
  }
  return access;
}

bool sensible(const open_options& how) {
  const ULONG options = how.create_options;
  const ULONG kind = options & (FILE_DIRECTORY_FILE | FILE_NON_DIRECTORY_FILE);
  return (how.attributes & ~FILE_ATTRIBUTE_VALID_FLAGS) == 0 &&
         (how.share & ~FILE_SHARE_VALID_FLAGS) == 0 &&
         how.disposition <= FILE_MAXIMUM_DISPOSITION && (options & ~FILE_VALID_OPTION_FLAGS) == 0 &&
         (options & waits) != waits &&
         ((options & waits) == 0 || (how.access & SYNCHRONIZE) != 0) &&
         ((options & FILE_DELETE_ON_CLOSE) == 0 || (how.access & DELETE) != 0) &&
         ((options & FILE_NO_INTERMEDIATE_BUFFERING) == 0 ||
          (how.access & FILE_APPEND_DATA) == 0) &&
         kind != (FILE_DIRECTORY_FILE | FILE_NON_DIRECTORY_FILE);
}

// What is to be opened: a device by its name, or something beneath an open file.
struct target {
  PDEVICE_OBJECT device = nullptr;
  name_rest behind;
  held_file root;
};

NTSTATUS find(POBJECT_ATTRIBUTES attributes, target& what) {
  if (attributes == nullptr || attributes->Length != sizeof(OBJECT_ATTRIBUTES)) {
    return STATUS_INVALID_PARAMETER;
  }
  PCUNICODE_STRING const name = attributes->ObjectName;
  const bool empty = name == nullptr || name->Length == 0;
  if (attributes->RootDirectory == nullptr) {
    if (empty) return STATUS_OBJECT_PATH_SYNTAX_BAD;
    return resolve_name(name, &what.device, &what.behind);
  }
  const NTSTATUS status = what.root.hold(attributes->RootDirectory);
  if (!NT_SUCCESS(status)) return status;
  what.device = what.root.get()->DeviceObject;
  if (empty) return STATUS_SUCCESS;
  what.behind.length = name->Length / sizeof(WCHAR);
  if (what.behind.length > longest_name) return STATUS_NAME_TOO_LONG;
  sync::touch(name->Buffer, name->Length, sync::access_kind::read);
  for (std::size_t i = 0; i < what.behind.length; ++i) what.behind.text[i] = name->Buffer[i];
  return STATUS_SUCCESS;
}

// The thread waits in here, where ZwCancelSynchronousIoFile finds it.
open_result open_target(target& what, open_options& how) {
  open_result result;
  result.status = STATUS_INSUFFICIENT_RESOURCES;
  zw_request* const waiting = make_zw_request(nullptr);
  if (waiting == nullptr) return result;
  waiting->waited = true;
  how.cancel = &waiting->opening;
  const UNICODE_STRING behind = what.behind.view();
  link(*waiting);
  result = open_device(what.device, &behind, how, KernelMode, what.root.get());
  mark_over(*waiting);
  unlink(*waiting);
  release(waiting);
  return result;
}

NTSTATUS open_by_name(PHANDLE handle, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK block,
                      open_options& how, const void* site) {
  const sync::sealed seal;
  how.access = specific(how.access);
  if (!sensible(how)) return STATUS_INVALID_PARAMETER;
  target what;
  const NTSTATUS status = find(attributes, what);
  if (!NT_SUCCESS(status)) return status;
  const open_result opened = open_target(what, how);
  sync::touch(block, sizeof(IO_STATUS_BLOCK), sync::access_kind::write);
  block->Status = opened.status;
  block->Information = static_cast<ULONG_PTR>(opened.information);
  if (opened.file == nullptr) return opened.status;
  file_extra* const extra = extra_of(opened.file);
  const driver_call* const call = innermost_call();
  extra->opener =
      call != nullptr && call->device != nullptr ? call->device->DriverObject : io().loading;
  extra->site = site;
  sync::touch(handle, sizeof(HANDLE), sync::access_kind::write);
  *handle = extra->handle;
  return opened.status;
}

// ---- symbolic links

struct link_object {
  name_rest target;
};

const kernel::object_type link_type = {"SymbolicLink"};

NTSTATUS open_link(PHANDLE handle, POBJECT_ATTRIBUTES attributes, const void* site) {
  if (attributes == nullptr || attributes->Length != sizeof(OBJECT_ATTRIBUTES)) {
    return STATUS_INVALID_PARAMETER;
  }
  if (attributes->RootDirectory != nullptr) return STATUS_NOT_SUPPORTED;
  name_rest target;
  const NTSTATUS status = target_of_link(attributes->ObjectName, &target);
  if (!NT_SUCCESS(status)) return status;
  auto* const link = static_cast<link_object*>(
      kernel::create_object(&link_type, sizeof(link_object), site, "SymbolicLink"));
  if (link == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  link->target = target;
  *handle = kernel::create_handle(link);
  kernel::dereference_object(link);
  return *handle != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS query_link(const link_object& link, PUNICODE_STRING text, PULONG length) {
  const auto bytes = static_cast<USHORT>(link.target.length * sizeof(WCHAR));
  if (length != nullptr) *length = bytes;
  if (text->MaximumLength < bytes) return STATUS_BUFFER_TOO_SMALL;
  sync::touch(text->Buffer, bytes, sync::access_kind::write);
  for (std::size_t i = 0; i < link.target.length; ++i) text->Buffer[i] = link.target.text[i];
  text->Length = bytes;
  return STATUS_SUCCESS;
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::wdm

using namespace belay;

extern "C" {

/// Opens a device by its name or a symbolic link to it, with what follows as the file's name, or
/// relative to an open file, and waits for IRP_MJ_CREATE.
///
/// Callers:  PASSIVE_LEVEL.
/// Returns:  the driver's status; STATUS_OBJECT_NAME_NOT_FOUND and STATUS_OBJECT_PATH_NOT_FOUND as
///           resolve_name(): there is no file system, so that each path on a volume is the latter;
///           STATUS_INVALID_PARAMETER; STATUS_EAS_NOT_SUPPORTED for extended attributes. The status
///           block is written when a driver was asked.
/// Races:    ZwCancelSynchronousIoFile of the waiting thread against completion: one wins.
/// Contract: WDM-FILE-001, WDM-FILE-009
NTSTATUS NTAPI ZwCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                            POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                            PLARGE_INTEGER, ULONG FileAttributes, ULONG ShareAccess,
                            ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer,
                            ULONG EaLength) {
  BELAY_EXPORT(ZwCreateFile, nullptr);
  if (EaBuffer != nullptr || EaLength != 0) return STATUS_EAS_NOT_SUPPORTED;
  if ((FileAttributes & ~FILE_ATTRIBUTE_VALID_FLAGS) != 0) return STATUS_INVALID_PARAMETER;
  wdm::open_options how;
  how.access = DesiredAccess;
  how.share = ShareAccess;
  how.disposition = CreateDisposition;
  how.create_options = CreateOptions;
  how.attributes = static_cast<std::uint16_t>(FileAttributes);
  return wdm::open_by_name(FileHandle, ObjectAttributes, IoStatusBlock, how, BELAY_SITE);
}

/// ZwCreateFile with FILE_OPEN.
NTSTATUS NTAPI ZwOpenFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess,
                          POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
                          ULONG ShareAccess, ULONG OpenOptions) {
  BELAY_EXPORT(ZwOpenFile, nullptr);
  wdm::open_options how;
  how.access = DesiredAccess;
  how.share = ShareAccess;
  how.disposition = FILE_OPEN;
  how.create_options = OpenOptions;
  return wdm::open_by_name(FileHandle, ObjectAttributes, IoStatusBlock, how, BELAY_SITE);
}

/// Returns: STATUS_OBJECT_TYPE_MISMATCH for a device's name; STATUS_NOT_SUPPORTED relative to a
///          directory's handle.
NTSTATUS NTAPI ZwOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK,
                                        POBJECT_ATTRIBUTES ObjectAttributes) {
  BELAY_EXPORT(ZwOpenSymbolicLinkObject, nullptr);
  const sync::sealed seal;
  return wdm::open_link(LinkHandle, ObjectAttributes, BELAY_SITE);
}

/// Returns: STATUS_BUFFER_TOO_SMALL when the target does not fit; `*ReturnedLength` are its bytes
///          in any case.
NTSTATUS NTAPI ZwQuerySymbolicLinkObject(HANDLE LinkHandle, PUNICODE_STRING LinkTarget,
                                         PULONG ReturnedLength) {
  BELAY_EXPORT(ZwQuerySymbolicLinkObject, LinkHandle);
  const sync::sealed seal;
  void* link = nullptr;
  NTSTATUS status = kernel::hold_object(LinkHandle, wdm::link_type, &link);
  if (!NT_SUCCESS(status)) return status;
  status = wdm::query_link(*static_cast<wdm::link_object*>(link), LinkTarget, ReturnedLength);
  kernel::dereference_object(link);
  return status;
}

}  // extern "C"
