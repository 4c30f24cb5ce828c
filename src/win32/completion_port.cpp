// Completion ports.
//
// Thread safety: any thread; the packets are under the process's lock.
// Invariants: the semaphore counts the packets that no thread has been given; whoever took a count
// takes the oldest packet. Closing the last handle wakes everybody who waits, for good.
// Contract: WIN32-PORT-001, WIN32-PORT-002, WIN32-PORT-003
#include <new>

#include "kernel/api.hpp"
#include "kernel/parts.hpp"
#include "win32/error_codes.hpp"
#include "win32/transfer.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

struct queued_packet {
  queued_packet* next = nullptr;
  packet what;
};

struct port_object {
  void* count = nullptr;   // a semaphore
  void* closed = nullptr;  // an event
  queued_packet* first = nullptr;
  queued_packet* last = nullptr;
};

namespace {

void port_closed(void* object) {
  const sync::sealed seal;
  kernel::change_event(static_cast<port_object*>(object)->closed, kernel::event_change::set);
}

void port_destroyed(void* object) {
  auto& port = *static_cast<port_object*>(object);
  while (queued_packet* const each = port.first) {
    port.first = each->next;
    kernel::discard(each);
  }
  kernel::dereference_object(port.count);
  kernel::dereference_object(port.closed);
}

const kernel::object_type port_type = {"IoCompletion", &port_closed, &port_destroyed, false};

void* make_port() {
  void* const object = kernel::create_object(&port_type, sizeof(port_object), nullptr);
  if (object == nullptr) return nullptr;
  auto* const port = new (object) port_object;
  port->count = kernel::create_semaphore(0, INT32_MAX);
  port->closed = kernel::create_event(true, false);
  return object;
}

packet take(port_object& port) {
  queued_packet* first = nullptr;
  {
    const kernel::guard hold_lock(the_process().lock);
    first = port.first;
    port.first = first->next;
    if (port.first == nullptr) port.last = nullptr;
  }
  const packet out = first->what;
  kernel::discard(first);
  return out;
}

// The next packet. Returns: 0, or the error.
std::uint32_t wait_for_packet(port_object& port, sync::nanoseconds deadline, bool alertable,
                              packet& out) {
  void* const objects[] = {port.count, port.closed};
  const std::int32_t waited =
      in_user_mode([&] { return kernel::wait_for_many(objects, 2, false, alertable, deadline); });
  switch (waited) {
    case kernel::wait_satisfied:
      out = take(port);
      return 0;
    case kernel::wait_satisfied + 1:
      return ERROR_ABANDONED_WAIT_0;
    case kernel::wait_timeout:
      return WAIT_TIMEOUT;
    default:
      kernel::run_user_apcs();
      return WAIT_IO_COMPLETION;
  }
}

// Gives a file its port. Returns: false if it has one.
bool associate(file_object& file, void* port, std::uint64_t key) {
  kernel::reference_object(port);
  {
    const kernel::guard hold_lock(the_process().lock);
    if (file.port == nullptr) {
      file.port = static_cast<port_object*>(port);
      file.port_key = key;
      return true;
    }
  }
  kernel::dereference_object(port);
  return false;
}

}  // namespace

