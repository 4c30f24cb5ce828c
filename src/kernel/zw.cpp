// System services by handle: events, waits, and those for which there is nothing behind the handle.
//
// There is no file system. Devices are opened in src/wdm, keys in registry_key.cpp.
#include "kernel/dispatcher_nt.hpp"

using namespace belay;
using namespace belay::kernel;

namespace {

PKEVENT event_of(HANDLE handle) {
  void* const object = object_of_handle(handle);
  return object != nullptr && header_of(object)->type == &event_type ? static_cast<PKEVENT>(object)
                                                                     : nullptr;
}

NTSTATUS create_event(PHANDLE handle, EVENT_TYPE type, BOOLEAN state, const void* site) {
  auto* const event =
      static_cast<PKEVENT>(create_object(&event_type, sizeof(KEVENT), site, "Event"));
  if (event == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  make_header(event->Header, type == NotificationEvent ? notification_event : synchronization_event,
              state ? 1 : 0, sizeof(KEVENT));
  *handle = create_handle(event);
  dereference_object(event);
  return *handle != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

PKEVENT create_named_event(PHANDLE handle, EVENT_TYPE type, const void* site) {
  if (create_event(handle, type, TRUE, site) != STATUS_SUCCESS) return nullptr;
  return event_of(*handle);
}

#define BELAY_SITE __builtin_return_address(0)

}  // namespace

extern "C" {

// ---- events
// --------------------------------------------------------------------------------------

NTSTATUS ZwCreateEvent(PHANDLE EventHandle, ACCESS_MASK, POBJECT_ATTRIBUTES, EVENT_TYPE EventType,
                       BOOLEAN InitialState) {
  BELAY_EXPORT(ZwCreateEvent, nullptr);
  return create_event(EventHandle, EventType, InitialState, BELAY_SITE);
}
NTSTATUS ZwOpenEvent(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES) {
  BELAY_EXPORT(ZwOpenEvent, nullptr);
  return STATUS_OBJECT_NAME_NOT_FOUND;
}
NTSTATUS ZwSetEvent(HANDLE EventHandle, PLONG PreviousState) {
  BELAY_EXPORT(ZwSetEvent, EventHandle);
  PKEVENT const event = event_of(EventHandle);
  if (event == nullptr) return STATUS_INVALID_HANDLE;
  const LONG before = KeSetEvent(event, 0, FALSE);
  if (PreviousState != nullptr) *PreviousState = before;
  return STATUS_SUCCESS;
}
NTSTATUS ZwResetEvent(HANDLE EventHandle, PLONG PreviousState) {
  BELAY_EXPORT(ZwResetEvent, EventHandle);
  PKEVENT const event = event_of(EventHandle);
  if (event == nullptr) return STATUS_INVALID_HANDLE;
  const LONG before = KeResetEvent(event);
  if (PreviousState != nullptr) *PreviousState = before;
  return STATUS_SUCCESS;
}
NTSTATUS ZwClearEvent(HANDLE EventHandle) {
  BELAY_EXPORT(ZwClearEvent, EventHandle);
  return ZwResetEvent(EventHandle, nullptr);
}
/// Waits for an event, a thread, a semaphore or (until a request on it is over) a file.
NTSTATUS ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout) {
  BELAY_EXPORT(ZwWaitForSingleObject, Handle);
  void* const object = object_of_handle(Handle);
  if (object == nullptr) return STATUS_INVALID_HANDLE;
  const object_type* const type = header_of(object)->type;
  if (type != &event_type && type != &thread_type && type != &semaphore_type &&
      type->waited_for == nullptr) {
    return STATUS_OBJECT_TYPE_MISMATCH;
  }
  reference_object(object);
  void* const waited_for = type->waited_for != nullptr ? type->waited_for(object) : object;
  const NTSTATUS status =
      KeWaitForSingleObject(waited_for, UserRequest, KernelMode, Alertable, Timeout);
  dereference_object(object);
  return status;
}
/// A signalled event behind a handle; names are not looked up, each call makes a new one.
PKEVENT IoCreateNotificationEvent(PUNICODE_STRING, PHANDLE EventHandle) {
  BELAY_EXPORT(IoCreateNotificationEvent, nullptr);
  return create_named_event(EventHandle, NotificationEvent, BELAY_SITE);
}
PKEVENT IoCreateSynchronizationEvent(PUNICODE_STRING, PHANDLE EventHandle) {
  BELAY_EXPORT(IoCreateSynchronizationEvent, nullptr);
  return create_named_event(EventHandle, SynchronizationEvent, BELAY_SITE);
}

NTSTATUS ZwDuplicateObject(HANDLE, HANDLE SourceHandle, HANDLE, PHANDLE TargetHandle,
                           ACCESS_MASK DesiredAccess, ULONG, ULONG Options) {
  BELAY_EXPORT(ZwDuplicateObject, SourceHandle);
  std::uint32_t access = 0;
  void* const object = object_of_handle(SourceHandle, &access);
  if (object == nullptr) return STATUS_INVALID_HANDLE;
  if ((Options & DUPLICATE_SAME_ACCESS) == 0) access = DesiredAccess;
  if (TargetHandle != nullptr) *TargetHandle = create_handle(object, access);
  if (TargetHandle != nullptr && *TargetHandle == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  constexpr ULONG close_source = 1;
  if ((Options & close_source) != 0) close_handle(SourceHandle);
  return STATUS_SUCCESS;
}
NTSTATUS ZwMakeTemporaryObject(HANDLE Handle) {
  BELAY_EXPORT(ZwMakeTemporaryObject, Handle);
  return object_of_handle(Handle) != nullptr ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}
NTSTATUS ZwSetInformationThread(HANDLE ThreadHandle, THREADINFOCLASS, PVOID, ULONG) {
  BELAY_EXPORT(ZwSetInformationThread, ThreadHandle);
  return STATUS_SUCCESS;
}

// ---- files and drivers by name: there is no file system, and nobody loads (src/wdm has devices)
// -------------------------------------------------------------------

NTSTATUS ZwDeleteFile(POBJECT_ATTRIBUTES) {
  BELAY_EXPORT(ZwDeleteFile, nullptr);
  return STATUS_NOT_SUPPORTED;
}
NTSTATUS ZwCreateDirectoryObject(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES) {
  BELAY_EXPORT(ZwCreateDirectoryObject, nullptr);
  return STATUS_NOT_SUPPORTED;
}
NTSTATUS ZwLoadDriver(PUNICODE_STRING) {
  BELAY_EXPORT(ZwLoadDriver, nullptr);
  return STATUS_NOT_SUPPORTED;
}
NTSTATUS ZwUnloadDriver(PUNICODE_STRING) {
  BELAY_EXPORT(ZwUnloadDriver, nullptr);
  return STATUS_NOT_SUPPORTED;
}

}  // extern "C"
