// The C runtime as a program sees it: this file is compiled as programs are.
// GoogleTest comes before the Windows headers.
// clang-format off
#undef NDEBUG  // assert() is tested
#include "crt_fixture.hpp"

#include <windows.h>
// clang-format on

#include <conio.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strsafe.h>
#include <tchar.h>
#include <time.h>
#include <wchar.h>

namespace win32_tests {

namespace {

using std::string;

string narrow(const wchar_t* text) {
  string out;
  for (; *text != 0; ++text) out += static_cast<char>(*text);
  return out;
}

// Contract: WIN32-CRT-001
int invalid_calls = 0;
void count_invalid(const wchar_t*, const wchar_t*, const wchar_t*, unsigned, uintptr_t) {
  ++invalid_calls;
}

/// Breaches of the runtime's rules are counted instead of ending the program.
class secure_test : public crt_test {
 protected:
  void SetUp() override {
    crt_test::SetUp();
    invalid_calls = 0;
    _set_invalid_parameter_handler(&count_invalid);
  }
};

}  // namespace

TEST_F(crt_test, printf_speaks_windows_format_language) {
  DWORD number = 0xffffffff;
  EXPECT_EQ(printf("%lu %ld|", number, LONG{-1}), 14);
  printf("%I64d %I64x %Iu|", -5LL, 0x123456789abULL, static_cast<size_t>(7));
  printf("%ws %S %hs %ls|", L"wide", L"Capital", "narrow", L"long");
  UNICODE_STRING counted = {8, 8, const_cast<PWCH>(L"text!!")};
  printf("%wZ|%p|%08.3f|%+5d|%-5dx", &counted, reinterpret_cast<void*>(0x1a), 3.14159, 42, 7);
  EXPECT_EQ(printed,
            "4294967295 -1|-5 123456789ab 7|wide Capital narrow long|text|000000000000001A|"
            "0003.142|  +42|7    x");
}

TEST_F(crt_test, wprintf_takes_wide_strings_and_writes_utf8) {
  wprintf(L"%s %S %hs \x20ac %c\n", L"wide", "narrow", "too", L'\xe9');
  EXPECT_EQ(printed, "wide narrow too \xe2\x82\xac \xc3\xa9\n");
}

TEST_F(crt_test, narrow_text_passes_as_it_is) {
  printf("gr\xc3\xbc\xc3\x9f %s", "\xe2\x82\xac");
  puts("!");
  fputs("a", stderr);
  fprintf(stderr, "%d", 5);
  putchar('x');
  fputws(L"\xfc", stdout);
  EXPECT_EQ(printed, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac!\nx\xc3\xbc");
  EXPECT_EQ(complained, "a5");
}

TEST_F(crt_test, swprintf_is_bounded_and_16_bits_wide) {
  wchar_t text[8];
  EXPECT_EQ(swprintf(text, 8, L"%d-%s", 12, L"abc"), 6);
  EXPECT_EQ(narrow(text), "12-abc");
  EXPECT_EQ(swprintf(text, 4, L"%d", 123456), -1);
  EXPECT_EQ(narrow(text), "123");
}

TEST_F(crt_test, snprintf_counts_and_its_underscored_form_does_not_end) {
  char text[4] = {'z', 'z', 'z', 'z'};
  EXPECT_EQ(snprintf(text, 3, "%d", 12345), 5);
  EXPECT_STREQ(text, "12");
  EXPECT_EQ(_snprintf(text, 4, "abcd"), 4);
  EXPECT_EQ(string(text, 4), "abcd");
  EXPECT_EQ(_snprintf(text, 4, "abcde"), -1);
  EXPECT_EQ(_scprintf("%s", "hello"), 5);
}

TEST_F(secure_test, sprintf_s_empties_what_does_not_fit) {
  char text[6];
  EXPECT_EQ(sprintf_s(text, sizeof text, "%d", 12345), 5);
  EXPECT_EQ(sprintf_s(text, "%d", 54321), 5);
  EXPECT_STREQ(text, "54321");
  EXPECT_EQ(invalid_calls, 0);
  EXPECT_EQ(sprintf_s(text, 5, "%d", 12345), -1);
  EXPECT_STREQ(text, "");
  EXPECT_EQ(invalid_calls, 1);
  wchar_t wide[4];
  EXPECT_EQ(swprintf_s(wide, 4, L"abcd"), -1);
  EXPECT_EQ(wide[0], 0);
  EXPECT_EQ(invalid_calls, 2);
}

TEST_F(secure_test, snprintf_s_cuts_where_it_was_asked_to) {
  char text[4];
  EXPECT_EQ(_snprintf_s(text, 4, _TRUNCATE, "abcdef"), -1);
  EXPECT_STREQ(text, "abc");
  EXPECT_EQ(_snprintf_s(text, 4, 2, "abcdef"), -1);
  EXPECT_STREQ(text, "ab");
  EXPECT_EQ(_snprintf_s(text, 4, 3, "abc"), 3);
  EXPECT_EQ(invalid_calls, 0);
  EXPECT_EQ(_snprintf_s(text, 4, 10, "abcdef"), -1);
  EXPECT_STREQ(text, "");
  EXPECT_EQ(invalid_calls, 1);
}

TEST_F(secure_test, copies_know_their_destination) {
  char text[6];
  EXPECT_EQ(strcpy_s(text, "abc"), 0);
  EXPECT_EQ(strcat_s(text, sizeof text, "de"), 0);
  EXPECT_STREQ(text, "abcde");
  EXPECT_EQ(strcat_s(text, sizeof text, "f"), ERANGE);
  EXPECT_STREQ(text, "");
  EXPECT_EQ(strncpy_s(text, sizeof text, "abcdefgh", 3), 0);
  EXPECT_STREQ(text, "abc");
  EXPECT_EQ(strncpy_s(text, sizeof text, "abcdefgh", _TRUNCATE), STRUNCATE);
  EXPECT_STREQ(text, "abcde");
  EXPECT_EQ(invalid_calls, 1);
  EXPECT_EQ(strcpy_s(text, sizeof text, nullptr), EINVAL);
  wchar_t wide[3];
  EXPECT_EQ(wcscpy_s(wide, L"ab"), 0);
  EXPECT_EQ(wcscat_s(wide, L"c"), ERANGE);
  EXPECT_EQ(memcpy_s(text, 2, "abc", 3), ERANGE);
  EXPECT_EQ(text[0] + text[1], 0);
  EXPECT_EQ(invalid_calls, 4);
}

TEST_F(crt_test, a_broken_rule_ends_the_program) {
  char text[2];
  EXPECT_EXIT(strcpy_s(text, 2, "ab"), testing::ExitedWithCode(0xC0000417 & 0xff), "cpy_s");
}

TEST_F(crt_test, memory_comes_from_the_process_heap) {
  auto* const text = static_cast<char*>(malloc(10));
  strcpy(text, "123456789");
  EXPECT_EQ(HeapSize(GetProcessHeap(), 0, text), 10u);
  auto* const more = static_cast<char*>(realloc(text, 100));
  EXPECT_STREQ(more, "123456789");
  EXPECT_EQ(_msize(more), 100u);
  void (*release)(void*) = free;
  release(more);
  volatile size_t too_many = SIZE_MAX / 2;
  EXPECT_EQ(calloc(too_many, 4), nullptr);
  auto* const copy = _wcsdup(L"dup");
  EXPECT_EQ(HeapSize(GetProcessHeap(), 0, copy), 8u);
  free(copy);
  free(_strdup("x"));
  void* const aligned = _aligned_malloc(100, 256);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(aligned) % 256, 0u);
  _aligned_free(aligned);
}

TEST_F(crt_test, strings_of_16_bits) {
  EXPECT_EQ(wcslen(L"hello"), 5u);
  size_t (*length)(const wchar_t*) = wcslen;
  EXPECT_EQ(length(L"hello"), 5u);
  EXPECT_EQ(_wcsicmp(L"HeLLo", L"hEllO"), 0);
  EXPECT_LT(wcscmp(L"a", L"b"), 0);
  EXPECT_EQ(_stricmp("ABC", "abc"), 0);
  EXPECT_EQ(_strnicmp("-Async 5", "-async", 6), 0);
  const wchar_t* const path = L"\\Device\\Name";
  EXPECT_EQ(wcsrchr(path, L'\\') - path, 7);
  EXPECT_EQ(wcsstr(path, L"Name") - path, 8);
  EXPECT_EQ(wcschr(path, L'x'), nullptr);
  wchar_t list[] = L"a,b;;c";
  wchar_t* context = nullptr;
  string all;
  for (wchar_t* at = wcstok_s(list, L",;", &context); at != nullptr;
       at = wcstok_s(nullptr, L",;", &context)) {
    all += narrow(at) + ".";
  }
  EXPECT_EQ(all, "a.b.c.");
}

TEST_F(crt_test, numbers_in_text) {
  wchar_t* end = nullptr;
  EXPECT_EQ(wcstol(L" -12x", &end, 10), -12);
  EXPECT_EQ(*end, L'x');
  EXPECT_EQ(wcstol(L"0x7fffffff", nullptr, 0), 0x7fffffff);
  errno = 0;
  EXPECT_EQ(wcstol(L"99999999999", nullptr, 10), 0x7fffffff);
  EXPECT_EQ(errno, ERANGE);
  EXPECT_EQ(wcstoul(L"ffffffff", nullptr, 16), 0xffffffffu);
  EXPECT_EQ(_wtoi(L"42abc"), 42);
  EXPECT_EQ(_wtoi64(L"-1234567890123"), -1234567890123);
  char text[66];
  EXPECT_STREQ(_itoa(-255, text, 16), "ffffff01");
  EXPECT_STREQ(_itoa(-255, text, 10), "-255");
  EXPECT_EQ(_i64toa_s(1LL << 40, text, sizeof text, 2), 0);
  EXPECT_EQ(strlen(text), 41u);
}

TEST_F(secure_test, narrow_text_is_utf8) {
  wchar_t wide[8];
  EXPECT_EQ(mbstowcs(wide, "\xe2\x82\xac\xf0\x9f\x98\x80", 8), 3u);
  EXPECT_EQ(wide[0], 0x20ac);
  EXPECT_EQ(wide[1], 0xd83d);
  EXPECT_EQ(wide[2], 0xde00);
  char back[16];
  EXPECT_EQ(wcstombs(back, wide, 16), 7u);
  EXPECT_STREQ(back, "\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(mbstowcs(wide, "\xff", 8), static_cast<size_t>(-1));
  size_t done = 0;
  EXPECT_EQ(mbstowcs_s(&done, wide, 3, "abc", _TRUNCATE), STRUNCATE);
  EXPECT_EQ(done, 3u);
  EXPECT_EQ(mbstowcs_s(&done, wide, 3, "abc", 3), ERANGE);
  EXPECT_EQ(invalid_calls, 1);
}

TEST_F(crt_test, code_pages) {
  wchar_t wide[4];
  EXPECT_EQ(MultiByteToWideChar(CP_UTF8, 0, "ab", -1, nullptr, 0), 3);
  EXPECT_EQ(MultiByteToWideChar(CP_ACP, 0, "ab", -1, wide, 4), 3);
  EXPECT_EQ(MultiByteToWideChar(CP_ACP, 0, "abcdef", -1, wide, 4), 0);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INSUFFICIENT_BUFFER));
  EXPECT_EQ(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xff", 1, wide, 4), 0);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_NO_UNICODE_TRANSLATION));
  EXPECT_EQ(MultiByteToWideChar(12345, 0, "ab", -1, wide, 4), 0);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
  char text[8];
  EXPECT_EQ(WideCharToMultiByte(CP_UTF8, 0, L"\x20ac", 1, text, 8, nullptr, nullptr), 3);
}

TEST_F(crt_test, random_numbers_are_those_of_windows) {
  srand(1);
  EXPECT_EQ(rand(), 41);
  EXPECT_EQ(rand(), 18467);
  EXPECT_EQ(rand(), 6334);
}

TEST_F(crt_test, time_passes_since_1970) {
  EXPECT_GT(time(nullptr), 1'500'000'000);
  time_t now = 0;
  EXPECT_EQ(time(&now), now);
}

// Contract: WIN32-CRT-002
TEST_F(crt_test, a_failed_assertion_says_so_and_ends_with_3) {
  belay::win32::set_console_sink(nullptr);
  EXPECT_EXIT(__assert_fail("1 == 2", "x.c", 7, "f"), testing::ExitedWithCode(3),
              "Assertion failed: 1 == 2, file x.c, line 7");
  EXPECT_EXIT(abort(), testing::ExitedWithCode(3), "");
  EXPECT_EXIT(exit(9), testing::ExitedWithCode(9), "");
}

TEST_F(crt_test, a_block_freed_twice_is_heap_corruption) {
  void* const block = malloc(4);
  free(block);
  EXPECT_DEATH(free(block), "WIN32-HEAP-001");
  EXPECT_DEATH(HeapFree(GetProcessHeap(), 0, &invalid_calls), "WIN32-HEAP-001");
}

TEST_F(crt_test, environment_variables) {
  char text[8];
  EXPECT_EQ(GetEnvironmentVariableA("Belay_Test_Name", text, 8), 0u);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_ENVVAR_NOT_FOUND));
  EXPECT_TRUE(SetEnvironmentVariableA("Belay_Test_Name", "value"));
  EXPECT_EQ(GetEnvironmentVariableA("BELAY_TEST_NAME", text, 8), 5u);
  EXPECT_EQ(GetEnvironmentVariableA("BELAY_TEST_NAME", text, 5), 6u);
  EXPECT_STREQ(getenv("belay_test_name"), "value");
  EXPECT_TRUE(SetEnvironmentVariableA("belay_test_name", nullptr));
  EXPECT_EQ(getenv("belay_test_name"), nullptr);
}

