// Belay's own text. Handles.

#ifndef BELAY_WINDOWS_HANDLEAPI_H_
#define BELAY_WINDOWS_HANDLEAPI_H_

#include "parts/win32_handle.h"

#endif
