// Belay's own text. The C library's wchar.h; in a client also what Windows has beyond it, for
// 16-bit characters.

#ifndef BELAY_WINDOWS_WCHAR_H_
#define BELAY_WINDOWS_WCHAR_H_
#pragma GCC system_header
#endif

#include_next <wchar.h>

#ifdef BELAY_CLIENT
#include "parts/win32_crt_wide.h"
#endif
