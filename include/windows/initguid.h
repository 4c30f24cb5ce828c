// Belay's own text. From here on DEFINE_GUID defines and no longer only declares.

#ifndef INITGUID
#define INITGUID
#endif

#include "guiddef.h"
