#!/bin/sh
# Compiles usage.c as C and usage.cpp as C++ with the flags of a client, narrow and UNICODE. No
# warning may come, and of the C library's functions only those may be called that mean the same
# there as on Windows.
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

printf '#include <windows.h>\nVOID __cdecl main(ULONG argc, PCHAR argv[]) {\n  (void)argc, (void)argv;\n}\n' \
  >"$work/void_main.c"

compile() { # compiler, language, standard, file, what else
  compiler=$1 language=$2 standard=$3 file=$4
  shift 4
  tried=$((tried + 1))
  "$compiler" -x "$language" -std="$standard" -c -fPIC -fshort-wchar -fms-extensions \
    -fsanitize=thread -g -Wall -Werror -Wno-unknown-pragmas -Wno-multichar -Wno-main \
    -isystem "$include" -include "$include/parts/client.h" -fno-builtin "$@" "$file" \
    -o "$work/usage.o" || {
    echo "FAILED: $file with $compiler $*"
    failed=1
    return
  }
  # What C++'s own headers say as __builtin_memcmp cannot be named otherwise, and means the same.
  if nm -u "$work/usage.o" | awk '{ print $2 }' | grep -v -x 'mem[a-z]*' |
    grep -x -f "$work/redirected"; then
    echo "FAILED: $file with $compiler $* calls the C library"
    failed=1
  fi
  if [ "$file" = "$work/void_main.c" ] && ! nm "$work/usage.o" | grep -q ' T main$'; then
    echo "FAILED: $compiler gives main another name"
    failed=1
  fi
}

sed -n 's/^#pragma redefine_extname \([^ ]*\) belay_crt_.*/\1/p' "$include/parts/client.h" \
  >"$work/redirected"
for compiler in "$@"; do
  command -v "$compiler" >/dev/null 2>&1 || continue
  for optimize in -O0 -O1 -O2; do
    compile "$compiler" c gnu11 "$here/usage.c" "$optimize"
    compile "$compiler" c gnu11 "$here/usage.c" "$optimize" -DUNICODE -D_UNICODE
    compile "$compiler" c++ gnu++20 "$here/usage.cpp" "$optimize"
  done
  compile "$compiler" c++ gnu++17 "$here/usage.cpp" -O1 -DUNICODE
  compile "$compiler" c gnu17 "$work/void_main.c" -O1
done
[ "$tried" -gt 0 ] || exit 77
echo "$tried compilations"
exit $failed
