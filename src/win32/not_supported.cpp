// Calls that programs name and Belay does not have: each says so, the way it tells errors.
//
// Thread safety: any thread.
#include <windows.h>

#include "win32/process.hpp"

using namespace belay::win32;

extern "C" {

// A device has no size and no position; files of the machine are not opened.
DWORD WINAPI GetFileSize(HANDLE, LPDWORD) {
  fail(ERROR_NOT_SUPPORTED);
  return INVALID_FILE_SIZE;
}
BOOL WINAPI GetFileSizeEx(HANDLE, PLARGE_INTEGER) { return fail(ERROR_NOT_SUPPORTED); }
DWORD WINAPI SetFilePointer(HANDLE, LONG, PLONG, DWORD) {
  fail(ERROR_NOT_SUPPORTED);
  return INVALID_SET_FILE_POINTER;
}
BOOL WINAPI SetFilePointerEx(HANDLE, LARGE_INTEGER, PLARGE_INTEGER, DWORD) {
  return fail(ERROR_NOT_SUPPORTED);
}
BOOL WINAPI SetEndOfFile(HANDLE) { return fail(ERROR_NOT_SUPPORTED); }
DWORD WINAPI GetFileAttributesA(LPCSTR) {
  fail(ERROR_NOT_SUPPORTED);
  return INVALID_FILE_ATTRIBUTES;
}
DWORD WINAPI GetFileAttributesW(LPCWSTR) {
  fail(ERROR_NOT_SUPPORTED);
  return INVALID_FILE_ATTRIBUTES;
}
BOOL WINAPI DeleteFileA(LPCSTR) { return fail(ERROR_NOT_SUPPORTED); }
BOOL WINAPI DeleteFileW(LPCWSTR) { return fail(ERROR_NOT_SUPPORTED); }

DWORD WINAPI QueryDosDeviceA(LPCSTR, LPSTR, DWORD) { return fail(ERROR_NOT_SUPPORTED); }
DWORD WINAPI QueryDosDeviceW(LPCWSTR, LPWSTR, DWORD) { return fail(ERROR_NOT_SUPPORTED); }
BOOL WINAPI DefineDosDeviceA(DWORD, LPCSTR, LPCSTR) { return fail(ERROR_NOT_SUPPORTED); }
BOOL WINAPI DefineDosDeviceW(DWORD, LPCWSTR, LPCWSTR) { return fail(ERROR_NOT_SUPPORTED); }

}  // extern "C"
