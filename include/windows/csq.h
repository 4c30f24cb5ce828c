// Belay's own text. Cancel-safe queues under the header name of older drivers.

#ifndef BELAY_WINDOWS_CSQ_H_
#define BELAY_WINDOWS_CSQ_H_

#include "wdm.h"

#endif
