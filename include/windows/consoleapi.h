// Belay's own text. The console.

#ifndef BELAY_WINDOWS_CONSOLEAPI_H_
#define BELAY_WINDOWS_CONSOLEAPI_H_

#include "parts/win32_console.h"

#endif
