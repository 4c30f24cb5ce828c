// Belay's own text. Arithmetic and conversions that report overflow.
//
// On overflow the result is all ones and the status STATUS_INTEGER_OVERFLOW.

#ifndef BELAY_WINDOWS_NTINTSAFE_H_
#define BELAY_WINDOWS_NTINTSAFE_H_

#include "ntdef.h"
#include "ntstatus.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BELAY_SAFE_OP_(name, type, builtin)                               \
  static FORCEINLINE NTSTATUS name(type left, type right, type* result) { \
    if (!builtin(left, right, result)) return STATUS_SUCCESS;             \
    *result = (type) ~(type)0;                                            \
    return STATUS_INTEGER_OVERFLOW;                                       \
  }
#define BELAY_SAFE_UNSIGNED_(name, type)                       \
  BELAY_SAFE_OP_(Rtl##name##Add, type, __builtin_add_overflow) \
  BELAY_SAFE_OP_(Rtl##name##Sub, type, __builtin_sub_overflow) \
  BELAY_SAFE_OP_(Rtl##name##Mult, type, __builtin_mul_overflow)

BELAY_SAFE_UNSIGNED_(UInt8, UCHAR)
BELAY_SAFE_UNSIGNED_(UShort, USHORT)
BELAY_SAFE_UNSIGNED_(UInt, UINT)
BELAY_SAFE_UNSIGNED_(ULong, ULONG)
BELAY_SAFE_UNSIGNED_(ULongLong, ULONGLONG)
BELAY_SAFE_UNSIGNED_(ULongPtr, ULONG_PTR)
BELAY_SAFE_UNSIGNED_(SIZET, SIZE_T)
BELAY_SAFE_UNSIGNED_(Long, LONG)
BELAY_SAFE_UNSIGNED_(LongLong, LONGLONG)
#undef BELAY_SAFE_UNSIGNED_
#undef BELAY_SAFE_OP_
#define RtlSizeTAdd RtlSIZETAdd
#define RtlSizeTSub RtlSIZETSub
#define RtlSizeTMult RtlSIZETMult
#define RtlUIntPtrAdd RtlULongPtrAdd
#define RtlUIntPtrSub RtlULongPtrSub
#define RtlUIntPtrMult RtlULongPtrMult
#define RtlUInt32Add RtlUIntAdd
#define RtlUInt64Add RtlULongLongAdd

#define BELAY_SAFE_CONVERSION_(name, from, to)                            \
  static FORCEINLINE NTSTATUS name(from value, to* result) {              \
    if (!__builtin_add_overflow(value, 0, result)) return STATUS_SUCCESS; \
    *result = (to) ~(to)0;                                                \
    return STATUS_INTEGER_OVERFLOW;                                       \
  }

BELAY_SAFE_CONVERSION_(RtlULongToUShort, ULONG, USHORT)
BELAY_SAFE_CONVERSION_(RtlULongToUChar, ULONG, UCHAR)
BELAY_SAFE_CONVERSION_(RtlULongToLong, ULONG, LONG)
BELAY_SAFE_CONVERSION_(RtlLongToULong, LONG, ULONG)
BELAY_SAFE_CONVERSION_(RtlLongToUShort, LONG, USHORT)
BELAY_SAFE_CONVERSION_(RtlULongLongToULong, ULONGLONG, ULONG)
BELAY_SAFE_CONVERSION_(RtlULongLongToUShort, ULONGLONG, USHORT)
BELAY_SAFE_CONVERSION_(RtlULongLongToLong, ULONGLONG, LONG)
BELAY_SAFE_CONVERSION_(RtlULongLongToLongLong, ULONGLONG, LONGLONG)
BELAY_SAFE_CONVERSION_(RtlLongLongToULong, LONGLONG, ULONG)
BELAY_SAFE_CONVERSION_(RtlLongLongToLong, LONGLONG, LONG)
BELAY_SAFE_CONVERSION_(RtlLongLongToULongLong, LONGLONG, ULONGLONG)
BELAY_SAFE_CONVERSION_(RtlSIZETToULong, SIZE_T, ULONG)
BELAY_SAFE_CONVERSION_(RtlSIZETToUShort, SIZE_T, USHORT)
BELAY_SAFE_CONVERSION_(RtlULongLongToSIZET, ULONGLONG, SIZE_T)
BELAY_SAFE_CONVERSION_(RtlULongPtrToULong, ULONG_PTR, ULONG)
#undef BELAY_SAFE_CONVERSION_
#define RtlSizeTToULong RtlSIZETToULong
#define RtlSizeTToUShort RtlSIZETToUShort

#ifdef __cplusplus
}
#endif

#endif
