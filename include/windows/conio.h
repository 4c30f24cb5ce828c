// Belay's own text. Single keys of the console.

#ifndef BELAY_WINDOWS_CONIO_H_
#define BELAY_WINDOWS_CONIO_H_

#include "parts/win32_crt.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Whether a key waits to be read; 0 in explored programs.
_CRTIMP int _kbhit(void);
/// Waits for a key, without and with showing it. In explored programs there is none: they return
/// -1.
_CRTIMP int _getch(void);
_CRTIMP int _getche(void);
_CRTIMP int _putch(int character);
_CRTIMP int _cprintf(const char* format, ...);
#define kbhit _kbhit
#define getch _getch
#define getche _getche
#define putch _putch

#ifdef __cplusplus
}
#endif

#endif
