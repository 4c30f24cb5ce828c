// CreateFile, and what becomes of a file when its handles and references go.
//
// Thread safety: any thread.
// Contract: WIN32-FILE-001, WIN32-FILE-002, WIN32-CANCEL-003
#include <new>

#include "kernel/parts.hpp"
#include "win32/device_name.hpp"
#include "win32/error_codes.hpp"
#include "win32/text.hpp"
#include "win32/transfer.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/access_nt.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

void file_closed(void* object) {
  const sync::sealed seal;
  the_process().port->cleanup(static_cast<file_object*>(object)->file);
}

void file_destroyed(void* object) {
  const sync::sealed seal;
  auto& file = *static_cast<file_object*>(object);
  the_process().port->close(file.file);
  if (file.port != nullptr) kernel::dereference_object(file.port);
  if (file.turn != nullptr) kernel::dereference_object(file.turn);
  kernel::dereference_object(file.event);
}

}  // namespace

const kernel::object_type file_type = {"File", &file_closed, &file_destroyed, true};

namespace {

std::uint32_t specific_access(std::uint32_t access) {
  std::uint32_t out = (access & 0x0fffffff) | SYNCHRONIZE | FILE_READ_ATTRIBUTES;
  if ((access & GENERIC_READ) != 0) out |= FILE_GENERIC_READ;
  if ((access & GENERIC_WRITE) != 0) out |= FILE_GENERIC_WRITE;
  if ((access & GENERIC_EXECUTE) != 0) out |= FILE_GENERIC_EXECUTE;
  if ((access & GENERIC_ALL) != 0) out |= FILE_ALL_ACCESS;
  return out;
}

bool native_disposition(std::uint32_t disposition, std::uint32_t& out) {
  switch (disposition) {
    case CREATE_NEW:
      out = FILE_CREATE;
      return true;
    case CREATE_ALWAYS:
      out = FILE_OVERWRITE_IF;
      return true;
    case OPEN_EXISTING:
      out = FILE_OPEN;
      return true;
    case OPEN_ALWAYS:
      out = FILE_OPEN_IF;
      return true;
    case TRUNCATE_EXISTING:
      out = FILE_OVERWRITE;
      return true;
    default:
      return false;
  }
}

std::uint32_t create_options(std::uint32_t flags) {
  std::uint32_t out = 0;
  if ((flags & FILE_FLAG_BACKUP_SEMANTICS) == 0) out |= FILE_NON_DIRECTORY_FILE;
  if ((flags & FILE_FLAG_OVERLAPPED) == 0) out |= FILE_SYNCHRONOUS_IO_NONALERT;
  if ((flags & FILE_FLAG_WRITE_THROUGH) != 0) out |= FILE_WRITE_THROUGH;
  if ((flags & FILE_FLAG_NO_BUFFERING) != 0) out |= FILE_NO_INTERMEDIATE_BUFFERING;
  if ((flags & FILE_FLAG_RANDOM_ACCESS) != 0) out |= FILE_RANDOM_ACCESS;
  if ((flags & FILE_FLAG_SEQUENTIAL_SCAN) != 0) out |= FILE_SEQUENTIAL_ONLY;
  if ((flags & FILE_FLAG_DELETE_ON_CLOSE) != 0) out |= FILE_DELETE_ON_CLOSE;
  if ((flags & FILE_FLAG_OPEN_REPARSE_POINT) != 0) out |= FILE_OPEN_REPARSE_POINT;
  return out;
}

// The open itself, which CancelSynchronousIo of another thread may end.
std::int32_t open_on_port(const open_request& what, void** file, std::uint64_t* information) {
  auto* const io = kernel::make<transfer>();
  io->kind = io_kind::open;
  io->thread = self().object;
  kernel::reference_object(io->thread);
  std::int32_t status = static_cast<std::int32_t>(0xC000009A);  // STATUS_INSUFFICIENT_RESOURCES
  if (the_process().port->prepare(*io)) {
    set_synchronous(io);
    status = the_process().port->open(*io, what, information);
    set_synchronous(nullptr);
  }
  *file = io->file;
  io->file = nullptr;
  release(io);
  return status;
}

void* file_for(void* opened, std::uint32_t access, bool overlapped) {
  void* const object = kernel::create_object(&file_type, sizeof(file_object), nullptr);
  if (object == nullptr) return nullptr;
  auto* const file = new (object) file_object;
  file->file = opened;
  file->access = access;
  file->event = kernel::create_event(true, true);
  if (!overlapped) file->turn = kernel::create_event(false, true);
  return object;
}

HANDLE create_file(const char16_t* name, DWORD access, DWORD share, DWORD disposition,
                   DWORD flags) {
  open_request what;
  if (!native_disposition(disposition, what.disposition)) {
    fail(ERROR_INVALID_PARAMETER);
    return INVALID_HANDLE_VALUE;
  }
  device_name path;
  if (const std::uint32_t error = path.set(name)) {
    fail(error);
    return INVALID_HANDLE_VALUE;
  }
  what.name = path.text();
  what.access = specific_access(access);
  what.share = share;
  what.create_options = create_options(flags);
  what.attributes = static_cast<std::uint16_t>(flags & FILE_ATTRIBUTE_VALID_FLAGS &
                                               ~DWORD{FILE_ATTRIBUTE_DIRECTORY});
  void* opened = nullptr;
  std::uint64_t information = 0;
  const std::int32_t status = open_on_port(what, &opened, &information);
  if (!succeeded(status)) {
    const bool exists = disposition == CREATE_NEW && error_of(status) == ERROR_ALREADY_EXISTS;
    fail(exists ? ERROR_FILE_EXISTS : error_of(status));
    return INVALID_HANDLE_VALUE;
  }
  HANDLE handle = handle_to(file_for(opened, what.access, (flags & FILE_FLAG_OVERLAPPED) != 0));
  if (handle == nullptr) return INVALID_HANDLE_VALUE;
  const bool there = (disposition == OPEN_ALWAYS && information == FILE_OPENED) ||
                     (disposition == CREATE_ALWAYS && information == FILE_OVERWRITTEN);
  self().last_error = there ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS;
  return handle;
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

/// Callers:  any thread.
/// Returns:  INVALID_HANDLE_VALUE with ERROR_FILE_NOT_FOUND (no such device), ERROR_INVALID_NAME or
///           ERROR_PATH_NOT_FOUND (no device's name), ERROR_OPERATION_ABORTED
///           (CancelSynchronousIo), ERROR_INVALID_PARAMETER, or what the driver's status says.
/// Contract: WIN32-FILE-001, WIN32-FILE-002
HANDLE WINAPI CreateFileW(LPCWSTR lpFileName, DWORD dwDesiredAccess, DWORD dwShareMode,
                          LPSECURITY_ATTRIBUTES, DWORD dwCreationDisposition,
                          DWORD dwFlagsAndAttributes, HANDLE) {
  BELAY_CALL(CreateFileW, &the_process().port);
  return create_file(reinterpret_cast<const char16_t*>(lpFileName), dwDesiredAccess, dwShareMode,
                     dwCreationDisposition, dwFlagsAndAttributes);
}

HANDLE WINAPI CreateFileA(LPCSTR lpFileName, DWORD dwDesiredAccess, DWORD dwShareMode,
                          LPSECURITY_ATTRIBUTES, DWORD dwCreationDisposition,
                          DWORD dwFlagsAndAttributes, HANDLE) {
  BELAY_CALL(CreateFileA, &the_process().port);
  const wide_text name(lpFileName);
  return create_file(name.get(), dwDesiredAccess, dwShareMode, dwCreationDisposition,
                     dwFlagsAndAttributes);
}

DWORD WINAPI GetFileType(HANDLE hFile) {
  BELAY_CALL(GetFileType, hFile);
  const held file = hold(hFile, &win32::file_type);
  if (!file) return FILE_TYPE_UNKNOWN;
  self().last_error = ERROR_SUCCESS;
  return FILE_TYPE_UNKNOWN;
}

/// Contract: WIN32-IO-006
BOOL WINAPI SetFileCompletionNotificationModes(HANDLE FileHandle, UCHAR Flags) {
  BELAY_CALL(SetFileCompletionNotificationModes, FileHandle);
  const held file = hold(FileHandle, &win32::file_type);
  if (!file) return FALSE;
  if ((Flags & ~(FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE)) != 0) {
    return fail(ERROR_INVALID_PARAMETER);
  }
  file.as<file_object>().modes |= Flags;
  return TRUE;
}

}  // extern "C"
