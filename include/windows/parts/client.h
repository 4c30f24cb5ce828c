// Belay's own text. What `belay cc --client` includes before anything else.
//
// The functions below have other meanings on Windows than in glibc (16-bit wchar_t, %I64d, 32-bit
// long), or belong to the runtime (the heap, output, the end of the program). In a client each
// stands for Belay's export `belay_crt_<name>`, whichever header declares it, also in C++ and when
// its address is taken.
//
// REQUIRES: -fno-builtin, because GCC would turn printf into puts, and malloc with memset into
//           calloc, under their old names.

#ifndef BELAY_WINDOWS_PARTS_CLIENT_H_
#define BELAY_WINDOWS_PARTS_CLIENT_H_

#define BELAY_CLIENT 1

// glibc gives some of them names of its own, depending on the standard asked for: not in a client.
#include <features.h>
#undef __GLIBC_USE_DEPRECATED_SCANF
#define __GLIBC_USE_DEPRECATED_SCANF 1
#undef __GLIBC_USE_C2X_STRTOL
#define __GLIBC_USE_C2X_STRTOL 0
#undef __GLIBC_USE_C23_STRTOL
#define __GLIBC_USE_C23_STRTOL 0

// Memory.
#pragma redefine_extname malloc belay_crt_malloc
#pragma redefine_extname calloc belay_crt_calloc
#pragma redefine_extname realloc belay_crt_realloc
#pragma redefine_extname free belay_crt_free
#pragma redefine_extname strdup belay_crt_strdup
#pragma redefine_extname memcpy belay_crt_memcpy
#pragma redefine_extname memmove belay_crt_memmove
#pragma redefine_extname memset belay_crt_memset
#pragma redefine_extname memcmp belay_crt_memcmp

// The process.
#pragma redefine_extname exit belay_crt_exit
#pragma redefine_extname abort belay_crt_abort
#pragma redefine_extname atexit belay_crt_atexit
#pragma redefine_extname getenv belay_crt_getenv
#pragma redefine_extname rand belay_crt_rand
#pragma redefine_extname srand belay_crt_srand
#pragma redefine_extname time belay_crt_time
#pragma redefine_extname clock belay_crt_clock
#pragma redefine_extname strtok belay_crt_strtok
#pragma redefine_extname __assert_fail belay_crt___assert_fail

// Printing.
#pragma redefine_extname printf belay_crt_printf
#pragma redefine_extname vprintf belay_crt_vprintf
#pragma redefine_extname fprintf belay_crt_fprintf
#pragma redefine_extname vfprintf belay_crt_vfprintf
#pragma redefine_extname sprintf belay_crt_sprintf
#pragma redefine_extname vsprintf belay_crt_vsprintf
#pragma redefine_extname snprintf belay_crt_snprintf
#pragma redefine_extname vsnprintf belay_crt_vsnprintf
#pragma redefine_extname puts belay_crt_puts
#pragma redefine_extname putchar belay_crt_putchar
#pragma redefine_extname fputs belay_crt_fputs
#pragma redefine_extname fputc belay_crt_fputc
#pragma redefine_extname putc belay_crt_putc
#pragma redefine_extname fwrite belay_crt_fwrite
#pragma redefine_extname perror belay_crt_perror

// The ones that Belay's own drivers have, too, with other ends.
#pragma redefine_extname sprintf_s belay_crt_sprintf_s
#pragma redefine_extname swprintf_s belay_crt_swprintf_s
#pragma redefine_extname _snprintf belay_crt__snprintf
#pragma redefine_extname _vsnprintf belay_crt__vsnprintf
#pragma redefine_extname _snwprintf belay_crt__snwprintf
#pragma redefine_extname _vsnwprintf belay_crt__vsnwprintf

// Wide printing.
#pragma redefine_extname wprintf belay_crt_wprintf
#pragma redefine_extname vwprintf belay_crt_vwprintf
#pragma redefine_extname fwprintf belay_crt_fwprintf
#pragma redefine_extname vfwprintf belay_crt_vfwprintf
#pragma redefine_extname swprintf belay_crt_swprintf
#pragma redefine_extname vswprintf belay_crt_vswprintf
#pragma redefine_extname fputws belay_crt_fputws
#pragma redefine_extname fputwc belay_crt_fputwc
#pragma redefine_extname putwc belay_crt_putwc
#pragma redefine_extname putwchar belay_crt_putwchar

// Reading.
#pragma redefine_extname getchar belay_crt_getchar
#pragma redefine_extname fgetc belay_crt_fgetc
#pragma redefine_extname getc belay_crt_getc
#pragma redefine_extname fgets belay_crt_fgets
#pragma redefine_extname fread belay_crt_fread
#pragma redefine_extname scanf belay_crt_scanf
#pragma redefine_extname vscanf belay_crt_vscanf
#pragma redefine_extname fscanf belay_crt_fscanf
#pragma redefine_extname vfscanf belay_crt_vfscanf
#pragma redefine_extname sscanf belay_crt_sscanf
#pragma redefine_extname vsscanf belay_crt_vsscanf
#pragma redefine_extname fgetws belay_crt_fgetws
#pragma redefine_extname wscanf belay_crt_wscanf
#pragma redefine_extname swscanf belay_crt_swscanf

// Wide strings.
#pragma redefine_extname wcslen belay_crt_wcslen
#pragma redefine_extname wcsnlen belay_crt_wcsnlen
#pragma redefine_extname wcscpy belay_crt_wcscpy
#pragma redefine_extname wcsncpy belay_crt_wcsncpy
#pragma redefine_extname wcscat belay_crt_wcscat
#pragma redefine_extname wcsncat belay_crt_wcsncat
#pragma redefine_extname wcscmp belay_crt_wcscmp
#pragma redefine_extname wcsncmp belay_crt_wcsncmp
#pragma redefine_extname wcsspn belay_crt_wcsspn
#pragma redefine_extname wcscspn belay_crt_wcscspn
#pragma redefine_extname wcstok belay_crt_wcstok
#pragma redefine_extname wcsdup belay_crt_wcsdup
#pragma redefine_extname wcscasecmp belay_crt_wcscasecmp
#pragma redefine_extname wcsncasecmp belay_crt_wcsncasecmp
#pragma redefine_extname wcstol belay_crt_wcstol
#pragma redefine_extname wcstoul belay_crt_wcstoul
#pragma redefine_extname wcstoll belay_crt_wcstoll
#pragma redefine_extname wcstoull belay_crt_wcstoull
#pragma redefine_extname mbstowcs belay_crt_mbstowcs
#pragma redefine_extname wcstombs belay_crt_wcstombs
#pragma redefine_extname wmemcpy belay_crt_wmemcpy
#pragma redefine_extname wmemmove belay_crt_wmemmove
#pragma redefine_extname wmemset belay_crt_wmemset
#pragma redefine_extname wmemcmp belay_crt_wmemcmp

// In C++ these have two forms each, and glibc names them itself: see wchar.h.
#ifndef __cplusplus
#pragma redefine_extname wcschr belay_crt_wcschr
#pragma redefine_extname wcsrchr belay_crt_wcsrchr
#pragma redefine_extname wcsstr belay_crt_wcsstr
#pragma redefine_extname wcspbrk belay_crt_wcspbrk
#pragma redefine_extname wmemchr belay_crt_wmemchr
#endif

// Microsoft's compilers take any parameters and any result of main. GCC takes them, too, in C;
// Clang only of a function of another name. (Then an `int main` without a return statement returns
// anything.)
#if defined(__clang__) && !defined(__cplusplus)
#pragma redefine_extname belay_client_main main
#define main belay_client_main
#endif

#endif