TEST_F(crt_test, arguments_are_there_narrow_and_wide) {
  char program[] = "app";
  char argument[] = "a b";
  char* arguments[] = {program, argument, nullptr};
  static int seen = 0;
  belay::win32::program what;
  what.wide = [](int count, wchar_t** given, wchar_t**) {
    seen = count == 2 && wcscmp(given[1], L"a b") == 0 && given[2] == nullptr;
    atexit([] { seen += 10; });
    return 5;
  };
  EXPECT_EQ(belay::win32::run_main(what, 2, arguments), 5);
  EXPECT_EQ(seen, 11);
  EXPECT_STREQ(GetCommandLineA(), "app \"a b\"");
  EXPECT_EQ(__argc, 2);
  EXPECT_STREQ(__argv[0], "app");
}

TEST_F(crt_test, paths_look_like_windows) {
  char path[1024];
  const DWORD length = GetCurrentDirectoryA(sizeof path, path);
  EXPECT_EQ(string(path, 3), "C:\\");
  EXPECT_EQ(GetCurrentDirectoryA(2, path), length + 1);
  EXPECT_GT(GetModuleFileNameA(nullptr, path, sizeof path), 10u);
  EXPECT_EQ(GetModuleFileNameA(nullptr, path, 4), 4u);
  EXPECT_STREQ(path, "C:\\");
}

}  // namespace win32_tests
