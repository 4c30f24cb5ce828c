// Belay's own text. Times in parts.

#ifndef BELAY_WINDOWS_TIMEZONEAPI_H_
#define BELAY_WINDOWS_TIMEZONEAPI_H_

#include "parts/win32_time.h"

#endif
