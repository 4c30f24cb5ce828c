// Belay's own text. Pages of memory.

#ifndef BELAY_WINDOWS_MEMORYAPI_H_
#define BELAY_WINDOWS_MEMORYAPI_H_

#include "parts/win32_memory.h"

#endif
