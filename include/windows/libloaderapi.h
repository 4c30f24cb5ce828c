// Belay's own text. Modules.

#ifndef BELAY_WINDOWS_LIBLOADERAPI_H_
#define BELAY_WINDOWS_LIBLOADERAPI_H_

#include "parts/win32_process.h"

#endif
