// Belay's own text. Debug output.

#ifndef BELAY_WINDOWS_DEBUGAPI_H_
#define BELAY_WINDOWS_DEBUGAPI_H_

#include "parts/win32_error.h"

#endif
