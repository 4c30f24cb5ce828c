// Belay's own text. String functions that know how large the destination is.
//
// They always terminate what they write, and say STATUS_BUFFER_OVERFLOW if they had to cut it off.
// Cch counts characters, Cb bytes.

#ifndef BELAY_WINDOWS_NTSTRSAFE_H_
#define BELAY_WINDOWS_NTSTRSAFE_H_

#include <stdarg.h>

#include "ntdef.h"
#include "ntstatus.h"
#include "parts/wide.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NTSTRSAFE_MAX_CCH 2147483647
#define NTSTRSAFE_UNICODE_STRING_MAX_CCH (0xffff / sizeof(wchar_t))
#define NTSTRSAFEDDI static FORCEINLINE NTSTATUS
typedef char* NTSTRSAFE_PSTR;
typedef const char* NTSTRSAFE_PCSTR;
typedef wchar_t* NTSTRSAFE_PWSTR;
typedef const wchar_t* NTSTRSAFE_PCWSTR;

// 8-bit characters.

static FORCEINLINE NTSTATUS RtlStringCchLengthA(NTSTRSAFE_PCSTR psz, size_t cchMax,
                                                size_t* pcchLength) {
  size_t length = 0;
  if (psz == NULL || cchMax > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;
  while (length < cchMax && psz[length] != 0) length++;
  if (pcchLength != NULL) *pcchLength = length < cchMax ? length : 0;
  return length < cchMax ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static FORCEINLINE NTSTATUS RtlStringCchCopyNA(NTSTRSAFE_PSTR pszDest, size_t cchDest,
                                               NTSTRSAFE_PCSTR pszSrc, size_t cchToCopy) {
  size_t i = 0;
  if (cchDest == 0 || cchDest > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;
  for (; i < cchDest && i < cchToCopy && pszSrc[i] != 0; i++) pszDest[i] = pszSrc[i];
  if (i < cchDest) {
    pszDest[i] = 0;
    return STATUS_SUCCESS;
  }
  pszDest[cchDest - 1] = 0;
  return STATUS_BUFFER_OVERFLOW;
}

static FORCEINLINE NTSTATUS RtlStringCchCopyA(NTSTRSAFE_PSTR pszDest, size_t cchDest,
                                              NTSTRSAFE_PCSTR pszSrc) {
  return RtlStringCchCopyNA(pszDest, cchDest, pszSrc, NTSTRSAFE_MAX_CCH);
}

static FORCEINLINE NTSTATUS RtlStringCchCatNA(NTSTRSAFE_PSTR pszDest, size_t cchDest,
                                              NTSTRSAFE_PCSTR pszSrc, size_t cchToAppend) {
  size_t length;
  NTSTATUS status = RtlStringCchLengthA(pszDest, cchDest, &length);
  if (!NT_SUCCESS(status)) return status;
  return RtlStringCchCopyNA(pszDest + length, cchDest - length, pszSrc, cchToAppend);
}

static FORCEINLINE NTSTATUS RtlStringCchCatA(NTSTRSAFE_PSTR pszDest, size_t cchDest,
                                             NTSTRSAFE_PCSTR pszSrc) {
  return RtlStringCchCatNA(pszDest, cchDest, pszSrc, NTSTRSAFE_MAX_CCH);
}

static FORCEINLINE NTSTATUS RtlStringCchVPrintfA(NTSTRSAFE_PSTR pszDest, size_t cchDest,
                                                 NTSTRSAFE_PCSTR pszFormat, va_list argList) {
  int written;
  if (cchDest == 0 || cchDest > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;
  written = _vsnprintf(pszDest, cchDest, pszFormat, argList);
  if (written >= 0 && (size_t)written < cchDest) return STATUS_SUCCESS;
  pszDest[cchDest - 1] = 0;
  return STATUS_BUFFER_OVERFLOW;
}

static __inline__ __attribute__((__unused__)) NTSTATUS RtlStringCchPrintfA(
    NTSTRSAFE_PSTR pszDest, size_t cchDest, NTSTRSAFE_PCSTR pszFormat, ...) {
  NTSTATUS status;
  va_list arguments;
  va_start(arguments, pszFormat);
  status = RtlStringCchVPrintfA(pszDest, cchDest, pszFormat, arguments);
  va_end(arguments);
  return status;
}

static FORCEINLINE NTSTATUS RtlStringCbLengthA(NTSTRSAFE_PCSTR psz, size_t cbMax,
                                               size_t* pcbLength) {
  NTSTATUS status = RtlStringCchLengthA(psz, cbMax / sizeof(*psz), pcbLength);
  if (pcbLength != NULL) *pcbLength *= sizeof(*psz);
  return status;
}

static FORCEINLINE NTSTATUS RtlStringCbCopyNA(NTSTRSAFE_PSTR pszDest, size_t cbDest,
                                              NTSTRSAFE_PCSTR pszSrc, size_t cbToCopy) {
  return RtlStringCchCopyNA(pszDest, cbDest / sizeof(*pszDest), pszSrc,
                            cbToCopy / sizeof(*pszDest));
}

static FORCEINLINE NTSTATUS RtlStringCbCopyA(NTSTRSAFE_PSTR pszDest, size_t cbDest,
                                             NTSTRSAFE_PCSTR pszSrc) {
  return RtlStringCchCopyA(pszDest, cbDest / sizeof(*pszDest), pszSrc);
}

static FORCEINLINE NTSTATUS RtlStringCbCatNA(NTSTRSAFE_PSTR pszDest, size_t cbDest,
                                             NTSTRSAFE_PCSTR pszSrc, size_t cbToAppend) {
  return RtlStringCchCatNA(pszDest, cbDest / sizeof(*pszDest), pszSrc,
                           cbToAppend / sizeof(*pszDest));
}

static FORCEINLINE NTSTATUS RtlStringCbCatA(NTSTRSAFE_PSTR pszDest, size_t cbDest,
                                            NTSTRSAFE_PCSTR pszSrc) {
  return RtlStringCchCatA(pszDest, cbDest / sizeof(*pszDest), pszSrc);
}

static FORCEINLINE NTSTATUS RtlStringCbVPrintfA(NTSTRSAFE_PSTR pszDest, size_t cbDest,
                                                NTSTRSAFE_PCSTR pszFormat, va_list argList) {
  return RtlStringCchVPrintfA(pszDest, cbDest / sizeof(*pszDest), pszFormat, argList);
}

static __inline__ __attribute__((__unused__)) NTSTATUS RtlStringCbPrintfA(NTSTRSAFE_PSTR pszDest,
                                                                          size_t cbDest,
                                                                          NTSTRSAFE_PCSTR pszFormat,
                                                                          ...) {
  NTSTATUS status;
  va_list arguments;
  va_start(arguments, pszFormat);
  status = RtlStringCbVPrintfA(pszDest, cbDest, pszFormat, arguments);
  va_end(arguments);
  return status;
}

// 16-bit characters.

static FORCEINLINE NTSTATUS RtlStringCchLengthW(NTSTRSAFE_PCWSTR psz, size_t cchMax,
                                                size_t* pcchLength) {
  size_t length = 0;
  if (psz == NULL || cchMax > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;
  while (length < cchMax && psz[length] != 0) length++;
  if (pcchLength != NULL) *pcchLength = length < cchMax ? length : 0;
  return length < cchMax ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static FORCEINLINE NTSTATUS RtlStringCchCopyNW(NTSTRSAFE_PWSTR pszDest, size_t cchDest,
                                               NTSTRSAFE_PCWSTR pszSrc, size_t cchToCopy) {
  size_t i = 0;
  if (cchDest == 0 || cchDest > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;
  for (; i < cchDest && i < cchToCopy && pszSrc[i] != 0; i++) pszDest[i] = pszSrc[i];
  if (i < cchDest) {
    pszDest[i] = 0;
    return STATUS_SUCCESS;
  }
  pszDest[cchDest - 1] = 0;
  return STATUS_BUFFER_OVERFLOW;
}

static FORCEINLINE NTSTATUS RtlStringCchCopyW(NTSTRSAFE_PWSTR pszDest, size_t cchDest,
                                              NTSTRSAFE_PCWSTR pszSrc) {
  return RtlStringCchCopyNW(pszDest, cchDest, pszSrc, NTSTRSAFE_MAX_CCH);
}

static FORCEINLINE NTSTATUS RtlStringCchCatNW(NTSTRSAFE_PWSTR pszDest, size_t cchDest,
                                              NTSTRSAFE_PCWSTR pszSrc, size_t cchToAppend) {
  size_t length;
  NTSTATUS status = RtlStringCchLengthW(pszDest, cchDest, &length);
  if (!NT_SUCCESS(status)) return status;
  return RtlStringCchCopyNW(pszDest + length, cchDest - length, pszSrc, cchToAppend);
}

static FORCEINLINE NTSTATUS RtlStringCchCatW(NTSTRSAFE_PWSTR pszDest, size_t cchDest,
                                             NTSTRSAFE_PCWSTR pszSrc) {
  return RtlStringCchCatNW(pszDest, cchDest, pszSrc, NTSTRSAFE_MAX_CCH);
}

static FORCEINLINE NTSTATUS RtlStringCchVPrintfW(NTSTRSAFE_PWSTR pszDest, size_t cchDest,
                                                 NTSTRSAFE_PCWSTR pszFormat, va_list argList) {
  int written;
  if (cchDest == 0 || cchDest > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;
  written = _vsnwprintf(pszDest, cchDest, pszFormat, argList);
  if (written >= 0 && (size_t)written < cchDest) return STATUS_SUCCESS;
  pszDest[cchDest - 1] = 0;
  return STATUS_BUFFER_OVERFLOW;
}

static __inline__ __attribute__((__unused__)) NTSTATUS RtlStringCchPrintfW(
    NTSTRSAFE_PWSTR pszDest, size_t cchDest, NTSTRSAFE_PCWSTR pszFormat, ...) {
  NTSTATUS status;
  va_list arguments;
  va_start(arguments, pszFormat);
  status = RtlStringCchVPrintfW(pszDest, cchDest, pszFormat, arguments);
  va_end(arguments);
  return status;
}

static FORCEINLINE NTSTATUS RtlStringCbLengthW(NTSTRSAFE_PCWSTR psz, size_t cbMax,
                                               size_t* pcbLength) {
  NTSTATUS status = RtlStringCchLengthW(psz, cbMax / sizeof(*psz), pcbLength);
  if (pcbLength != NULL) *pcbLength *= sizeof(*psz);
  return status;
}

static FORCEINLINE NTSTATUS RtlStringCbCopyNW(NTSTRSAFE_PWSTR pszDest, size_t cbDest,
                                              NTSTRSAFE_PCWSTR pszSrc, size_t cbToCopy) {
  return RtlStringCchCopyNW(pszDest, cbDest / sizeof(*pszDest), pszSrc,
                            cbToCopy / sizeof(*pszDest));
}

static FORCEINLINE NTSTATUS RtlStringCbCopyW(NTSTRSAFE_PWSTR pszDest, size_t cbDest,
                                             NTSTRSAFE_PCWSTR pszSrc) {
  return RtlStringCchCopyW(pszDest, cbDest / sizeof(*pszDest), pszSrc);
}

static FORCEINLINE NTSTATUS RtlStringCbCatNW(NTSTRSAFE_PWSTR pszDest, size_t cbDest,
                                             NTSTRSAFE_PCWSTR pszSrc, size_t cbToAppend) {
  return RtlStringCchCatNW(pszDest, cbDest / sizeof(*pszDest), pszSrc,
                           cbToAppend / sizeof(*pszDest));
}

static FORCEINLINE NTSTATUS RtlStringCbCatW(NTSTRSAFE_PWSTR pszDest, size_t cbDest,
                                            NTSTRSAFE_PCWSTR pszSrc) {
  return RtlStringCchCatW(pszDest, cbDest / sizeof(*pszDest), pszSrc);
}

static FORCEINLINE NTSTATUS RtlStringCbVPrintfW(NTSTRSAFE_PWSTR pszDest, size_t cbDest,
                                                NTSTRSAFE_PCWSTR pszFormat, va_list argList) {
  return RtlStringCchVPrintfW(pszDest, cbDest / sizeof(*pszDest), pszFormat, argList);
}

static __inline__ __attribute__((__unused__)) NTSTATUS RtlStringCbPrintfW(
    NTSTRSAFE_PWSTR pszDest, size_t cbDest, NTSTRSAFE_PCWSTR pszFormat, ...) {
  NTSTATUS status;
  va_list arguments;
  va_start(arguments, pszFormat);
  status = RtlStringCbVPrintfW(pszDest, cbDest, pszFormat, arguments);
  va_end(arguments);
  return status;
}

// Counted strings: never terminated.

static FORCEINLINE NTSTATUS BelayUnicodeStringPut_(PUNICODE_STRING destination, size_t at,
                                                   PCWSTR source, size_t count) {
  size_t room = destination->MaximumLength / sizeof(WCHAR);
  size_t i = 0;
  for (; i < count && at + i < room; i++) destination->Buffer[at + i] = source[i];
  destination->Length = (USHORT)((at + i) * sizeof(WCHAR));
  return i == count ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

static FORCEINLINE NTSTATUS RtlUnicodeStringInit(PUNICODE_STRING DestinationString,
                                                 NTSTRSAFE_PCWSTR pszSrc) {
  size_t length = pszSrc == NULL ? 0 : wcslen(pszSrc);
  if (length > NTSTRSAFE_UNICODE_STRING_MAX_CCH - 1) return STATUS_INVALID_PARAMETER;
  DestinationString->Length = (USHORT)(length * sizeof(WCHAR));
  DestinationString->MaximumLength = (USHORT)(pszSrc == NULL ? 0 : (length + 1) * sizeof(WCHAR));
  DestinationString->Buffer = (PWCH)pszSrc;
  return STATUS_SUCCESS;
}

static FORCEINLINE NTSTATUS RtlUnicodeStringCopy(PUNICODE_STRING DestinationString,
                                                 PCUNICODE_STRING SourceString) {
  return BelayUnicodeStringPut_(DestinationString, 0, SourceString->Buffer,
                                SourceString->Length / sizeof(WCHAR));
}

static FORCEINLINE NTSTATUS RtlUnicodeStringCopyString(PUNICODE_STRING DestinationString,
                                                       NTSTRSAFE_PCWSTR pszSrc) {
  return BelayUnicodeStringPut_(DestinationString, 0, pszSrc, wcslen(pszSrc));
}

static FORCEINLINE NTSTATUS RtlUnicodeStringCat(PUNICODE_STRING DestinationString,
                                                PCUNICODE_STRING SourceString) {
  return BelayUnicodeStringPut_(DestinationString, DestinationString->Length / sizeof(WCHAR),
                                SourceString->Buffer, SourceString->Length / sizeof(WCHAR));
}

static FORCEINLINE NTSTATUS RtlUnicodeStringCatString(PUNICODE_STRING DestinationString,
                                                      NTSTRSAFE_PCWSTR pszSrc) {
  return BelayUnicodeStringPut_(DestinationString, DestinationString->Length / sizeof(WCHAR),
                                pszSrc, wcslen(pszSrc));
}

static FORCEINLINE NTSTATUS RtlUnicodeStringVPrintf(PUNICODE_STRING DestinationString,
                                                    NTSTRSAFE_PCWSTR pszFormat, va_list argList) {
  size_t room = DestinationString->MaximumLength / sizeof(WCHAR);
  int written = _vsnwprintf(DestinationString->Buffer, room, pszFormat, argList);
  if (written < 0) {
    DestinationString->Length = (USHORT)(room * sizeof(WCHAR));
    return STATUS_BUFFER_OVERFLOW;
  }
  DestinationString->Length = (USHORT)((size_t)written * sizeof(WCHAR));
  return STATUS_SUCCESS;
}

static __inline__ __attribute__((__unused__)) NTSTATUS RtlUnicodeStringPrintf(
    PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszFormat, ...) {
  NTSTATUS status;
  va_list arguments;
  va_start(arguments, pszFormat);
  status = RtlUnicodeStringVPrintf(DestinationString, pszFormat, arguments);
  va_end(arguments);
  return status;
}

#ifdef __cplusplus
}
#endif

#endif
