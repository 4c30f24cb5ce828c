// Belay's own text. Threads and the process.

#ifndef BELAY_WINDOWS_PROCESSTHREADSAPI_H_
#define BELAY_WINDOWS_PROCESSTHREADSAPI_H_

#include "parts/win32_process.h"
#include "parts/win32_thread.h"

#endif
