// Belay's own text. The last error, messages of errors, how errors are reported.

#ifndef BELAY_WINDOWS_PARTS_WIN32_ERROR_H_
#define BELAY_WINDOWS_PARTS_WIN32_ERROR_H_

#include <stdarg.h>

#include "../winnt.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Each thread has its own last error. A call that succeeds may leave it alone.
WINBASEAPI DWORD WINAPI GetLastError(VOID);
WINBASEAPI VOID WINAPI SetLastError(DWORD dwErrCode);

#define SEM_FAILCRITICALERRORS 0x0001
#define SEM_NOGPFAULTERRORBOX 0x0002
#define SEM_NOALIGNMENTFAULTEXCEPT 0x0004
#define SEM_NOOPENFILEERRORBOX 0x8000
/// Returns the mode before. The modes have no effect: Belay shows no box.
WINBASEAPI UINT WINAPI SetErrorMode(UINT uMode);
WINBASEAPI UINT WINAPI GetErrorMode(VOID);

#define FORMAT_MESSAGE_ALLOCATE_BUFFER 0x00000100
#define FORMAT_MESSAGE_IGNORE_INSERTS 0x00000200
#define FORMAT_MESSAGE_FROM_STRING 0x00000400
#define FORMAT_MESSAGE_FROM_HMODULE 0x00000800
#define FORMAT_MESSAGE_FROM_SYSTEM 0x00001000
#define FORMAT_MESSAGE_ARGUMENT_ARRAY 0x00002000
#define FORMAT_MESSAGE_MAX_WIDTH_MASK 0x000000FF
/// Writes the text of a message, its inserts %1 to %99 replaced. Returns its length in characters,
/// without the terminator; 0 on failure, with ERROR_MR_MID_NOT_FOUND (no such message),
/// ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY, or
/// ERROR_RESOURCE_DATA_NOT_FOUND (FORMAT_MESSAGE_FROM_HMODULE: no module has a message table).
/// FORMAT_MESSAGE_ALLOCATE_BUFFER: lpBuffer points to a pointer, to be freed with LocalFree.
WINBASEAPI DWORD WINAPI FormatMessageA(DWORD dwFlags, LPCVOID lpSource, DWORD dwMessageId,
                                       DWORD dwLanguageId, LPSTR lpBuffer, DWORD nSize,
                                       va_list* Arguments);
WINBASEAPI DWORD WINAPI FormatMessageW(DWORD dwFlags, LPCVOID lpSource, DWORD dwMessageId,
                                       DWORD dwLanguageId, LPWSTR lpBuffer, DWORD nSize,
                                       va_list* Arguments);
#ifdef UNICODE
#define FormatMessage FormatMessageW
#else
#define FormatMessage FormatMessageA
#endif

WINBASEAPI VOID WINAPI OutputDebugStringA(LPCSTR lpOutputString);
WINBASEAPI VOID WINAPI OutputDebugStringW(LPCWSTR lpOutputString);
#ifdef UNICODE
#define OutputDebugString OutputDebugStringW
#else
#define OutputDebugString OutputDebugStringA
#endif

WINBASEAPI BOOL WINAPI IsDebuggerPresent(VOID);
WINBASEAPI VOID(WINAPI DebugBreak)(VOID);

#ifdef __cplusplus
}
#endif

#endif
