// Belay's own text. The last error.

#ifndef BELAY_WINDOWS_ERRHANDLINGAPI_H_
#define BELAY_WINDOWS_ERRHANDLINGAPI_H_

#include "parts/win32_error.h"

#endif
