// Belay's own text. The performance counter.

#ifndef BELAY_WINDOWS_PROFILEAPI_H_
#define BELAY_WINDOWS_PROFILEAPI_H_

#include "parts/win32_time.h"

#endif
