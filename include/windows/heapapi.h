// Belay's own text. Heaps.

#ifndef BELAY_WINDOWS_HEAPAPI_H_
#define BELAY_WINDOWS_HEAPAPI_H_

#include "parts/win32_memory.h"

#endif
