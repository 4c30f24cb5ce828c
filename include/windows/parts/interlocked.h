// Belay's own text. Interlocked operations: inline, sequentially consistent, on the guest's memory.
//
// Each returns the old value, except Increment, Decrement, which return the new one. The names with
// a leading underscore (the compiler intrinsics of Windows) and those that promise less order
// (Acquire, Release, NoFence) mean the same operation.

#ifndef BELAY_WINDOWS_PARTS_INTERLOCKED_H_
#define BELAY_WINDOWS_PARTS_INTERLOCKED_H_

#include "../ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BELAY_INTERLOCKED_(suffix, type)                                                      \
  static FORCEINLINE type InterlockedIncrement##suffix(type volatile* Addend) {               \
    return (type)__atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);                             \
  }                                                                                           \
  static FORCEINLINE type InterlockedDecrement##suffix(type volatile* Addend) {               \
    return (type)__atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);                             \
  }                                                                                           \
  static FORCEINLINE type InterlockedExchange##suffix(type volatile* Target, type Value) {    \
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);                              \
  }                                                                                           \
  static FORCEINLINE type InterlockedExchangeAdd##suffix(type volatile* Addend, type Value) { \
    return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);                               \
  }                                                                                           \
  static FORCEINLINE type InterlockedAdd##suffix(type volatile* Addend, type Value) {         \
    return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST);                               \
  }                                                                                           \
  static FORCEINLINE type InterlockedCompareExchange##suffix(type volatile* Destination,      \
                                                             type Exchange, type Comparand) { \
    __atomic_compare_exchange_n(Destination, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST,       \
                                __ATOMIC_SEQ_CST);                                            \
    return Comparand;                                                                         \
  }                                                                                           \
  static FORCEINLINE type InterlockedAnd##suffix(type volatile* Destination, type Value) {    \
    return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST);                          \
  }                                                                                           \
  static FORCEINLINE type InterlockedOr##suffix(type volatile* Destination, type Value) {     \
    return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST);                           \
  }                                                                                           \
  static FORCEINLINE type InterlockedXor##suffix(type volatile* Destination, type Value) {    \
    return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST);                          \
  }

BELAY_INTERLOCKED_(, LONG)
BELAY_INTERLOCKED_(64, LONG64)
BELAY_INTERLOCKED_(16, SHORT)
BELAY_INTERLOCKED_(8, char)
#undef BELAY_INTERLOCKED_

static FORCEINLINE PVOID InterlockedExchangePointer(PVOID volatile* Target, PVOID Value) {
  return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}
static FORCEINLINE PVOID InterlockedCompareExchangePointer(PVOID volatile* Destination,
                                                           PVOID Exchange, PVOID Comparand) {
  __atomic_compare_exchange_n(Destination, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST,
                              __ATOMIC_SEQ_CST);
  return Comparand;
}

#ifndef __cplusplus
// Drivers pass the address of a typed pointer, which Microsoft's C takes without a word.
#define InterlockedExchangePointer(Target, Value) \
  InterlockedExchangePointer((PVOID volatile*)(Target), (PVOID)(Value))
#define InterlockedCompareExchangePointer(Destination, Exchange, Comparand)            \
  InterlockedCompareExchangePointer((PVOID volatile*)(Destination), (PVOID)(Exchange), \
                                    (PVOID)(Comparand))
#endif

