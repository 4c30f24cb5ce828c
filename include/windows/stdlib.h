// Belay's own text. The C library's stdlib.h; in a client also what Windows has beyond it.

#ifndef BELAY_WINDOWS_STDLIB_H_
#define BELAY_WINDOWS_STDLIB_H_
#pragma GCC system_header
#endif

#include_next <stdlib.h>

#ifdef BELAY_CLIENT
#include "parts/win32_crt_stdlib.h"
#endif
