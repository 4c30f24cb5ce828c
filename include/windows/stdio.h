// Belay's own text. The C library's stdio.h; in a client also what Windows has beyond it.

#ifndef BELAY_WINDOWS_STDIO_H_
#define BELAY_WINDOWS_STDIO_H_
#pragma GCC system_header
#endif

#include_next <stdio.h>

#ifdef BELAY_CLIENT
#include "parts/win32_crt_stdio.h"
#endif
