// Belay's own text. The C library's wchar.h; in a client also what Windows has beyond it, for
// 16-bit characters.

#ifndef BELAY_WINDOWS_WCHAR_H_
#define BELAY_WINDOWS_WCHAR_H_
#pragma GCC system_header
#endif

#if defined(BELAY_CLIENT) && defined(__cplusplus) && !defined(BELAY_WIDE_SEARCHES_)
// glibc declares the searches twice, constant and not, under its own symbols: kept out of sight.
#define wcschr BelayOtherWcschr
#define wcsrchr BelayOtherWcsrchr
#define wcsstr BelayOtherWcsstr
#define wcspbrk BelayOtherWcspbrk
#define wmemchr BelayOtherWmemchr
#include_next <wchar.h>
#undef wcschr
#undef wcsrchr
#undef wcsstr
#undef wcspbrk
#undef wmemchr
#ifdef _WCHAR_H
#define BELAY_WIDE_SEARCHES_
#ifndef __CORRECT_ISO_CPP_WCHAR_H_PROTO
#define __CORRECT_ISO_CPP_WCHAR_H_PROTO
#endif
extern "C++" {
#define BELAY_SEARCH_(name, wanted)                                           \
  wchar_t* name(wchar_t*, wanted) noexcept(true) __asm__("belay_crt_" #name); \
  const wchar_t* name(const wchar_t*, wanted) noexcept(true) __asm__("belay_crt_" #name);
BELAY_SEARCH_(wcschr, wchar_t)
BELAY_SEARCH_(wcsrchr, wchar_t)
BELAY_SEARCH_(wcsstr, const wchar_t*)
BELAY_SEARCH_(wcspbrk, const wchar_t*)
#undef BELAY_SEARCH_
wchar_t* wmemchr(wchar_t*, wchar_t, size_t) noexcept(true) __asm__("belay_crt_wmemchr");
const wchar_t* wmemchr(const wchar_t*, wchar_t, size_t) noexcept(true) __asm__("belay_crt_wmemchr");
}
#endif
#else
#include_next <wchar.h>
#endif

#ifdef BELAY_CLIENT
#include "parts/win32_crt_wide.h"
#endif
