#!/bin/sh
# Compares Belay's headers for Windows programs with those of mingw-w64: sizes, offsets, values.
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
if [ ! -f "$other/windows.h" ]; then
  echo "skipped: $other/windows.h is not installed (package mingw-w64-common)"
  exit 77
fi

mkdir -p "$work"
flags="-std=gnu11 -fshort-wchar -fms-extensions -Wno-unknown-pragmas -Wno-multichar"
against="--target=x86_64-w64-mingw32 -std=gnu11 -fms-extensions -w -ferror-limit=0
  -D_WIN32_WINNT=0x0A00 -DNTDDI_VERSION=0x0A00000C -isystem $other"
printf '#include <%s>\n' windows.h winioctl.h strsafe.h cfgmgr32.h >"$work/all.c"

kinds='ERROR_|WAIT_|INFINITE|STD_|CTRL_|ENABLE_|SC_|SERVICE_|FILE_|GENERIC_|CREATE_|OPEN_|TRUNCATE_'
kinds="$kinds|HEAP_|LMEM_|GMEM_|LPTR|GPTR|MEM_|PAGE_|DUPLICATE_|HANDLE_FLAG|INVALID_|SECURITY_[AICDESV]"
kinds="$kinds|TLS_|FLS_|THREAD_|PROCESS_|EVENT_|MUTANT_|MUTEX_|SEMAPHORE_|TIMER_|IO_COMPLETION_"
kinds="$kinds|FORMAT_MESSAGE_|SEM_|MAX_PATH|MAXIMUM_|STILL_ACTIVE|STATUS_|DLL_|LANG_|SUBLANG_|CP_|MB_|WC_"
kinds="$kinds|STRSAFE_|E_|S_OK|S_FALSE|NO_ERROR|FACILITY_|SEVERITY_|CR_|CM_|METHOD_|STACK_SIZE"
kinds="$kinds|RTL_RUN|RTL_COND|INIT_ONCE_C|INIT_ONCE_A|CRITICAL_SECTION_|CONDITION_VARIABLE_L|DDD_"
kinds="$kinds|PROCESSOR_|STANDARD_|SPECIFIC_|DELETE|READ_CONTROL|WRITE_|SYNCHRONIZE|KEY_|REG_|COPY"

# Every macro of ours with one of these prefixes that stands for a number, if the other side has it.
"$cc" $flags -isystem "$include" -dM -E "$work/all.c" |
  awk -v kinds="$kinds" '$2 ~ "^(" kinds ")" && $2 !~ /\(/ && NF > 2 { print $2 }' |
  grep -v -x -E 'STRSAFEAPI|SERVICES_ACTIVE_DATABASE[AW]?|.*_INIT|CM_Get_.*|INVALID_HANDLE_VALUE|MB_CUR_MAX' | LC_ALL=C sort -u >"$work/names"
"$clang" $against -dM -E "$work/all.c" | awk '{ sub(/\(.*/, "", $2); print $2 }' |
  LC_ALL=C sort -u >"$work/other_names"
sed -n 's/^VALUE_IS(\([A-Za-z0-9_]*\),.*/\1/p' "$here/abi_exceptions.inc" | LC_ALL=C sort -u \
  >"$work/excepted"
LC_ALL=C comm -12 "$work/names" "$work/other_names" | LC_ALL=C comm -23 - "$work/excepted" |
  sed 's/.*/VALUE(&)/' >"$work/abi_macros.inc"

# Names of error codes that the other headers are too old for are many: the rest is listed.
LC_ALL=C comm -23 "$work/names" "$work/other_names" | LC_ALL=C comm -23 - "$work/excepted" |
  grep -v '^ERROR_' >"$work/unknown" || true
if [ -s "$work/unknown" ]; then
  echo "FAILED: neither known to the other headers nor in abi_exceptions.inc:"
  cat "$work/unknown"
  exit 1
fi

"$cc" $flags -isystem "$include" -I "$work" -I "$here" "$here/abi_emit.c" -o "$work/abi_emit"
{
  cat "$work/all.c"
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
