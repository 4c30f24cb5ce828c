// Belay's own text. Threads and the end of the program, as the C runtime has them.

#ifndef BELAY_WINDOWS_PROCESS_H_
#define BELAY_WINDOWS_PROCESS_H_

#include "parts/win32_crt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void(__cdecl* _beginthread_proc_type)(void*);
typedef unsigned(__stdcall* _beginthreadex_proc_type)(void*);
/// The handle is the thread's own and closed when it ends. Returns -1 on failure.
_CRTIMP uintptr_t _beginthread(_beginthread_proc_type start, unsigned stack_size, void* argument);
_CRTIMP void _endthread(void);
/// As CreateThread. Returns 0 on failure.
_CRTIMP uintptr_t _beginthreadex(void* security, unsigned stack_size,
                                 _beginthreadex_proc_type start, void* argument, unsigned flags,
                                 unsigned* identifier);
_CRTIMP void _endthreadex(unsigned result);
_CRTIMP int _getpid(void);

#ifdef __cplusplus
}
#endif

#endif
