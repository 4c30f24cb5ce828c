// Belay's own text. The version that resource scripts and a few sources ask for.

#ifndef BELAY_WINDOWS_NTVERP_H_
#define BELAY_WINDOWS_NTVERP_H_

#define VER_PRODUCTBUILD 10011
#define VER_PRODUCTBUILD_QFE 16384
#define VER_PRODUCTMAJORVERSION 10
#define VER_PRODUCTMINORVERSION 0
#define VER_PRODUCTVERSION_STR "10.0.10011.16384"

#endif
