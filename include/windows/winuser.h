// Belay's own text. Of the window system only its text formatting.

#ifndef BELAY_WINDOWS_WINUSER_H_
#define BELAY_WINDOWS_WINUSER_H_

#include "parts/win32_text.h"

#endif