bool post(port_object& port, const packet& what) {
  auto* const entry = kernel::make<queued_packet>();
  entry->what = what;
  kernel::order(sync::access_kind::update, &port.first);
  {
    const kernel::guard hold_lock(the_process().lock);
    (port.last != nullptr ? port.last->next : port.first) = entry;
    port.last = entry;
  }
  kernel::release_semaphore(port.count, 1);
  return true;
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Makes a port, or gives a file to one.
///
/// Returns:  NULL with ERROR_INVALID_PARAMETER: the file was not opened overlapped or has a port,
/// or
///           there is no file and an existing port; ERROR_INVALID_HANDLE.
///           NumberOfConcurrentThreads is accepted and does not limit who runs.
/// Contract: WIN32-PORT-001
HANDLE WINAPI CreateIoCompletionPort(HANDLE FileHandle, HANDLE ExistingCompletionPort,
                                     ULONG_PTR CompletionKey, DWORD) {
  BELAY_CALL(CreateIoCompletionPort, FileHandle);
  if (FileHandle == INVALID_HANDLE_VALUE) {
    if (ExistingCompletionPort == nullptr) return handle_to(make_port());
    fail(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  const held file = hold(FileHandle, &win32::file_type);
  if (!file) return nullptr;
  if (!file.as<file_object>().overlapped()) {
    fail(ERROR_INVALID_PARAMETER);
    return nullptr;
  }
  const HANDLE port =
      ExistingCompletionPort != nullptr ? ExistingCompletionPort : handle_to(make_port());
  const held object = hold(port, &port_type);
  if (!object) return nullptr;
  if (associate(file.as<file_object>(), object.get(), CompletionKey)) return port;
  if (ExistingCompletionPort == nullptr) CloseHandle(port);
  fail(ERROR_INVALID_PARAMETER);
  return nullptr;
}

/// Takes the oldest packet.
///
/// Returns:  TRUE for a request that succeeded or a posted packet; FALSE with *lpOverlapped set and
///           the request's error for one that did not; FALSE with *lpOverlapped NULL and
///           WAIT_TIMEOUT, ERROR_ABANDONED_WAIT_0 (the port was closed) or ERROR_INVALID_HANDLE.
/// Contract: WIN32-PORT-002, WIN32-PORT-003
BOOL WINAPI GetQueuedCompletionStatus(HANDLE CompletionPort, LPDWORD lpNumberOfBytesTransferred,
                                      PULONG_PTR lpCompletionKey, LPOVERLAPPED* lpOverlapped,
                                      DWORD dwMilliseconds) {
  BELAY_CALL(GetQueuedCompletionStatus, CompletionPort);
  *lpOverlapped = nullptr;
  const held port = hold(CompletionPort, &port_type);
  if (!port) return FALSE;
  packet what;
  const std::uint32_t error =
      wait_for_packet(port.as<port_object>(), deadline_in(dwMilliseconds), false, what);
  if (error != 0) return fail(error);
  *lpOverlapped = static_cast<LPOVERLAPPED>(what.overlapped);
  *lpCompletionKey = what.key;
  *lpNumberOfBytesTransferred = static_cast<DWORD>(what.information);
  const auto status = static_cast<std::int32_t>(what.status);
  return succeeded(status) || fail_status(status);
}

/// Takes up to ulCount packets, waiting for the first. The entry's Internal is its status.
///
/// Returns:  FALSE as above; also with WAIT_IO_COMPLETION after APCs ran.
BOOL WINAPI GetQueuedCompletionStatusEx(HANDLE CompletionPort,
                                        LPOVERLAPPED_ENTRY lpCompletionPortEntries, ULONG ulCount,
                                        PULONG ulNumEntriesRemoved, DWORD dwMilliseconds,
                                        BOOL fAlertable) {
  BELAY_CALL(GetQueuedCompletionStatusEx, CompletionPort);
  *ulNumEntriesRemoved = 0;
  if (ulCount == 0) return fail(ERROR_INVALID_PARAMETER);
  const held port = hold(CompletionPort, &port_type);
  if (!port) return FALSE;
  sync::nanoseconds deadline = deadline_in(dwMilliseconds);
  bool alertable = fAlertable != FALSE;
  for (ULONG i = 0; i < ulCount; ++i) {
    packet what;
    const std::uint32_t error = wait_for_packet(port.as<port_object>(), deadline, alertable, what);
    if (error != 0) return i != 0 || fail(error);
    lpCompletionPortEntries[i] = {what.key, static_cast<LPOVERLAPPED>(what.overlapped), what.status,
                                  static_cast<DWORD>(what.information)};
    *ulNumEntriesRemoved = i + 1;
    deadline = 0;
    alertable = false;
  }
  return TRUE;
}

/// Contract: WIN32-PORT-002
BOOL WINAPI PostQueuedCompletionStatus(HANDLE CompletionPort, DWORD dwNumberOfBytesTransferred,
                                       ULONG_PTR dwCompletionKey, LPOVERLAPPED lpOverlapped) {
  BELAY_CALL(PostQueuedCompletionStatus, CompletionPort);
  const held port = hold(CompletionPort, &port_type);
  if (!port) return FALSE;
  return post(port.as<port_object>(),
              {dwCompletionKey, lpOverlapped, 0, dwNumberOfBytesTransferred}) ||
         fail(ERROR_NOT_ENOUGH_MEMORY);
}

/// Belay has no thread pool.
BOOL WINAPI BindIoCompletionCallback(HANDLE FileHandle, LPOVERLAPPED_COMPLETION_ROUTINE, ULONG) {
  BELAY_CALL(BindIoCompletionCallback, FileHandle);
  return fail(ERROR_CALL_NOT_IMPLEMENTED);
}

}  // extern "C"
