// Belay's own text. Strings of 16-bit characters as Windows has them.

#ifndef BELAY_WINDOWS_PARTS_WIN32_CRT_WIDE_H_
#define BELAY_WINDOWS_PARTS_WIN32_CRT_WIDE_H_

#include <errno.h>

#include "wide_string.h"
#include "win32_crt.h"
#ifndef STRUNCATE
#define STRUNCATE 80
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define BELAY_CHARACTER_ wchar_t
#define BELAY_SECURE_(name) wcs##name
#include "win32_crt_secure.inc"
#undef BELAY_CHARACTER_
#undef BELAY_SECURE_

static FORCEINLINE errno_t wmemcpy_s(wchar_t* destination, size_t size, const wchar_t* source,
                                     size_t count) {
  size_t i;
  if (count == 0) return 0;
  if (destination == NULL || source == NULL || size < count) {
    BelayInvalidParameter("wmemcpy_s");
    return destination != NULL && source != NULL ? ERANGE : EINVAL;
  }
  for (i = 0; i < count; i++) destination[i] = source[i];
  return 0;
}

_CRTIMP wchar_t* _wcsdup(const wchar_t* text);
_CRTIMP wchar_t* _wcslwr(wchar_t* text);
_CRTIMP wchar_t* _wcsupr(wchar_t* text);
_CRTIMP wchar_t* wcstok_s(wchar_t* text, const wchar_t* delimiters, wchar_t** context);
#define wcsicmp _wcsicmp
#define wcsnicmp _wcsnicmp

#ifdef __cplusplus
}
extern "C++" {
template <size_t Size>
inline errno_t wcscpy_s(wchar_t (&destination)[Size], const wchar_t* source) {
  return wcscpy_s(&destination[0], Size, source);
}
template <size_t Size>
inline errno_t wcscat_s(wchar_t (&destination)[Size], const wchar_t* source) {
  return wcscat_s(&destination[0], Size, source);
}
template <size_t Size>
inline errno_t wcsncpy_s(wchar_t (&destination)[Size], const wchar_t* source, size_t count) {
  return wcsncpy_s(&destination[0], Size, source, count);
}
}
#endif

#endif
