// A whole program in C++ with a wide main; what it returns is its exit code.
#include <stdio.h>
#include <tchar.h>
#include <windows.h>

int wmain(int argc, wchar_t* argv[]) {
  for (int i = 1; i < argc; ++i) wprintf(L"%d %s\n", i, argv[i]);
  WCHAR copy[16];
  swprintf_s(copy, L"%lu", GetCurrentThreadId() != 0 ? 5UL : 0UL);
  wprintf(L"wide %s\nbye\n", copy);
  return argc;
}
