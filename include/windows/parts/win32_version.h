// Belay's own text. Which Windows a program is compiled for: Windows 11, unless it says otherwise.

#ifndef BELAY_WINDOWS_PARTS_WIN32_VERSION_H_
#define BELAY_WINDOWS_PARTS_WIN32_VERSION_H_

#ifndef _WIN32
#define _WIN32 1
#endif
#ifndef WIN32
#define WIN32 1
#endif
#ifndef NTDDI_VERSION
#define NTDDI_VERSION 0x0A00000C
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif
#ifndef WINVER
#define WINVER _WIN32_WINNT
#endif
#ifdef _UNICODE
#ifndef UNICODE
#define UNICODE
#endif
#endif
#ifdef UNICODE
#ifndef _UNICODE
#define _UNICODE
#endif
#endif

#endif
