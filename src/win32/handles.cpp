// Handles: closing, duplicating, comparing; the names of objects.
//
// Thread safety: any thread.
// Invariants: a handle of the program is a handle of the executive, which never gives a value
// twice; the process lists its own, so that a program cannot close what a driver made. Contract:
// WIN32-HANDLE-001, WIN32-HANDLE-002
#include "win32/handles.hpp"

#include "kernel/api.hpp"
#include "kernel/parts.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

struct user_handle {
  user_handle* next = nullptr;
  user_handle* previous = nullptr;
  void* value = nullptr;
};

struct name_entry {
  name_entry* next = nullptr;
  name_entry* previous = nullptr;
  void* object = nullptr;  // not referenced: forgotten when its last handle is closed
  std::size_t length = 0;
  char16_t* text = nullptr;
};

namespace {

bool same_name(const name_entry& entry, const char16_t* name) {
  std::size_t i = 0;
  for (; name[i] != 0; ++i) {
    if (i >= entry.length || entry.text[i] != name[i]) return false;
  }
  return i == entry.length;
}

void forget(name_entry* entry) {
  sync::deallocate(entry->text);
  kernel::discard(entry);
}

// The last handle of a named object goes: so does the name.
void forget_name_of(void* object) {
  process& root = the_process();
  name_entry* found = nullptr;
  {
    const kernel::guard hold_lock(root.lock);
    for (found = root.names; found != nullptr; found = found->next) {
      if (found->object == object) break;
    }
    if (found == nullptr || kernel::header_of(object)->handle_count > 1) return;
    kernel::unlink(root.names, found);
  }
  forget(found);
}

user_handle** bucket_of(void* value) {
  const auto bits = reinterpret_cast<std::uintptr_t>(value) >> 2;
  return &the_process().handles[(bits ^ bits >> 14) % process::handle_buckets];
}

user_handle* take_out(void* value) {
  const kernel::guard hold_lock(the_process().lock);
  user_handle** const bucket = bucket_of(value);
  for (user_handle* each = *bucket; each != nullptr; each = each->next) {
    if (each->value != value) continue;
    kernel::unlink(*bucket, each);
    return each;
  }
  return nullptr;
}

void* pseudo(void* handle) {
  switch (reinterpret_cast<std::intptr_t>(handle)) {
    case -1:
      return kernel::the_executive().process;
    case -2:
      return kernel::thread_object_of_caller();
    default:
      return nullptr;
  }
}

}  // namespace

held hold(void* handle, const kernel::object_type* type) {
  if (void* const object = pseudo(handle)) {
    if (type == nullptr || kernel::header_of(object)->type == type) {
      kernel::reference_object(object);
      return held(object);
    }
  } else {
    kernel::order(sync::access_kind::read, handle);
    if (void* const found = kernel::reference_handle(handle, type)) return held(found);
  }
  fail(ERROR_INVALID_HANDLE);
  return {};
}

void* handle_to(void* object) {
  if (object == nullptr) {
    fail(ERROR_NOT_ENOUGH_MEMORY);
    return nullptr;
  }
  void* const value = kernel::create_handle(object);
  auto* const entry = kernel::make<user_handle>();
  entry->value = value;
  {
    const kernel::guard hold_lock(the_process().lock);
    kernel::push_front(*bucket_of(value), entry);
  }
  kernel::dereference_object(object);
  return value;
}

bool close_one(void* handle) {
  kernel::order(sync::access_kind::update, handle);
  user_handle* const entry = take_out(handle);
  if (entry == nullptr) return false;
  kernel::discard(entry);
  if (void* const object = kernel::object_of_handle(handle)) forget_name_of(object);
  return kernel::close_handle(handle);
}

void close_all_handles() {
  for (user_handle*& bucket : the_process().handles) {
    while (bucket != nullptr) close_one(bucket->value);
  }
}

