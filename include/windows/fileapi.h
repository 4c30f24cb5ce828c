// Belay's own text. Files.

#ifndef BELAY_WINDOWS_FILEAPI_H_
#define BELAY_WINDOWS_FILEAPI_H_

#include "parts/win32_file.h"

#endif
