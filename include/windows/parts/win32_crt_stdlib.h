// Belay's own text. Numbers as text, memory, the environment, as Windows has them.

#ifndef BELAY_WINDOWS_PARTS_WIN32_CRT_STDLIB_H_
#define BELAY_WINDOWS_PARTS_WIN32_CRT_STDLIB_H_

#include "win32_crt.h"

#ifndef __max
#define __max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#ifndef __min
#define __min(a, b) (((a) < (b)) ? (a) : (b))
#endif

#ifdef __cplusplus
extern "C" {
#endif

_CRTIMP char* _itoa(int value, char* buffer, int radix);
_CRTIMP char* _ltoa(int value, char* buffer, int radix);
_CRTIMP char* _ultoa(unsigned int value, char* buffer, int radix);
_CRTIMP char* _i64toa(long long value, char* buffer, int radix);
_CRTIMP char* _ui64toa(unsigned long long value, char* buffer, int radix);
_CRTIMP wchar_t* _itow(int value, wchar_t* buffer, int radix);
_CRTIMP errno_t _itoa_s(int value, char* buffer, size_t size, int radix);
_CRTIMP errno_t _ultoa_s(unsigned int value, char* buffer, size_t size, int radix);
_CRTIMP errno_t _i64toa_s(long long value, char* buffer, size_t size, int radix);
_CRTIMP errno_t _ui64toa_s(unsigned long long value, char* buffer, size_t size, int radix);
_CRTIMP errno_t _itow_s(int value, wchar_t* buffer, size_t size, int radix);
_CRTIMP int _wtoi(const wchar_t* text);
_CRTIMP int _wtol(const wchar_t* text);
_CRTIMP long long _wtoi64(const wchar_t* text);
_CRTIMP unsigned long long _wcstoui64(const wchar_t* text, wchar_t** end, int base);
_CRTIMP long long _wcstoi64(const wchar_t* text, wchar_t** end, int base);
#define _atoi64 atoll
#define _strtoi64 strtoll
#define _strtoui64 strtoull

_CRTIMP errno_t mbstowcs_s(size_t* converted, wchar_t* buffer, size_t size, const char* text,
                           size_t count);
_CRTIMP errno_t wcstombs_s(size_t* converted, char* buffer, size_t size, const wchar_t* text,
                           size_t count);

_CRTIMP size_t _msize(void* block);
_CRTIMP void* _recalloc(void* block, size_t count, size_t size);
_CRTIMP void* _aligned_malloc(size_t size, size_t alignment);
_CRTIMP void _aligned_free(void* block);

/// A number that is hard to guess; in explored programs one of a fixed sequence.
_CRTIMP errno_t rand_s(unsigned int* value);
_CRTIMP errno_t getenv_s(size_t* needed, char* buffer, size_t size, const char* name);
_CRTIMP errno_t _dupenv_s(char** buffer, size_t* size, const char* name);

_CRTIMP int* __p___argc(void);
_CRTIMP char*** __p___argv(void);
_CRTIMP wchar_t*** __p___wargv(void);
#define __argc (*__p___argc())
#define __argv (*__p___argv())
#define __wargv (*__p___wargv())

#define _rotl(value, shift) BelayRotateLeft_((value), (shift))
#define _rotr(value, shift) BelayRotateLeft_((value), -(shift))
static FORCEINLINE unsigned int BelayRotateLeft_(unsigned int value, int shift) {
  return (value << (shift & 31)) | (value >> (-shift & 31));
}
#define _byteswap_ushort(value) __builtin_bswap16(value)
#define _byteswap_ulong(value) __builtin_bswap32(value)
#define _byteswap_uint64(value) __builtin_bswap64(value)

#ifdef __cplusplus
}
#endif

#endif