void* named(const char16_t* name, const kernel::object_type* type, bool* clash) {
  if (clash != nullptr) *clash = false;
  if (name == nullptr) return nullptr;
  process& root = the_process();
  kernel::order(sync::access_kind::read, &root.names);
  void* found = nullptr;
  {
    const kernel::guard hold_lock(root.lock);
    for (const name_entry* each = root.names; each != nullptr && found == nullptr;
         each = each->next) {
      if (same_name(*each, name)) found = each->object;
    }
  }
  if (found == nullptr) return nullptr;
  if (kernel::header_of(found)->type != type) {
    if (clash != nullptr) *clash = true;
    return nullptr;
  }
  kernel::reference_object(found);
  return found;
}

void give_name(const char16_t* name, void* object) {
  if (name == nullptr || object == nullptr) return;
  process& root = the_process();
  auto* const entry = kernel::make<name_entry>();
  while (name[entry->length] != 0) ++entry->length;
  entry->text = static_cast<char16_t*>(
      sync::allocate(entry->length * sizeof(char16_t), sync::memory_use::internal));
  for (std::size_t i = 0; i < entry->length; ++i) entry->text[i] = name[i];
  entry->object = object;
  kernel::order(sync::access_kind::update, &root.names);
  const kernel::guard hold_lock(root.lock);
  kernel::push_front(root.names, entry);
}

void forget_names() {
  process& root = the_process();
  while (name_entry* const each = root.names) {
    kernel::unlink(root.names, each);
    forget(each);
  }
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Callers:  any thread.
/// Returns:  FALSE with ERROR_INVALID_HANDLE for a value that names nothing (any more); TRUE for a
///           pseudo handle, which stays.
/// Races:    requests in flight on a file go on; the driver's IRP_MJ_CLEANUP decides about them.
/// Contract: WIN32-HANDLE-001
BOOL WINAPI CloseHandle(HANDLE hObject) {
  BELAY_CALL(CloseHandle, hObject);
  if (pseudo(hObject) != nullptr) return TRUE;
  return close_one(hObject) || fail(ERROR_INVALID_HANDLE);
}

/// Only within the process. Contract: WIN32-HANDLE-002
BOOL WINAPI DuplicateHandle(HANDLE hSourceProcessHandle, HANDLE hSourceHandle,
                            HANDLE hTargetProcessHandle, LPHANDLE lpTargetHandle, DWORD, BOOL,
                            DWORD dwOptions) {
  BELAY_CALL(DuplicateHandle, hSourceHandle);
  const held from = hold(hSourceProcessHandle, &kernel::process_type);
  if (!from) return FALSE;
  const held to = hold(hTargetProcessHandle, &kernel::process_type);
  if (!to) return FALSE;
  const held object = hold(hSourceHandle);
  if (!object) return FALSE;
  if (lpTargetHandle != nullptr) {
    kernel::reference_object(object.get());
    *lpTargetHandle = handle_to(object.get());
  }
  if ((dwOptions & DUPLICATE_CLOSE_SOURCE) != 0) close_one(hSourceHandle);
  return TRUE;
}

BOOL WINAPI GetHandleInformation(HANDLE hObject, LPDWORD lpdwFlags) {
  BELAY_CALL(GetHandleInformation, hObject);
  const held object = hold(hObject);
  if (!object) return FALSE;
  *lpdwFlags = 0;
  return TRUE;
}

/// Inheritance means nothing here, since there is one process; protection from closing is refused.
BOOL WINAPI SetHandleInformation(HANDLE hObject, DWORD dwMask, DWORD dwFlags) {
  BELAY_CALL(SetHandleInformation, hObject);
  const held object = hold(hObject);
  if (!object) return FALSE;
  if ((dwMask & dwFlags & HANDLE_FLAG_PROTECT_FROM_CLOSE) != 0) return fail(ERROR_NOT_SUPPORTED);
  return TRUE;
}

BOOL WINAPI CompareObjectHandles(HANDLE hFirstObjectHandle, HANDLE hSecondObjectHandle) {
  BELAY_CALL(CompareObjectHandles, hFirstObjectHandle);
  const held first = hold(hFirstObjectHandle);
  const held second = hold(hSecondObjectHandle);
  return first && second && first.get() == second.get();
}

}  // extern "C"
