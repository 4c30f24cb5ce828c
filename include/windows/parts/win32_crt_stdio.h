// Belay's own text. Formatted output and input as Windows has it.
//
// The _s forms end what they write, and take an argument that they refuse, or a buffer that is too
// small, as a call of the invalid parameter handler. %s and %c of the scanf_s forms take the size
// of their buffer as another argument, an unsigned int.

#ifndef BELAY_WINDOWS_PARTS_WIN32_CRT_STDIO_H_
#define BELAY_WINDOWS_PARTS_WIN32_CRT_STDIO_H_

#include <stdio.h>
#include <wchar.h>

#include "wide_string.h"
#include "win32_crt.h"

#ifdef __cplusplus
extern "C" {
#endif

_CRTIMP int printf_s(const char* format, ...);
_CRTIMP int fprintf_s(FILE* stream, const char* format, ...);
_CRTIMP int wprintf_s(const wchar_t* format, ...);
_CRTIMP int fwprintf_s(FILE* stream, const wchar_t* format, ...);
_CRTIMP int vprintf_s(const char* format, va_list arguments);
_CRTIMP int vfprintf_s(FILE* stream, const char* format, va_list arguments);
_CRTIMP int vsprintf_s(char* buffer, size_t size, const char* format, va_list arguments);
_CRTIMP int vswprintf_s(wchar_t* buffer, size_t size, const wchar_t* format, va_list arguments);
/// count: how much to write at most; _TRUNCATE: what fits. They return -1 if text was cut off.
_CRTIMP int _snprintf_s(char* buffer, size_t size, size_t count, const char* format, ...);
_CRTIMP int _vsnprintf_s(char* buffer, size_t size, size_t count, const char* format,
                         va_list arguments);
_CRTIMP int _snwprintf_s(wchar_t* buffer, size_t size, size_t count, const wchar_t* format, ...);
_CRTIMP int _vsnwprintf_s(wchar_t* buffer, size_t size, size_t count, const wchar_t* format,
                          va_list arguments);
/// The length that the text would have.
_CRTIMP int _scprintf(const char* format, ...);
_CRTIMP int _vscprintf(const char* format, va_list arguments);
_CRTIMP int _scwprintf(const wchar_t* format, ...);
_CRTIMP int _vscwprintf(const wchar_t* format, va_list arguments);

_CRTIMP int scanf_s(const char* format, ...);
_CRTIMP int fscanf_s(FILE* stream, const char* format, ...);
_CRTIMP int sscanf_s(const char* buffer, const char* format, ...);
_CRTIMP int wscanf_s(const wchar_t* format, ...);
_CRTIMP int swscanf_s(const wchar_t* buffer, const wchar_t* format, ...);
_CRTIMP int _swprintf(wchar_t* buffer, const wchar_t* format, ...);
_CRTIMP int _putws(const wchar_t* text);
_CRTIMP char* gets_s(char* buffer, size_t size);

_CRTIMP errno_t fopen_s(FILE** stream, const char* name, const char* mode);
_CRTIMP FILE* _wfopen(const wchar_t* name, const wchar_t* mode);
_CRTIMP errno_t _wfopen_s(FILE** stream, const wchar_t* name, const wchar_t* mode);

#define _fileno fileno
_CRTIMP int _isatty(int descriptor);

#ifdef __cplusplus
}
extern "C++" {
template <size_t Size, class... Arguments>
inline int sprintf_s(char (&buffer)[Size], const char* format, Arguments... arguments) {
  return sprintf_s(&buffer[0], Size, format, arguments...);
}
template <size_t Size, class... Arguments>
inline int swprintf_s(wchar_t (&buffer)[Size], const wchar_t* format, Arguments... arguments) {
  return swprintf_s(&buffer[0], Size, format, arguments...);
}
}
#endif

#endif
