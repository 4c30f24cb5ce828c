// Belay's own text. Services.

#ifndef BELAY_WINDOWS_WINSVC_H_
#define BELAY_WINDOWS_WINSVC_H_

#include "parts/win32_service.h"

#endif
