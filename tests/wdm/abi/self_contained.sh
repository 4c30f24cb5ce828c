#!/bin/sh
# Compiles every driver header on its own, as C and as C++, with each compiler given.
#
#   self_contained.sh INCLUDE_DIR COMPILER...
#
# Exit status: 0 all compile, 1 one does not, 77 none of the compilers is installed.
set -u
include=$1
shift
failed=0
count=0
if [ ! -f "$include/wdm.h" ]; then
  echo "FAILED: no wdm.h in $include"
  exit 1
fi
for header in $(cd "$include" && find . -name '*.h' | sed 's,^\./,,' | LC_ALL=C sort); do
  for compiler in "$@"; do
    command -v "$compiler" >/dev/null 2>&1 || continue
    for language in c:gnu11 c++:gnu++20; do
      count=$((count + 1))
      # Twice, so that a header's guard is tried too.
      printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
        "$compiler" -x "${language%%:*}" -std="${language#*:}" -fshort-wchar -fms-extensions \
          -DDBG=1 -Wno-unknown-pragmas -Wno-multichar -Wall -Werror -I "$include" \
          -fsyntax-only - || {
        echo "FAILED: $header as ${language%%:*} with $compiler"
        failed=1
      }
    done
  done
done
[ "$count" -gt 0 ] || exit 77
echo "$count compilations"
exit $failed
