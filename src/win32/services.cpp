// Services: the calls by which a program installs, starts, stops and removes its driver.
//
// Thread safety: any thread; the list is under the process's lock.
// Invariants: the hook knows which drivers there are; this remembers what the program created and
// what it started. A service that the hook knows was created, and runs, before the program came.
// Contract: WIN32-SERVICE-001
#include "win32/services.hpp"

#include <new>

#include "kernel/api.hpp"
#include "kernel/parts.hpp"
#include "win32/process.hpp"
#include "win32/text.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

struct service_object {
  service_object* next = nullptr;
  service_object* previous = nullptr;
  char16_t* name = nullptr;
  char16_t* path = nullptr;
  bool running = false;
  bool deleted = false;  // goes when it is stopped
};

namespace {

// What a service handle names.
struct service_handle {
  service_object* service = nullptr;  // nullptr: the manager
};

const kernel::object_type manager_type = {"ServiceManager", nullptr, nullptr, false};
const kernel::object_type service_type = {"Service", nullptr, nullptr, false};

constexpr DWORD no_such_machine = 1722;  // RPC_S_SERVER_UNAVAILABLE

service_loader the_loader = nullptr;

service_answer ask(service_request what, const service_object& service) {
  if (the_loader == nullptr) {
    return what == service_request::exists ? service_answer::done : service_answer::not_found;
  }
  const sync::unsealed open;
  return the_loader(what, service.name, service.path);
}

char16_t* copy_of(const char16_t* text) {
  std::size_t length = 0;
  while (text != nullptr && text[length] != 0) ++length;
  auto* const copy = static_cast<char16_t*>(
      sync::allocate((length + 1) * sizeof(char16_t), sync::memory_use::internal));
  for (std::size_t i = 0; i < length; ++i) copy[i] = text[i];
  return copy;
}

char16_t lower(char16_t c) {
  return c >= u'A' && c <= u'Z' ? static_cast<char16_t>(c + (u'a' - u'A')) : c;
}

bool same(const char16_t* a, const char16_t* b) {
  for (; *a != 0 && lower(*a) == lower(*b); ++a, ++b) {
  }
  return lower(*a) == lower(*b);
}

service_object* find(const char16_t* name) {
  kernel::order(sync::access_kind::update, &the_process().services);
  const kernel::guard hold_lock(the_process().lock);
  for (service_object* each = the_process().services; each != nullptr; each = each->next) {
    if (same(each->name, name)) return each;
  }
  return nullptr;
}

service_object* add(const char16_t* name, const char16_t* path) {
  auto* const made = kernel::make<service_object>();
  made->name = copy_of(name);
  made->path = copy_of(path);
  const kernel::guard hold_lock(the_process().lock);
  kernel::push_front(the_process().services, made);
  return made;
}

// The service of that name, created by the program or known to the hook; nullptr: there is none.
service_object* known(const char16_t* name) {
  if (service_object* const found = find(name)) return found->deleted ? nullptr : found;
  service_object probe;
  probe.name = const_cast<char16_t*>(name);
  probe.path = const_cast<char16_t*>(u"");
  if (ask(service_request::exists, probe) != service_answer::already) return nullptr;
  service_object* const made = add(name, u"");
  made->running = true;
  return made;
}

SC_HANDLE handle_of(const kernel::object_type& type, service_object* service) {
  void* const object = kernel::create_object(&type, sizeof(service_handle), nullptr);
  if (object != nullptr) new (object) service_handle{service};
  return static_cast<SC_HANDLE>(handle_to(object));
}

SC_HANDLE none(DWORD error) {
  fail(error);
  return nullptr;
}

SC_HANDLE open_manager(bool local) {
  if (!local) return none(no_such_machine);
  return handle_of(manager_type, nullptr);
}

SC_HANDLE create(SC_HANDLE manager, const char16_t* name, const char16_t* path, DWORD type) {
  if (!hold(manager, &manager_type)) return nullptr;
  if (name == nullptr || *name == 0) return none(ERROR_INVALID_NAME);
  if (path == nullptr) return none(ERROR_INVALID_PARAMETER);
  if (type != SERVICE_KERNEL_DRIVER && type != SERVICE_FILE_SYSTEM_DRIVER) {
    return none(ERROR_CALL_NOT_IMPLEMENTED);
  }
  if (service_object* const there = find(name); there != nullptr && there->deleted) {
    if (there->running) return none(ERROR_SERVICE_MARKED_FOR_DELETE);
    there->deleted = false;
    return handle_of(service_type, there);
  }
  if (known(name) != nullptr) return none(ERROR_SERVICE_EXISTS);
  return handle_of(service_type, add(name, path));
}

SC_HANDLE open_service(SC_HANDLE manager, const char16_t* name) {
  if (!hold(manager, &manager_type)) return nullptr;
  service_object* const found = name == nullptr ? nullptr : known(name);
  return found == nullptr ? none(ERROR_SERVICE_DOES_NOT_EXIST) : handle_of(service_type, found);
}

BOOL start_service(SC_HANDLE handle) {
  const held object = hold(handle, &service_type);
  if (!object) return FALSE;
  service_object& service = *object.as<service_handle>().service;
  if (service.deleted) return fail(ERROR_SERVICE_MARKED_FOR_DELETE);
  if (service.running) return fail(ERROR_SERVICE_ALREADY_RUNNING);
  switch (ask(service_request::load, service)) {
    case service_answer::done:
      service.running = true;
      return TRUE;
    case service_answer::already:
      service.running = true;
      return fail(ERROR_SERVICE_ALREADY_RUNNING);
    case service_answer::not_found:
      return fail(ERROR_FILE_NOT_FOUND);
    case service_answer::failed:
      return fail(ERROR_GEN_FAILURE);
  }
  return fail(ERROR_GEN_FAILURE);
}

SERVICE_STATUS status_of(const service_object& service) {
  SERVICE_STATUS out{};
  out.dwServiceType = SERVICE_KERNEL_DRIVER;
  out.dwCurrentState = service.running ? SERVICE_RUNNING : SERVICE_STOPPED;
  out.dwControlsAccepted = service.running ? SERVICE_ACCEPT_STOP : 0;
  return out;
}

BOOL control(SC_HANDLE handle, DWORD what, LPSERVICE_STATUS status) {
  const held object = hold(handle, &service_type);
  if (!object) return FALSE;
  service_object& service = *object.as<service_handle>().service;
  if (what != SERVICE_CONTROL_STOP && what != SERVICE_CONTROL_INTERROGATE) {
    return fail(ERROR_INVALID_SERVICE_CONTROL);
  }
  if (!service.running) return fail(ERROR_SERVICE_NOT_ACTIVE);
  if (what == SERVICE_CONTROL_STOP) {
    const service_answer answer = ask(service_request::unload, service);
    if (answer == service_answer::not_found) return fail(ERROR_SERVICE_NOT_ACTIVE);
    if (answer == service_answer::failed) return fail(ERROR_INVALID_SERVICE_CONTROL);
    service.running = false;
  }
  *status = status_of(service);
  return TRUE;
}

const char16_t* wide(LPCWSTR text) { return reinterpret_cast<const char16_t*>(text); }

}  // namespace

