// Belay's own text. Status values, by severity and number.

#ifndef BELAY_WINDOWS_NTSTATUS_H_
#define BELAY_WINDOWS_NTSTATUS_H_

#include "ntdef.h"
#include "parts/status_error_1.h"
#include "parts/status_error_2.h"
#include "parts/status_error_3.h"
#include "parts/status_success.h"

#define STATUS_SEVERITY_SUCCESS 0x0
#define STATUS_SEVERITY_INFORMATIONAL 0x1
#define STATUS_SEVERITY_WARNING 0x2
#define STATUS_SEVERITY_ERROR 0x3

#endif
