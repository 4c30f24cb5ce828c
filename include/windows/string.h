// Belay's own text. The C library's string.h; in a client also what Windows has beyond it.

#ifndef BELAY_WINDOWS_STRING_H_
#define BELAY_WINDOWS_STRING_H_
#pragma GCC system_header
#endif

#include_next <string.h>

#ifdef BELAY_CLIENT
#include "parts/win32_crt_string.h"
#endif
