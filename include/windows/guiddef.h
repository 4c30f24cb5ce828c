// Belay's own text. GUID, how to name one, how to compare two.
//
// DEFINE_GUID declares a GUID; after #include <initguid.h> it defines it, weakly, so that several
// objects of one driver may.

#ifndef BELAY_WINDOWS_GUIDDEF_H_
#define BELAY_WINDOWS_GUIDDEF_H_

#include "parts/compiler.h"

#ifndef GUID_DEFINED
#define GUID_DEFINED
typedef struct _GUID {
  unsigned int Data1;
  unsigned short Data2;
  unsigned short Data3;
  unsigned char Data4[8];
} GUID;
#endif

typedef GUID* LPGUID;
typedef const GUID* LPCGUID;
typedef GUID IID, *LPIID;
typedef GUID CLSID, *LPCLSID;
typedef GUID FMTID, *LPFMTID;

#ifdef __cplusplus
#define REFGUID const GUID&
#define REFIID const IID&
#define REFCLSID const IID&
#define REFFMTID const IID&
#else
#define REFGUID const GUID*
#define REFIID const IID*
#define REFCLSID const IID*
#define REFFMTID const IID*
#endif

static FORCEINLINE int BelayGuidsEqual_(const GUID* left, const GUID* right) {
  int i;
  if (left->Data1 != right->Data1 || left->Data2 != right->Data2 || left->Data3 != right->Data3) {
    return 0;
  }
  for (i = 0; i < 8; i++) {
    if (left->Data4[i] != right->Data4[i]) return 0;
  }
  return 1;
}

#ifdef __cplusplus
static inline int IsEqualGUID(REFGUID left, REFGUID right) {
  return BelayGuidsEqual_(&left, &right);
}
static inline int InlineIsEqualGUID(REFGUID left, REFGUID right) {
  return BelayGuidsEqual_(&left, &right);
}
extern "C++" {
static inline bool operator==(REFGUID left, REFGUID right) {
  return BelayGuidsEqual_(&left, &right) != 0;
}
#if __cplusplus < 202002L
static inline bool operator!=(REFGUID left, REFGUID right) { return !(left == right); }
#endif
}
#else
#define IsEqualGUID(left, right) BelayGuidsEqual_((left), (right))
#define InlineIsEqualGUID(left, right) BelayGuidsEqual_((left), (right))
#endif
#define IsEqualIID(left, right) IsEqualGUID(left, right)
#define IsEqualCLSID(left, right) IsEqualGUID(left, right)
#define IsEqualFMTID(left, right) IsEqualGUID(left, right)

#endif

// Outside of the guard: <initguid.h> may come after the first inclusion.
#undef DEFINE_GUID
#ifdef INITGUID
#ifdef __cplusplus
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
  extern "C" DECLSPEC_SELECTANY const GUID name = {                  \
      (unsigned int)(l), w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}}
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
  DECLSPEC_SELECTANY const GUID name = {(unsigned int)(l), w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}}
#endif
#else
#define DEFINE_GUID(name, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) EXTERN_C const GUID name
#endif
#undef DEFINE_OLEGUID
#define DEFINE_OLEGUID(name, l, w1, w2) DEFINE_GUID(name, l, w1, w2, 0xC0, 0, 0, 0, 0, 0, 0, 0x46)
