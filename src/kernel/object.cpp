#include "kernel/object.hpp"

#include <cstdio>

#include "kernel/dispatcher_nt.hpp"

namespace belay::inline BELAY_BUILD::kernel {

struct handle_entry {
  handle_entry* next = nullptr;
  handle_entry* previous = nullptr;
  std::uint64_t value = 0;
  void* object = nullptr;
  std::uint32_t access = 0;
};

const object_type thread_type{"Thread", nullptr, nullptr, false};
const object_type event_type{"Event", nullptr, nullptr, false};
const object_type semaphore_type{"Semaphore", nullptr, nullptr, false};
const object_type process_type{"Process", nullptr, nullptr, false};

namespace {

void destroy(object_header* header) {
  void* const body = header->body();
  if (header->type->destroy != nullptr) header->type->destroy(body);
  check_freed(body, header->size);
  executive& root = the_executive();
  {
    const guard hold(root.lock);
    unlink(root.objects, header);
    header->signature = 0;
  }
  sync::deallocate(header);
}

void destroy_task(void* header) {
  destroy(static_cast<object_header*>(header));
  end_task();
}

void destroy_elsewhere(object_header* header) {
  sync::actor_options options;
  options.name = "object deletion";
  options.kind = sync::actor_kind::task;
  options.key = header;
  const sync::actor_id who = spawn_task(options, &destroy_task, header);
  BELAY_ASSERT(who != sync::no_actor);
}

// Adds `by` to the references of an object that must exist. Returns: how many there are then.
std::int64_t count(void* object, int by, const char* what) {
  {
    const sync::sealed seal;
    sync::touch(object, sizeof(void*), sync::access_kind::read);
  }
  object_header* const header = header_of(object);
  order(sync::access_kind::update, &header->pointer_count, sizeof header->pointer_count);
  std::int64_t references = 0;
  bool exists = false;
  {
    const guard hold(the_executive().lock);
    references = header->pointer_count;
    exists = header->signature == object_header::alive && references > 0;
    if (exists) references = header->pointer_count += by;
  }
  BELAY_CONTRACT(
      exists, "WDM-IRP-010", "REFERENCE_BY_POINTER", 0x18,
      (0, reinterpret_cast<std::uint64_t>(object), 2, static_cast<std::uint64_t>(references)),
      object, "%s: the object %p is gone, or is no object", what, object);
  return references;
}

}  // namespace

namespace {

void* object_in(void* memory, const object_type* type, std::size_t size, const void* site,
                const char* name) {
  auto* const header = new (memory) object_header;
  header->type = type;
  header->size = size;
  header->name = name;
  header->site = site;
  executive& root = the_executive();
  const guard hold(root.lock);
  push_front(root.objects, header);
  return header->body();
}

}  // namespace

void* create_object(const object_type* type, std::size_t size, const void* site, const char* name) {
  void* const memory = sync::allocate(sizeof(object_header) + size, sync::memory_use::guest);
  return memory == nullptr ? nullptr : object_in(memory, type, size, site, name);
}

void* create_vital_object(const object_type* type, std::size_t size, const void* site,
                          const char* name) {
  void* const memory = sync::allocate_vital(sizeof(object_header) + size, sync::memory_use::guest);
  BELAY_ASSERT(memory != nullptr && "out of memory");
  return object_in(memory, type, size, site, name);
}

std::int64_t reference_object(void* object) { return count(object, 1, "reference"); }

std::int64_t dereference_object(void* object) {
  const std::int64_t left = count(object, -1, "dereference");
  if (left != 0) return left;
  object_header* const header = header_of(object);
  if (header->type->destroy_at_passive && irql() > passive_level) {
    destroy_elsewhere(header);
  } else {
    destroy(header);
  }
  return 0;
}

bool is_object(const void* object, const object_type* type) {
  if (object == nullptr) return false;
  const guard hold(the_executive().lock);
  for (const object_header* each = the_executive().objects; each != nullptr; each = each->next) {
    if (each + 1 == object) return type == nullptr || each->type == type;
  }
  return false;
}

void* create_handle(void* object, std::uint32_t access) {
  executive& root = the_executive();
  thread& self = current();
  handle_entry* const entry = try_make<handle_entry>();
  if (entry == nullptr) return nullptr;
  reference_object(object);
  // Unique without asking others: the actor, and how many it made.
  entry->value = (static_cast<std::uint64_t>(self.actor) + 1) << 16 | ++self.handles_made << 2;
  entry->object = object;
  entry->access = access;
  const guard hold(root.lock);
  ++header_of(object)->handle_count;
  push_front(root.handles, entry);
  return reinterpret_cast<void*>(entry->value);
}

void* object_of_handle(void* handle, std::uint32_t* access) {
  const guard hold(the_executive().lock);
  for (const handle_entry* each = the_executive().handles; each != nullptr; each = each->next) {
    if (each->value != reinterpret_cast<std::uint64_t>(handle)) continue;
    if (access != nullptr) *access = each->access;
    return each->object;
  }
  return nullptr;
}

void* reference_handle(void* handle, const object_type* type, std::uint32_t* access) {
  order(sync::access_kind::read, handle);
  const guard hold(the_executive().lock);
  for (const handle_entry* each = the_executive().handles; each != nullptr; each = each->next) {
    if (each->value != reinterpret_cast<std::uint64_t>(handle)) continue;
    object_header* const header = header_of(each->object);
    if (type != nullptr && header->type != type) return nullptr;
    ++header->pointer_count;
    if (access != nullptr) *access = each->access;
    return each->object;
  }
  return nullptr;
}

NTSTATUS hold_object(HANDLE handle, const object_type& type, void** object, ACCESS_MASK* access) {
  std::uint32_t rights = 0;
  *object = reference_handle(handle, &type, &rights);
  if (access != nullptr) *access = rights;
  if (*object != nullptr) return STATUS_SUCCESS;
  return object_of_handle(handle) != nullptr ? STATUS_OBJECT_TYPE_MISMATCH : STATUS_INVALID_HANDLE;
}

bool close_handle(void* handle) {
  executive& root = the_executive();
  handle_entry* entry = nullptr;
  bool last = false;
  {
    const guard hold(root.lock);
    for (entry = root.handles; entry != nullptr; entry = entry->next) {
      if (entry->value == reinterpret_cast<std::uint64_t>(handle)) break;
    }
    if (entry == nullptr) return false;
    unlink(root.handles, entry);
    last = --header_of(entry->object)->handle_count == 0;
  }
  void* const object = entry->object;
  discard(entry);
  const object_type* const type = header_of(object)->type;
  if (last && type->close != nullptr) type->close(object);
  dereference_object(object);
  return true;
}

void make_process() {
  auto* const process_body = static_cast<process_object*>(
      create_vital_object(&process_type, sizeof(process_object), nullptr, "System"));
  make_header(process_body->header, process, 0, sizeof(process_object));
  the_executive().process = process_body;
}

void free_objects() {
  executive& root = the_executive();
  while (handle_entry* const each = root.handles) {
    unlink(root.handles, each);
    discard(each);
  }
  while (object_header* const each = root.objects) {
    unlink(root.objects, each);
    sync::deallocate(each);
  }
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

namespace {

POBJECT_TYPE exported(const object_type& type) {
  return reinterpret_cast<POBJECT_TYPE>(const_cast<object_type*>(&type));
}
// What `*PsThreadType` and its kin are compared with.
POBJECT_TYPE thread_pointer = exported(thread_type);
POBJECT_TYPE event_pointer = exported(event_type);
POBJECT_TYPE semaphore_pointer = exported(semaphore_type);
POBJECT_TYPE process_pointer = exported(process_type);

bool has_type(const void* object, POBJECT_TYPE type) {
  return type == nullptr || exported(*header_of(object)->type) == type;
}

NTSTATUS reference_by_handle(HANDLE handle, POBJECT_TYPE type, PVOID* object,
                             POBJECT_HANDLE_INFORMATION information) {
  void* found = nullptr;
  std::uint32_t access = full_access;
  if (handle == NtCurrentThread()) {
    found = current_object();
  } else if (handle == NtCurrentProcess()) {
    found = the_executive().process;
  } else {
    found = object_of_handle(handle, &access);
  }
  if (information != nullptr) *information = {0, access};
  *object = nullptr;
  if (found == nullptr) return STATUS_INVALID_HANDLE;
  if (!has_type(found, type)) return STATUS_OBJECT_TYPE_MISMATCH;
  reference_object(found);
  *object = found;
  return STATUS_SUCCESS;
}

}  // namespace

extern "C" {

POBJECT_TYPE* PsThreadType = &thread_pointer;
POBJECT_TYPE* ExEventObjectType = &event_pointer;
POBJECT_TYPE* ExSemaphoreObjectType = &semaphore_pointer;
POBJECT_TYPE* PsProcessType = &process_pointer;

/// Gives the object of a handle, with a reference. `ObjectType` nullptr: of any type.
NTSTATUS ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK, POBJECT_TYPE ObjectType,
                                   KPROCESSOR_MODE, PVOID* Object,
                                   POBJECT_HANDLE_INFORMATION HandleInformation) {
  BELAY_EXPORT(ObReferenceObjectByHandle, Handle);
  return reference_by_handle(Handle, ObjectType, Object, HandleInformation);
}
NTSTATUS ObReferenceObjectByHandleWithTag(HANDLE Handle, ACCESS_MASK, POBJECT_TYPE ObjectType,
                                          KPROCESSOR_MODE, ULONG, PVOID* Object,
                                          POBJECT_HANDLE_INFORMATION HandleInformation) {
  BELAY_EXPORT(ObReferenceObjectByHandleWithTag, Handle);
  return reference_by_handle(Handle, ObjectType, Object, HandleInformation);
}
NTSTATUS ObReferenceObjectByPointer(PVOID Object, ACCESS_MASK, POBJECT_TYPE ObjectType,
                                    KPROCESSOR_MODE) {
  BELAY_EXPORT(ObReferenceObjectByPointer, Object);
  if (!has_type(Object, ObjectType)) return STATUS_OBJECT_TYPE_MISMATCH;
  reference_object(Object);
  return STATUS_SUCCESS;
}
/// Contract: WDM-IRP-010: the object still exists.
LONG_PTR ObfReferenceObject(PVOID Object) {
  BELAY_EXPORT(ObfReferenceObject, Object);
  return reference_object(Object);
}
LONG_PTR ObfReferenceObjectWithTag(PVOID Object, ULONG) {
  BELAY_EXPORT(ObfReferenceObjectWithTag, Object);
  return reference_object(Object);
}
/// Contract: WDM-IRP-010: the object still exists.
LONG_PTR ObfDereferenceObject(PVOID Object) {
  BELAY_EXPORT(ObfDereferenceObject, Object);
  return dereference_object(Object);
}
LONG_PTR ObfDereferenceObjectWithTag(PVOID Object, ULONG) {
  BELAY_EXPORT(ObfDereferenceObjectWithTag, Object);
  return dereference_object(Object);
}
VOID ObDereferenceObjectDeferDelete(PVOID Object) {
  BELAY_EXPORT(ObDereferenceObjectDeferDelete, Object);
  dereference_object(Object);
}
NTSTATUS ObOpenObjectByPointer(PVOID Object, ULONG, PACCESS_STATE, ACCESS_MASK,
                               POBJECT_TYPE ObjectType, KPROCESSOR_MODE, PHANDLE Handle) {
  BELAY_EXPORT(ObOpenObjectByPointer, Object);
  if (!has_type(Object, ObjectType)) return STATUS_OBJECT_TYPE_MISMATCH;
  *Handle = create_handle(Object);
  return *Handle != nullptr ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS ZwClose(HANDLE Handle) {
  BELAY_EXPORT(ZwClose, Handle);
  return close_handle(Handle) ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}
NTSTATUS NtClose(HANDLE Handle) {
  BELAY_EXPORT(NtClose, Handle);
  return close_handle(Handle) ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}
NTSTATUS ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE) {
  BELAY_EXPORT(ObCloseHandle, Handle);
  return close_handle(Handle) ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

}  // extern "C"
