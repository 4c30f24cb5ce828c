// Belay's own text. The system and its clocks.

#ifndef BELAY_WINDOWS_SYSINFOAPI_H_
#define BELAY_WINDOWS_SYSINFOAPI_H_

#include "parts/win32_process.h"
#include "parts/win32_time.h"

#endif
