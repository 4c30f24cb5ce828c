// The same program as C++, with the standard library before and after.

#include <cstdio>
#include <cstdlib>
#include <string>
//
#include "usage.c"
//
#include <algorithm>
#include <cwchar>
#include <memory>
#include <vector>

void use_of_the_library(const std::vector<int>& numbers) {
  std::printf("%zu\n", numbers.size());
  std::unique_ptr<void, decltype(&std::free)> block(std::malloc(8), &std::free);
  char text[8];
  strcpy_s(text, "short");
  sprintf_s(text, "%d", std::max(1, numbers.front()));
  wchar_t wide[8];
  swprintf_s(wide, L"%d", 5);
  if (std::wcslen(wide) == 1 && std::string(text) == "1") std::abort();
}
