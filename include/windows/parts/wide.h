// Belay's own text. C string functions of drivers that glibc lacks, or has for a 32-bit wchar_t.

#ifndef BELAY_WINDOWS_PARTS_WIDE_H_
#define BELAY_WINDOWS_PARTS_WIDE_H_

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "memory.h"
#include "wide_string.h"

#endif
