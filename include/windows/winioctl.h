// Belay's own text. Control codes, as a program needs them.

#ifndef BELAY_WINDOWS_WINIOCTL_H_
#define BELAY_WINDOWS_WINIOCTL_H_

#ifndef _WINIOCTL_
#define _WINIOCTL_
#endif

#include "devioctl.h"
#include "windef.h"

#endif