void set_service_loader(service_loader hook) { the_loader = hook; }

void forget_services() {
  process& root = the_process();
  while (service_object* const each = root.services) {
    kernel::unlink(root.services, each);
    sync::deallocate(each->name);
    sync::deallocate(each->path);
    kernel::discard(each);
  }
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Returns: NULL with RPC_S_SERVER_UNAVAILABLE for another machine's.
SC_HANDLE WINAPI OpenSCManagerW(LPCWSTR lpMachineName, LPCWSTR, DWORD) {
  BELAY_CALL(OpenSCManagerW, nullptr);
  return open_manager(lpMachineName == nullptr || *lpMachineName == 0);
}
SC_HANDLE WINAPI OpenSCManagerA(LPCSTR lpMachineName, LPCSTR, DWORD) {
  BELAY_CALL(OpenSCManagerA, nullptr);
  return open_manager(lpMachineName == nullptr || *lpMachineName == '\0');
}

/// Returns: NULL with ERROR_SERVICE_EXISTS, ERROR_SERVICE_MARKED_FOR_DELETE, ERROR_INVALID_NAME, or
///          ERROR_CALL_NOT_IMPLEMENTED for a service that is no driver.
/// Contract: WIN32-SERVICE-001
SC_HANDLE WINAPI CreateServiceW(SC_HANDLE hSCManager, LPCWSTR lpServiceName, LPCWSTR, DWORD,
                                DWORD dwServiceType, DWORD, DWORD, LPCWSTR lpBinaryPathName,
                                LPCWSTR, LPDWORD, LPCWSTR, LPCWSTR, LPCWSTR) {
  BELAY_CALL(CreateServiceW, hSCManager);
  return create(hSCManager, wide(lpServiceName), wide(lpBinaryPathName), dwServiceType);
}
SC_HANDLE WINAPI CreateServiceA(SC_HANDLE hSCManager, LPCSTR lpServiceName, LPCSTR, DWORD,
                                DWORD dwServiceType, DWORD, DWORD, LPCSTR lpBinaryPathName, LPCSTR,
                                LPDWORD, LPCSTR, LPCSTR, LPCSTR) {
  BELAY_CALL(CreateServiceA, hSCManager);
  const wide_text name(lpServiceName);
  const wide_text path(lpBinaryPathName);
  return create(hSCManager, name.get(), path.get(), dwServiceType);
}

/// Returns: NULL with ERROR_SERVICE_DOES_NOT_EXIST.
SC_HANDLE WINAPI OpenServiceW(SC_HANDLE hSCManager, LPCWSTR lpServiceName, DWORD) {
  BELAY_CALL(OpenServiceW, hSCManager);
  return open_service(hSCManager, wide(lpServiceName));
}
SC_HANDLE WINAPI OpenServiceA(SC_HANDLE hSCManager, LPCSTR lpServiceName, DWORD) {
  BELAY_CALL(OpenServiceA, hSCManager);
  const wide_text name(lpServiceName);
  return open_service(hSCManager, name.get());
}

/// Loads the driver.
///
/// Returns: FALSE with ERROR_SERVICE_ALREADY_RUNNING, ERROR_FILE_NOT_FOUND,
///          ERROR_SERVICE_MARKED_FOR_DELETE, or ERROR_GEN_FAILURE when DriverEntry failed.
/// Contract: WIN32-SERVICE-001
BOOL WINAPI StartServiceW(SC_HANDLE hService, DWORD, LPCWSTR*) {
  BELAY_CALL(StartServiceW, hService);
  return start_service(hService);
}
BOOL WINAPI StartServiceA(SC_HANDLE hService, DWORD, LPCSTR*) {
  BELAY_CALL(StartServiceA, hService);
  return start_service(hService);
}

/// SERVICE_CONTROL_STOP unloads the driver.
///
/// Returns: FALSE with ERROR_SERVICE_NOT_ACTIVE, or ERROR_INVALID_SERVICE_CONTROL.
/// Contract: WIN32-SERVICE-001
BOOL WINAPI ControlService(SC_HANDLE hService, DWORD dwControl, LPSERVICE_STATUS lpServiceStatus) {
  BELAY_CALL(ControlService, hService);
  return control(hService, dwControl, lpServiceStatus);
}

BOOL WINAPI QueryServiceStatus(SC_HANDLE hService, LPSERVICE_STATUS lpServiceStatus) {
  BELAY_CALL(QueryServiceStatus, hService);
  const held object = hold(hService, &service_type);
  if (!object) return FALSE;
  *lpServiceStatus = status_of(*object.as<service_handle>().service);
  return TRUE;
}

BOOL WINAPI QueryServiceStatusEx(SC_HANDLE hService, SC_STATUS_TYPE, LPBYTE lpBuffer,
                                 DWORD cbBufSize, LPDWORD pcbBytesNeeded) {
  BELAY_CALL(QueryServiceStatusEx, hService);
  const held object = hold(hService, &service_type);
  if (!object) return FALSE;
  *pcbBytesNeeded = sizeof(SERVICE_STATUS_PROCESS);
  if (cbBufSize < sizeof(SERVICE_STATUS_PROCESS)) return fail(ERROR_INSUFFICIENT_BUFFER);
  const SERVICE_STATUS from = status_of(*object.as<service_handle>().service);
  auto* const to = reinterpret_cast<SERVICE_STATUS_PROCESS*>(lpBuffer);
  *to = {};
  to->dwServiceType = from.dwServiceType;
  to->dwCurrentState = from.dwCurrentState;
  to->dwControlsAccepted = from.dwControlsAccepted;
  return TRUE;
}

/// Returns: FALSE with ERROR_SERVICE_MARKED_FOR_DELETE. A running one goes when it is stopped.
BOOL WINAPI DeleteService(SC_HANDLE hService) {
  BELAY_CALL(DeleteService, hService);
  const held object = hold(hService, &service_type);
  if (!object) return FALSE;
  service_object& service = *object.as<service_handle>().service;
  if (service.deleted) return fail(ERROR_SERVICE_MARKED_FOR_DELETE);
  service.deleted = true;
  return TRUE;
}

BOOL WINAPI CloseServiceHandle(SC_HANDLE hSCObject) { return CloseHandle(hSCObject); }

}  // extern "C"
