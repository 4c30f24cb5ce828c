// Belay's own text. Functions on strings of 16-bit characters, and formatted text.
//
// The wcs functions are redefined inline for 16-bit characters, so glibc's are never reached; they
// read and write the guest's memory as its own accesses. The printing ones are exported.

#ifndef BELAY_WINDOWS_PARTS_WIDE_STRING_H_
#define BELAY_WINDOWS_PARTS_WIDE_STRING_H_

#include <stdarg.h>
#include <stddef.h>
#include <strings.h>
#include <wchar.h>

#include "compiler.h"
#include "library.h"

#ifdef __cplusplus
extern "C" {
#endif

BELAY_LIBRARY_INLINE_ size_t wcslen(const wchar_t* text) BELAY_LIBRARY_NOTHROW_ {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}
BELAY_LIBRARY_INLINE_ size_t wcsnlen(const wchar_t* text, size_t limit) BELAY_LIBRARY_NOTHROW_ {
  size_t length = 0;
  while (length < limit && text[length] != 0) length++;
  return length;
}
BELAY_LIBRARY_INLINE_ wchar_t* wcscpy(wchar_t* destination,
                                      const wchar_t* source) BELAY_LIBRARY_NOTHROW_ {
  size_t i = 0;
  while ((destination[i] = source[i]) != 0) i++;
  return destination;
}
BELAY_LIBRARY_INLINE_ wchar_t* wcsncpy(wchar_t* destination, const wchar_t* source,
                                       size_t count) BELAY_LIBRARY_NOTHROW_ {
  size_t i = 0;
  for (; i < count && source[i] != 0; i++) destination[i] = source[i];
  for (; i < count; i++) destination[i] = 0;
  return destination;
}
BELAY_LIBRARY_INLINE_ wchar_t* wcscat(wchar_t* destination,
                                      const wchar_t* source) BELAY_LIBRARY_NOTHROW_ {
  size_t at = 0;
  size_t i = 0;
  while (destination[at] != 0) at++;
  while ((destination[at + i] = source[i]) != 0) i++;
  return destination;
}
BELAY_LIBRARY_INLINE_ wchar_t* wcsncat(wchar_t* destination, const wchar_t* source,
                                       size_t count) BELAY_LIBRARY_NOTHROW_ {
  size_t at = 0;
  size_t i = 0;
  while (destination[at] != 0) at++;
  for (; i < count && source[i] != 0; i++) destination[at + i] = source[i];
  destination[at + i] = 0;
  return destination;
}
BELAY_LIBRARY_INLINE_ int wcscmp(const wchar_t* left, const wchar_t* right) BELAY_LIBRARY_NOTHROW_ {
  size_t i = 0;
  while (left[i] != 0 && left[i] == right[i]) i++;
  return (int)left[i] - (int)right[i];
}
BELAY_LIBRARY_INLINE_ int wcsncmp(const wchar_t* left, const wchar_t* right,
                                  size_t count) BELAY_LIBRARY_NOTHROW_ {
  size_t i = 0;
  while (i < count && left[i] != 0 && left[i] == right[i]) i++;
  return i == count ? 0 : (int)left[i] - (int)right[i];
}

static FORCEINLINE wchar_t BelayLowerWide_(wchar_t c) {
  return c >= L'A' && c <= L'Z' ? (wchar_t)(c + (L'a' - L'A')) : c;
}
static FORCEINLINE int _wcsnicmp(const wchar_t* left, const wchar_t* right, size_t count) {
  size_t i;
  for (i = 0; i < count; i++) {
    wchar_t a = BelayLowerWide_(left[i]);
    wchar_t b = BelayLowerWide_(right[i]);
    if (a != b || a == 0) return (int)a - (int)b;
  }
  return 0;
}
static FORCEINLINE int _wcsicmp(const wchar_t* left, const wchar_t* right) {
  return _wcsnicmp(left, right, (size_t)-1);
}
// Not under glibc's names, because C++ overloads those.
static FORCEINLINE wchar_t* BelayFindWide_(const wchar_t* text, wchar_t wanted, int last) {
  const wchar_t* found = NULL;
  for (;; text++) {
    if (*text == wanted) {
      found = text;
      if (!last) break;
    }
    if (*text == 0) break;
  }
  return (wchar_t*)found;
}
static FORCEINLINE wchar_t* BelayFindWideText_(const wchar_t* text, const wchar_t* wanted) {
  for (;; text++) {
    size_t i = 0;
    while (wanted[i] != 0 && text[i] == wanted[i]) i++;
    if (wanted[i] == 0) return (wchar_t*)text;
    if (*text == 0) return NULL;
  }
}
#ifndef __cplusplus
#define wcschr(text, wanted) BelayFindWide_((text), (wchar_t)(wanted), 0)
#define wcsrchr(text, wanted) BelayFindWide_((text), (wchar_t)(wanted), 1)
#define wcsstr(text, wanted) BelayFindWideText_((text), (wanted))
#endif

#define _stricmp strcasecmp
#define _strnicmp strncasecmp
#define _strdup strdup

// Formatted text, in Windows' format language. They return -1 if the buffer is too small, which
// then holds no terminator.
NTSYSAPI int _snprintf(char* buffer, size_t count, const char* format, ...);
NTSYSAPI int _vsnprintf(char* buffer, size_t count, const char* format, va_list arguments);
NTSYSAPI int _snwprintf(wchar_t* buffer, size_t count, const wchar_t* format, ...);
NTSYSAPI int _vsnwprintf(wchar_t* buffer, size_t count, const wchar_t* format, va_list arguments);
NTSYSAPI int sprintf_s(char* buffer, size_t size, const char* format, ...);
NTSYSAPI int swprintf_s(wchar_t* buffer, size_t size, const wchar_t* format, ...);

#ifdef __cplusplus
}
#endif

#endif