// Bit tests return what the bit was.
static FORCEINLINE UCHAR InterlockedBitTestAndSet(LONG volatile* Base, LONG Bit) {
  LONG mask = (LONG)(1u << (Bit & 31));
  return (__atomic_fetch_or(Base + (Bit >> 5), mask, __ATOMIC_SEQ_CST) & mask) != 0;
}
static FORCEINLINE UCHAR InterlockedBitTestAndReset(LONG volatile* Base, LONG Bit) {
  LONG mask = (LONG)(1u << (Bit & 31));
  return (__atomic_fetch_and(Base + (Bit >> 5), ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}
static FORCEINLINE UCHAR InterlockedBitTestAndComplement(LONG volatile* Base, LONG Bit) {
  LONG mask = (LONG)(1u << (Bit & 31));
  return (__atomic_fetch_xor(Base + (Bit >> 5), mask, __ATOMIC_SEQ_CST) & mask) != 0;
}
static FORCEINLINE UCHAR InterlockedBitTestAndSet64(LONG64 volatile* Base, LONG64 Bit) {
  LONG64 mask = (LONG64)(1ull << (Bit & 63));
  return (__atomic_fetch_or(Base + (Bit >> 6), mask, __ATOMIC_SEQ_CST) & mask) != 0;
}
static FORCEINLINE UCHAR InterlockedBitTestAndReset64(LONG64 volatile* Base, LONG64 Bit) {
  LONG64 mask = (LONG64)(1ull << (Bit & 63));
  return (__atomic_fetch_and(Base + (Bit >> 6), ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

#define InterlockedExchangeAddSizeT(a, b) \
  ((SIZE_T)InterlockedExchangeAdd64((LONG64*)(a), (LONG64)(b)))
#define InterlockedIncrementSizeT(a) ((SIZE_T)InterlockedIncrement64((LONG64*)(a)))
#define InterlockedDecrementSizeT(a) ((SIZE_T)InterlockedDecrement64((LONG64*)(a)))

#define InterlockedIncrementAcquire InterlockedIncrement
#define InterlockedIncrementRelease InterlockedIncrement
#define InterlockedIncrementNoFence InterlockedIncrement
#define InterlockedIncrementAcquire64 InterlockedIncrement64
#define InterlockedIncrementRelease64 InterlockedIncrement64
#define InterlockedIncrementNoFence64 InterlockedIncrement64
#define InterlockedDecrementAcquire InterlockedDecrement
#define InterlockedDecrementRelease InterlockedDecrement
#define InterlockedDecrementNoFence InterlockedDecrement
#define InterlockedDecrementAcquire64 InterlockedDecrement64
#define InterlockedDecrementRelease64 InterlockedDecrement64
#define InterlockedDecrementNoFence64 InterlockedDecrement64
#define InterlockedExchangeAcquire InterlockedExchange
#define InterlockedExchangeRelease InterlockedExchange
#define InterlockedExchangeNoFence InterlockedExchange
#define InterlockedExchangeAcquire64 InterlockedExchange64
#define InterlockedExchangeRelease64 InterlockedExchange64
#define InterlockedExchangeNoFence64 InterlockedExchange64
#define InterlockedExchangeAddAcquire InterlockedExchangeAdd
#define InterlockedExchangeAddRelease InterlockedExchangeAdd
#define InterlockedExchangeAddNoFence InterlockedExchangeAdd
#define InterlockedExchangeAddAcquire64 InterlockedExchangeAdd64
#define InterlockedExchangeAddRelease64 InterlockedExchangeAdd64
#define InterlockedExchangeAddNoFence64 InterlockedExchangeAdd64
#define InterlockedCompareExchangeAcquire InterlockedCompareExchange
#define InterlockedCompareExchangeRelease InterlockedCompareExchange
#define InterlockedCompareExchangeNoFence InterlockedCompareExchange
#define InterlockedCompareExchangeAcquire64 InterlockedCompareExchange64
#define InterlockedCompareExchangeRelease64 InterlockedCompareExchange64
#define InterlockedCompareExchangeNoFence64 InterlockedCompareExchange64
#define InterlockedAndAcquire InterlockedAnd
#define InterlockedAndRelease InterlockedAnd
#define InterlockedAndNoFence InterlockedAnd
#define InterlockedAndAcquire64 InterlockedAnd64
#define InterlockedAndRelease64 InterlockedAnd64
#define InterlockedAndNoFence64 InterlockedAnd64
#define InterlockedOrAcquire InterlockedOr
#define InterlockedOrRelease InterlockedOr
#define InterlockedOrNoFence InterlockedOr
#define InterlockedOrAcquire64 InterlockedOr64
#define InterlockedOrRelease64 InterlockedOr64
#define InterlockedOrNoFence64 InterlockedOr64
#define InterlockedXorAcquire InterlockedXor
#define InterlockedXorRelease InterlockedXor
#define InterlockedXorNoFence InterlockedXor
#define InterlockedXorAcquire64 InterlockedXor64
#define InterlockedXorRelease64 InterlockedXor64
#define InterlockedXorNoFence64 InterlockedXor64
#define InterlockedExchangePointerAcquire InterlockedExchangePointer
#define InterlockedExchangePointerRelease InterlockedExchangePointer
#define InterlockedExchangePointerNoFence InterlockedExchangePointer
#define InterlockedCompareExchangePointerAcquire InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerRelease InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerNoFence InterlockedCompareExchangePointer
#define InterlockedAddAcquire InterlockedAdd
#define InterlockedAddRelease InterlockedAdd
#define InterlockedAddNoFence InterlockedAdd
#define InterlockedAddAcquire64 InterlockedAdd64
#define InterlockedAddRelease64 InterlockedAdd64
#define InterlockedAddNoFence64 InterlockedAdd64

#define _InterlockedIncrement InterlockedIncrement
#define _InterlockedIncrement64 InterlockedIncrement64
#define _InterlockedIncrement16 InterlockedIncrement16
#define _InterlockedIncrement8 InterlockedIncrement8
#define _InterlockedDecrement InterlockedDecrement
#define _InterlockedDecrement64 InterlockedDecrement64
#define _InterlockedDecrement16 InterlockedDecrement16
#define _InterlockedDecrement8 InterlockedDecrement8
#define _InterlockedExchange InterlockedExchange
#define _InterlockedExchange64 InterlockedExchange64
#define _InterlockedExchange16 InterlockedExchange16
#define _InterlockedExchange8 InterlockedExchange8
#define _InterlockedExchangeAdd InterlockedExchangeAdd
#define _InterlockedExchangeAdd64 InterlockedExchangeAdd64
#define _InterlockedExchangeAdd16 InterlockedExchangeAdd16
#define _InterlockedExchangeAdd8 InterlockedExchangeAdd8
#define _InterlockedCompareExchange InterlockedCompareExchange
#define _InterlockedCompareExchange64 InterlockedCompareExchange64
#define _InterlockedCompareExchange16 InterlockedCompareExchange16
#define _InterlockedCompareExchange8 InterlockedCompareExchange8
#define _InterlockedAnd InterlockedAnd
#define _InterlockedAnd64 InterlockedAnd64
#define _InterlockedAnd16 InterlockedAnd16
#define _InterlockedAnd8 InterlockedAnd8
#define _InterlockedOr InterlockedOr
#define _InterlockedOr64 InterlockedOr64
#define _InterlockedOr16 InterlockedOr16
#define _InterlockedOr8 InterlockedOr8
#define _InterlockedXor InterlockedXor
#define _InterlockedXor64 InterlockedXor64
#define _InterlockedXor16 InterlockedXor16
#define _InterlockedXor8 InterlockedXor8
#define _InterlockedExchangePointer InterlockedExchangePointer
#define _InterlockedCompareExchangePointer InterlockedCompareExchangePointer
#define _interlockedbittestandset InterlockedBitTestAndSet
#define _interlockedbittestandset64 InterlockedBitTestAndSet64
#define _interlockedbittestandreset InterlockedBitTestAndReset
#define _interlockedbittestandreset64 InterlockedBitTestAndReset64
#define _InterlockedAdd InterlockedAdd
#define _InterlockedAdd64 InterlockedAdd64

// Fences, and loads and stores that name their order.
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
static FORCEINLINE VOID KeMemoryBarrier(VOID) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
#ifndef __clang__
#pragma GCC diagnostic pop
#endif
#define KeMemoryBarrierWithoutFence() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define MemoryBarrier() KeMemoryBarrier()
#undef _ReadWriteBarrier
#undef _ReadBarrier
#undef _WriteBarrier
#define _ReadWriteBarrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define _ReadBarrier() __atomic_signal_fence(__ATOMIC_ACQUIRE)
#define _WriteBarrier() __atomic_signal_fence(__ATOMIC_RELEASE)

#define BELAY_READ_WRITE_(name, type)                                                    \
  static FORCEINLINE type Read##name##Acquire(type const volatile* Source) {             \
    return __atomic_load_n(Source, __ATOMIC_ACQUIRE);                                    \
  }                                                                                      \
  static FORCEINLINE type Read##name##NoFence(type const volatile* Source) {             \
    return __atomic_load_n(Source, __ATOMIC_RELAXED);                                    \
  }                                                                                      \
  static FORCEINLINE VOID Write##name##Release(type volatile* Destination, type Value) { \
    __atomic_store_n(Destination, Value, __ATOMIC_RELEASE);                              \
  }                                                                                      \
  static FORCEINLINE VOID Write##name##NoFence(type volatile* Destination, type Value) { \
    __atomic_store_n(Destination, Value, __ATOMIC_RELAXED);                              \
  }

BELAY_READ_WRITE_(Long, LONG)
BELAY_READ_WRITE_(ULong, ULONG)
BELAY_READ_WRITE_(Long64, LONG64)
BELAY_READ_WRITE_(ULong64, ULONG64)
BELAY_READ_WRITE_(Pointer, PVOID)
#undef BELAY_READ_WRITE_

#ifdef __cplusplus
}
#endif

#endif
