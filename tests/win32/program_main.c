// A whole program in C, as Microsoft's samples write main.
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

static void bye(void) { printf("bye\n"); }

VOID __cdecl main(_In_ ULONG argc, _In_reads_(argc) PCHAR argv[]) {
  DWORD i;
  atexit(bye);
  for (i = 1; i < argc; i++) printf("%lu %s\n", i, argv[i]);
  wprintf(L"%s %I64d\n", L"wide", 5LL);
  exit((int)argc);
}
