// Belay's own text. Annotations, once more.

#ifndef BELAY_WINDOWS_SPECSTRINGS_STRICT_H_
#define BELAY_WINDOWS_SPECSTRINGS_STRICT_H_

#include "sal.h"

#endif
