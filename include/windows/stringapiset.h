// Belay's own text. Text between code pages and UTF-16.

#ifndef BELAY_WINDOWS_STRINGAPISET_H_
#define BELAY_WINDOWS_STRINGAPISET_H_

#include "parts/win32_text.h"

#endif
