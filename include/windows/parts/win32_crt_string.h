// Belay's own text. Strings of 8-bit characters as Windows has them: inline, the program's own
// accesses.
//
// The _s forms return 0, or EINVAL or ERANGE after the invalid parameter handler ran; STRUNCATE if
// _TRUNCATE was asked for and text was cut off.

#ifndef BELAY_WINDOWS_PARTS_WIN32_CRT_STRING_H_
#define BELAY_WINDOWS_PARTS_WIN32_CRT_STRING_H_

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "win32_crt.h"
#define STRUNCATE 80

#ifdef __cplusplus
extern "C" {
#endif

#define BELAY_CHARACTER_ char
#define BELAY_SECURE_(name) str##name
#include "win32_crt_secure.inc"
#undef BELAY_CHARACTER_
#undef BELAY_SECURE_

static FORCEINLINE errno_t memcpy_s(void* destination, size_t size, const void* source,
                                    size_t count) {
  if (count == 0) return 0;
  if (destination == NULL || source == NULL || size < count) {
    if (destination != NULL) memset(destination, 0, size);
    BelayInvalidParameter("memcpy_s");
    return destination != NULL && source != NULL ? ERANGE : EINVAL;
  }
  memcpy(destination, source, count);
  return 0;
}
static FORCEINLINE errno_t memmove_s(void* destination, size_t size, const void* source,
                                     size_t count) {
  if (count == 0) return 0;
  if (destination == NULL || source == NULL || size < count) {
    BelayInvalidParameter("memmove_s");
    return destination != NULL && source != NULL ? ERANGE : EINVAL;
  }
  memmove(destination, source, count);
  return 0;
}

#define strtok_s strtok_r
#define _stricmp strcasecmp
#define _strnicmp strncasecmp
#define _strdup strdup
#define stricmp strcasecmp
#define strnicmp strncasecmp
#define strcmpi strcasecmp
#define _strcmpi strcasecmp
#define _memicmp(left, right, count) strncasecmp((left), (right), (count))
_CRTIMP char* _strlwr(char* text);
_CRTIMP char* _strupr(char* text);
_CRTIMP char* _strrev(char* text);
_CRTIMP errno_t strerror_s(char* buffer, size_t size, int error);

#ifdef __cplusplus
}
extern "C++" {
template <size_t Size>
inline errno_t strcpy_s(char (&destination)[Size], const char* source) {
  return strcpy_s(&destination[0], Size, source);
}
template <size_t Size>
inline errno_t strcat_s(char (&destination)[Size], const char* source) {
  return strcat_s(&destination[0], Size, source);
}
template <size_t Size>
inline errno_t strncpy_s(char (&destination)[Size], const char* source, size_t count) {
  return strncpy_s(&destination[0], Size, source, count);
}
}
#endif

#endif
