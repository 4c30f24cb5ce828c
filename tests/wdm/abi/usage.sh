#!/bin/sh
# Compiles usage.c as C and usage.cpp as C++ with the flags of a guest. No warning may come, no
# memory function of the C library may be called, and what is imported must be declared exports.
#
#   usage.sh INCLUDE_DIR COMPILER...
#
# Exit status: 0 all is well, 1 not, 77 none of the compilers is installed.
set -u
include=$1
shift
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
tried=0
for compiler in "$@"; do
  command -v "$compiler" >/dev/null 2>&1 || continue
  for source in c:gnu11:usage.c c++:gnu++20:usage.cpp; do
    for optimize in -O0 -O1 -O2; do
      tried=$((tried + 1))
      file=${source##*:}
      rest=${source#*:}
      "$compiler" -x "${source%%:*}" -std="${rest%%:*}" -c -fPIC -fshort-wchar -fms-extensions \
        -D_AMD64_ -D_M_AMD64 -D_WIN64 -DDBG=1 -fsanitize=thread "$optimize" -g -Wall -Werror \
        -Wno-unknown-pragmas -Wno-multichar -Wno-unused-function -I "$include" "$here/$file" \
        -o "$work/usage.o" || {
        echo "FAILED: $file with $compiler $optimize"
        failed=1
        continue
      }
      if nm -u "$work/usage.o" | grep -E ' (memcpy|memmove|memset|memcmp|wcs[a-z]*)$'; then
        echo "FAILED: $file with $compiler $optimize calls the C library"
        failed=1
      fi
    done
  done
done
[ "$tried" -gt 0 ] || exit 77
echo "$tried compilations"
exit $failed
