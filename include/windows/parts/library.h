// Belay's own text. How a function of the C library is redefined inline, as glibc's fortified ones
// are.

#ifndef BELAY_WINDOWS_PARTS_LIBRARY_H_
#define BELAY_WINDOWS_PARTS_LIBRARY_H_

#ifdef __cplusplus
#define BELAY_LIBRARY_NOTHROW_ noexcept(true)
#else
#define BELAY_LIBRARY_NOTHROW_
#endif
#define BELAY_LIBRARY_INLINE_ \
  extern __inline__ __attribute__((__gnu_inline__, __always_inline__, __artificial__))

#endif
