// Calls that programs name and Belay does not have: each says so, the way it tells errors.
//
// Thread safety: any thread.
#include "win32/process.hpp"

// clang-format off
#include <windows.h>

#include <cfgmgr32.h>
// clang-format on

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

CONFIGRET WINAPI CM_Get_Device_Interface_List_SizeA(PULONG, LPGUID, DEVINSTID_A, ULONG) {
  return CR_CALL_NOT_IMPLEMENTED;
}
CONFIGRET WINAPI CM_Get_Device_Interface_List_SizeW(PULONG, LPGUID, DEVINSTID_W, ULONG) {
  return CR_CALL_NOT_IMPLEMENTED;
}
CONFIGRET WINAPI CM_Get_Device_Interface_ListA(LPGUID, DEVINSTID_A, PCHAR, ULONG, ULONG) {
  return CR_CALL_NOT_IMPLEMENTED;
}
CONFIGRET WINAPI CM_Get_Device_Interface_ListW(LPGUID, DEVINSTID_W, PWCHAR, ULONG, ULONG) {
  return CR_CALL_NOT_IMPLEMENTED;
}

}  // extern "C"
