// Belay's own text. What Microsoft's compiler takes as keywords, spelled for GCC and Clang.
//
// Guests are compiled with -fms-extensions -fshort-wchar. Under these Clang knows some of the names
// below itself; the macros give both compilers the same meaning.

#ifndef BELAY_WINDOWS_PARTS_COMPILER_H_
#define BELAY_WINDOWS_PARTS_COMPILER_H_

#if !defined(__x86_64__) || !defined(__LP64__)
#error "These headers describe x64: compile for x86-64 with 64-bit pointers."
#endif
#if __SIZEOF_WCHAR_T__ != 2
#error "Windows strings are 16 bits wide: compile with -fshort-wchar (belay cc does)."
#endif

#ifndef _WIN64
#define _WIN64 1
#endif
#ifndef _AMD64_
#define _AMD64_ 1
#endif
#ifndef _M_AMD64
#define _M_AMD64 100
#endif
#ifndef _M_X64
#define _M_X64 100
#endif
#ifndef DBG
#define DBG 0
#endif

// Integers.
#undef __int8
#undef __int16
#undef __int32
#undef __int64
#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long long

// Calling conventions: x64 has one, and so has Linux. Guests and Belay use Linux's.
#undef __cdecl
#undef __stdcall
#undef __fastcall
#undef __thiscall
#undef __vectorcall
#undef _cdecl
#undef _stdcall
#undef _fastcall
#define __cdecl
#define __stdcall
#define __fastcall
#define __thiscall
#define __vectorcall
#define _cdecl
#define _stdcall
#define _fastcall

// Pointer qualifiers.
#undef __unaligned
#undef __ptr32
#undef __ptr64
#undef __sptr
#undef __uptr
#undef __w64
#define __unaligned
#define __ptr32
#define __ptr64
#define __sptr
#define __uptr
#define __w64

// Inlining. Neither carries a storage class, so that `static` may stand before it. In C an inline
// function without a storage class has no body outside of the caller, hence always_inline.
#undef __forceinline
#define __forceinline __inline__ __attribute__((__always_inline__))
#ifndef __cplusplus
#undef __inline
#undef _inline
#define __inline __inline__ __attribute__((__always_inline__))
#define _inline __inline
#endif

// __declspec(x) for the x that matter; all others are dropped.
#undef __declspec
#define __declspec(x) BELAY_DECLSPEC_(x)
#define BELAY_DECLSPEC_(x) BELAY_DECLSPEC_##x
#define BELAY_DECLSPEC_align(n) __attribute__((__aligned__(n)))
#define BELAY_DECLSPEC_allocate(name)
#define BELAY_DECLSPEC_allocator
#define BELAY_DECLSPEC_code_seg(name)
#define BELAY_DECLSPEC_deprecated __attribute__((__deprecated__))
#define BELAY_DECLSPEC_dllexport __attribute__((__visibility__("default")))
#define BELAY_DECLSPEC_dllimport
#define BELAY_DECLSPEC_empty_bases
#define BELAY_DECLSPEC_guard(x)
#define BELAY_DECLSPEC_naked __attribute__((__naked__))
#define BELAY_DECLSPEC_noalias
#define BELAY_DECLSPEC_noinline __attribute__((__noinline__))
#define BELAY_DECLSPEC_noreturn __attribute__((__noreturn__))
#define BELAY_DECLSPEC_nothrow __attribute__((__nothrow__))
#define BELAY_DECLSPEC_novtable
#define BELAY_DECLSPEC_restrict
#define BELAY_DECLSPEC_safebuffers
#define BELAY_DECLSPEC_selectany __attribute__((__weak__))
#define BELAY_DECLSPEC_thread __thread
#define BELAY_DECLSPEC_uuid(id)

#define DECLSPEC_ALIGN(n) __attribute__((__aligned__(n)))
#define DECLSPEC_CACHEALIGN DECLSPEC_ALIGN(64)
#define DECLSPEC_DEPRECATED_DDK
#define DECLSPEC_EXPORT __attribute__((__visibility__("default")))
#define DECLSPEC_IMPORT
#define DECLSPEC_NOINLINE __attribute__((__noinline__))
#define DECLSPEC_NORETURN __attribute__((__noreturn__))
#define DECLSPEC_NOTHROW __attribute__((__nothrow__))
#define DECLSPEC_NOVTABLE
#define DECLSPEC_RESTRICT
#define DECLSPEC_SELECTANY __attribute__((__weak__))
#define DECLSPEC_UUID(id)

#ifndef FORCEINLINE
#define FORCEINLINE __forceinline
#endif
#ifndef CFORCEINLINE
#define CFORCEINLINE FORCEINLINE
#endif
#ifndef STRICT_GS_CHECK_ENABLED
#define DECLSPEC_GUARDNOCF
#define DECLSPEC_SAFEBUFFERS
#endif

#ifdef __cplusplus
#define EXTERN_C extern "C"
#define EXTERN_C_START extern "C" {
#define EXTERN_C_END }
#else
#define EXTERN_C extern
#define EXTERN_C_START
#define EXTERN_C_END
#endif

// Functions and data that Belay exports. The attribute serves the side that defines them.
#define NTKERNELAPI __attribute__((__visibility__("default")))
#define NTSYSAPI NTKERNELAPI
#define NTSYSCALLAPI NTKERNELAPI
#define NTHALAPI NTKERNELAPI
#define NTAPI __stdcall
#define FASTCALL __fastcall

// Directives inside of code: warnings of another compiler.
#ifndef __pragma  // Clang has its own
#define __pragma(...)
#endif

// Hints and intrinsics.
#ifdef __clang__
#define __assume(condition) __builtin_assume(condition)
#else
#define __assume(condition) ((void)0)
#define __noop(...) ((void)0)
#endif
#undef _ReturnAddress
#define _ReturnAddress() __builtin_return_address(0)
#define UNALIGNED
#define UNALIGNED64
#define RESTRICTED_POINTER

#endif
