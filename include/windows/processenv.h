// Belay's own text. The environment of the process, the standard handles.

#ifndef BELAY_WINDOWS_PROCESSENV_H_
#define BELAY_WINDOWS_PROCESSENV_H_

#include "parts/win32_console.h"
#include "parts/win32_process.h"

#endif
