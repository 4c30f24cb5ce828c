// The words for the errors that programs on Belay meet.
#include <windows.h>

#include "win32/error_codes.hpp"

namespace belay::inline BELAY_BUILD::win32 {

namespace {

struct entry {
  std::uint32_t error;
  const char* text;
};

constexpr entry texts[] = {
    {ERROR_SUCCESS, "The operation succeeded."},
    {ERROR_INVALID_FUNCTION, "The device does not know this request."},
    {ERROR_FILE_NOT_FOUND, "There is no file or device of this name."},
    {ERROR_PATH_NOT_FOUND, "There is no folder of this name."},
    {ERROR_ACCESS_DENIED, "Access is denied."},
    {ERROR_INVALID_HANDLE, "The handle is not valid."},
    {ERROR_NOT_ENOUGH_MEMORY, "There is not enough memory for this request."},
    {ERROR_INVALID_DATA, "The data is not valid."},
    {ERROR_OUTOFMEMORY, "There is no memory left for this request."},
    {ERROR_NOT_SAME_DEVICE, "The file is on another device."},
    {ERROR_WRITE_PROTECT, "The medium is write-protected."},
    {ERROR_BAD_UNIT, "The device does not exist."},
    {ERROR_NOT_READY, "The device is not ready."},
    {ERROR_BAD_COMMAND, "The device does not recognize the command."},
    {ERROR_CRC, "The data is damaged: its checksum is wrong."},
    {ERROR_BAD_LENGTH, "The length of the command is wrong."},
    {ERROR_WRITE_FAULT, "The device could not be written to."},
    {ERROR_READ_FAULT, "The device could not be read from."},
    {ERROR_GEN_FAILURE, "The device does not work as it should."},
    {ERROR_SHARING_VIOLATION, "Somebody else has the file open in a way that excludes this use."},
    {ERROR_LOCK_VIOLATION, "Somebody else has locked a part of the file."},
    {ERROR_HANDLE_EOF, "The end of the file has been reached."},
    {ERROR_NOT_SUPPORTED, "The request is not supported."},
    {ERROR_UNEXP_NET_ERR, "An unexpected error occurred on the way to the device."},
    {ERROR_FILE_EXISTS, "The file exists."},
    {ERROR_INVALID_PARAMETER, "A parameter is wrong."},
    {ERROR_BROKEN_PIPE, "The other end of the pipe has been closed."},
    {ERROR_DISK_FULL, "There is no space left on the disk."},
    {ERROR_CALL_NOT_IMPLEMENTED, "The function is not implemented here."},
    {ERROR_SEM_TIMEOUT, "The time limit of the request has passed."},
    {ERROR_INSUFFICIENT_BUFFER, "The buffer given is too small."},
    {ERROR_INVALID_NAME, "The name of the file or device is not well formed."},
    {ERROR_MOD_NOT_FOUND, "The module was not found."},
    {ERROR_PROC_NOT_FOUND, "The procedure was not found."},
    {ERROR_NEGATIVE_SEEK, "The file pointer cannot be moved before the start of the file."},
    {ERROR_DIR_NOT_EMPTY, "The folder is not empty."},
    {ERROR_NOT_LOCKED, "The segment is not locked."},
    {ERROR_BUSY, "The resource is in use."},
    {ERROR_ALREADY_EXISTS, "There already is one of this name."},
    {ERROR_BAD_EXE_FORMAT, "The file is no program that can be loaded here."},
    {ERROR_ENVVAR_NOT_FOUND, "There is no environment variable of this name."},
    {ERROR_FILENAME_EXCED_RANGE, "The name is too long."},
    {ERROR_PIPE_BUSY, "All instances of the pipe are in use."},
    {ERROR_NO_DATA, "The pipe is being closed."},
    {ERROR_PIPE_NOT_CONNECTED, "Nobody is at the other end of the pipe."},
    {ERROR_MORE_DATA, "There is more data than the buffer holds."},
    {WAIT_TIMEOUT, "The wait timed out."},
    {ERROR_NO_MORE_ITEMS, "There is no more data."},
    {ERROR_DIRECTORY, "The name is not that of a folder."},
    {ERROR_NOT_OWNER, "The caller does not own the mutex."},
    {ERROR_TOO_MANY_POSTS, "The semaphore would exceed its maximum."},
    {ERROR_MR_MID_NOT_FOUND, "There is no text for this message number."},
    {ERROR_INVALID_ADDRESS, "The address is not valid."},
    {ERROR_ARITHMETIC_OVERFLOW, "The result does not fit."},
    {ERROR_OPERATION_ABORTED, "The request was cancelled, or its thread ended."},
    {ERROR_IO_INCOMPLETE, "The overlapped request is still in flight."},
    {ERROR_IO_PENDING, "The overlapped request is in flight."},
    {ERROR_NOACCESS, "The memory cannot be accessed."},
    {ERROR_STACK_OVERFLOW, "The stack is used up."},
    {ERROR_INVALID_FLAGS, "The flags are not valid."},
    {ERROR_FILE_INVALID, "The volume of the file was changed from outside: the open file is void."},
    {ERROR_NO_TOKEN, "There is no such token."},
    {ERROR_BADDB, "The registry database is damaged."},
    {ERROR_SERVICE_REQUEST_TIMEOUT, "The service did not answer in time."},
    {ERROR_SERVICE_ALREADY_RUNNING, "The service is already running."},
    {ERROR_SERVICE_DISABLED, "The service is disabled."},
    {ERROR_SERVICE_DOES_NOT_EXIST, "There is no service of this name."},
    {ERROR_SERVICE_CANNOT_ACCEPT_CTRL, "The service takes no controls at this time."},
    {ERROR_SERVICE_NOT_ACTIVE, "The service is not running."},
    {ERROR_SERVICE_MARKED_FOR_DELETE, "The service is about to be deleted."},
    {ERROR_SERVICE_EXISTS, "There already is a service of this name."},
    {ERROR_INVALID_SERVICE_CONTROL, "The control is not valid for this service."},
    {ERROR_DUPLICATE_SERVICE_NAME, "Another service has this name or display name."},
    {ERROR_NO_UNICODE_TRANSLATION, "A character has no counterpart in the other encoding."},
    {ERROR_DLL_INIT_FAILED, "The initialization of a module failed."},
    {ERROR_IO_DEVICE, "The device reported an error."},
    {ERROR_NOT_FOUND, "There is no such element."},
    {ERROR_DEVICE_NOT_CONNECTED, "The device is not connected."},
    {ERROR_DEVICE_REMOVED, "The device was removed."},
    {ERROR_NO_SUCH_DEVICE, "There is no such device."},
    {ERROR_CANCELLED, "The user cancelled the operation."},
    {ERROR_CONNECTION_ABORTED, "The connection was aborted."},
    {ERROR_RETRY, "The operation could not be completed; try again."},
    {ERROR_PRIVILEGE_NOT_HELD, "The caller lacks a privilege for this."},
    {ERROR_NO_SYSTEM_RESOURCES, "The system lacks the resources for this request."},
    {ERROR_WORKING_SET_QUOTA, "The quota for locked memory is used up."},
    {ERROR_TIMEOUT, "The time limit of the operation has passed."},
    {ERROR_INVALID_USER_BUFFER, "The buffer given is not valid for the request."},
    {ERROR_DRIVER_BLOCKED, "The driver must not be loaded."},
    {ERROR_ASSERTION_FAILURE, "An assertion failed."},
    {ERROR_INVALID_IMAGE_HASH, "The signature of the file could not be verified."},
};

}  // namespace

const char* error_text(std::uint32_t error) {
  for (const entry& each : texts) {
    if (each.error == error) return each.text;
  }
  return nullptr;
}

}  // namespace belay::inline BELAY_BUILD::win32
