#!/bin/sh
# Compares Belay's driver headers with those of mingw-w64: sizes, offsets, values.
#
#   abi_check.sh C_COMPILER INCLUDE_DIR WORK_DIR [clang]
#
# Exit status: 0 they agree, 1 they do not, 77 clang or the other headers are not installed.
set -eu
cc=$1
include=$2
work=$3
clang=${4:-clang-19}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
other=/usr/share/mingw-w64/include

if ! command -v "$clang" >/dev/null 2>&1; then
  echo "skipped: $clang is not installed"
  exit 77
fi
if [ ! -f "$other/ddk/ntifs.h" ]; then
  echo "skipped: $other/ddk/ntifs.h is not installed (package mingw-w64-common)"
  exit 77
fi

mkdir -p "$work"
flags="-std=gnu11 -fshort-wchar -fms-extensions -DDBG=1 -Wno-unknown-pragmas -Wno-multichar"
against="--target=x86_64-w64-mingw32 -std=gnu11 -fms-extensions -w -ferror-limit=0
  -D_WIN32_WINNT=0x0A00 -DNTDDI_VERSION=0x0A00000C -DDBG=1
  -isystem $other -isystem $other/ddk"
printf '#include <ntifs.h>\n' >"$work/all.c"

kinds='STATUS_|IRP_|IO_TYPE_|SL_|DO_|FO_|DRVO_|FILE_|METHOD_|IO_[A-Z_]*INCREMENT|EVENT_|SEMAPHORE_'
kinds="$kinds|MUTANT_|THREAD_|PROCESS_|DIRECTORY_|SYMBOLIC_|KEY_|REG_|OBJ_|MDL_|POOL_|PNP_|VPB_"
kinds="$kinds|FAST_FAIL_|FM_|PLUGPLAY_|WMIREG_|RTL_(REG|QUERY)|DPFLTR_|DUPLICATE_|GENERIC_"
kinds="$kinds|STANDARD_"
kinds="$kinds|SPECIFIC_|ACCESS_|MAXIMUM_|Cm|CM_|PAGE_S|MEMORY_|SYSTEM_C|[A-Z]*_LEVEL"
kinds="$kinds|[A-Z_]*_PRIORITY"
kinds="$kinds|DELETE|READ_CONTROL|WRITE_|SYNCHRONIZE|MAX|MIN|UNICODE_STRING_|EX_"
kinds="$kinds|[A-Z]*_SECURITY_INF"
kinds="$kinds|PORT_|ERROR_LOG|DBG_"

# Every macro of ours with one of these prefixes that stands for a number, if the other side has it.
"$cc" $flags -isystem "$include" -dM -E "$work/all.c" |
  awk -v kinds="$kinds" '$2 ~ "^(" kinds ")" && $2 !~ /\(/ && NF > 2 { print $2 }' |
  grep -v -E '^DBG_UNREFERENCED' | LC_ALL=C sort -u >"$work/names"
"$clang" $against -dM -E "$work/all.c" | awk '{ sub(/\(.*/, "", $2); print $2 }' |
  LC_ALL=C sort -u >"$work/other_names"
sed -n 's/^VALUE_IS(\([A-Za-z0-9_]*\),.*/\1/p' "$here/abi_exceptions.inc" | LC_ALL=C sort -u \
  >"$work/excepted"
LC_ALL=C comm -12 "$work/names" "$work/other_names" | LC_ALL=C comm -23 - "$work/excepted" |
  sed 's/.*/VALUE(&)/' >"$work/abi_macros.inc"
LC_ALL=C comm -23 "$work/names" "$work/other_names" | LC_ALL=C comm -23 - "$work/excepted" \
  >"$work/unknown"

if [ -s "$work/unknown" ]; then
  echo "FAILED: neither known to the other headers nor in abi_exceptions.inc:"
  cat "$work/unknown"
  exit 1
fi

"$cc" $flags -isystem "$include" -I "$work" -I "$here" "$here/abi_emit.c" -o "$work/abi_emit"
{
  printf '#include <ntifs.h>\n#include <csq.h>\n'
  "$work/abi_emit"
} >"$work/abi_assert.c"
if ! "$clang" $against -fsyntax-only "$work/abi_assert.c" 2>"$work/log"; then
  grep -E 'error:' "$work/log" | head -200
  echo "FAILED: $(grep -c 'error:' "$work/log") of $(grep -c _Static_assert "$work/abi_assert.c")"
  exit 1
fi
echo "agree: $(grep -c sizeof "$work/abi_assert.c") sizes," \
  "$(grep -c offsetof "$work/abi_assert.c") offsets," \
  "$(grep -c 'long long' "$work/abi_assert.c") values;" \
  "$(grep -c '_IS(' "$here/abi_exceptions.inc") exceptions"
