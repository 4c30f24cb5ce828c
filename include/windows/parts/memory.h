// Belay's own text. Bulk memory access: always a call, so that the runtime sees it.
//
// memcpy, memmove, memset and memcmp of a guest become the same calls: they are redefined here the
// way glibc's own fortified versions are, so <string.h> may come before or after. A guest must not
// be compiled with _FORTIFY_SOURCE (belay cc does not). Who implements the calls defines _NTOSKRNL_
// and keeps the library's own.

#ifndef BELAY_WINDOWS_PARTS_MEMORY_H_
#define BELAY_WINDOWS_PARTS_MEMORY_H_

#include <string.h>

#include "../ntdef.h"
#include "library.h"

#ifdef __cplusplus
extern "C" {
#endif

NTSYSAPI DECLSPEC_NOTHROW VOID NTAPI RtlCopyMemory(VOID* Destination, const VOID* Source,
                                                   SIZE_T Length);
NTSYSAPI DECLSPEC_NOTHROW VOID NTAPI RtlMoveMemory(VOID* Destination, const VOID* Source,
                                                   SIZE_T Length);
NTSYSAPI DECLSPEC_NOTHROW VOID NTAPI RtlFillMemory(VOID* Destination, SIZE_T Length, int Fill);
NTSYSAPI DECLSPEC_NOTHROW VOID NTAPI RtlZeroMemory(VOID* Destination, SIZE_T Length);
NTSYSAPI DECLSPEC_NOTHROW VOID NTAPI RtlCopyMemoryNonTemporal(VOID* Destination, const VOID* Source,
                                                              SIZE_T Length);
/// Returns the number of leading bytes that are equal.
NTSYSAPI DECLSPEC_NOTHROW SIZE_T NTAPI RtlCompareMemory(const VOID* Source1, const VOID* Source2,
                                                        SIZE_T Length);
NTSYSAPI SIZE_T NTAPI RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern);

#define RtlCopyBytes RtlCopyMemory
#define RtlZeroBytes RtlZeroMemory
#define RtlFillBytes RtlFillMemory
#define CopyMemory RtlCopyMemory
#define MoveMemory RtlMoveMemory
#define FillMemory RtlFillMemory
#define ZeroMemory RtlZeroMemory

static FORCEINLINE BOOLEAN RtlEqualMemory(const VOID* Source1, const VOID* Source2, SIZE_T Length) {
  return (BOOLEAN)(RtlCompareMemory(Source1, Source2, Length) == Length);
}

static FORCEINLINE PVOID RtlSecureZeroMemory(PVOID Destination, SIZE_T Length) {
  RtlZeroMemory(Destination, Length);
  return Destination;
}
#define SecureZeroMemory RtlSecureZeroMemory

#if !defined(_NTOSKRNL_) && (!defined(__USE_FORTIFY_LEVEL) || __USE_FORTIFY_LEVEL == 0)
BELAY_LIBRARY_INLINE_ void* memcpy(void* destination, const void* source,
                                   size_t length) BELAY_LIBRARY_NOTHROW_ {
  RtlCopyMemory(destination, source, length);
  return destination;
}
BELAY_LIBRARY_INLINE_ void* memmove(void* destination, const void* source,
                                    size_t length) BELAY_LIBRARY_NOTHROW_ {
  RtlMoveMemory(destination, source, length);
  return destination;
}
BELAY_LIBRARY_INLINE_ void* memset(void* destination, int fill,
                                   size_t length) BELAY_LIBRARY_NOTHROW_ {
  RtlFillMemory(destination, length, fill);
  return destination;
}
BELAY_LIBRARY_INLINE_ int memcmp(const void* left, const void* right,
                                 size_t length) BELAY_LIBRARY_NOTHROW_ {
  size_t same = RtlCompareMemory(left, right, length);
  if (same == length) return 0;
  return ((const unsigned char*)left)[same] - ((const unsigned char*)right)[same];
}
#endif

#ifdef __cplusplus
}
#endif

#endif
