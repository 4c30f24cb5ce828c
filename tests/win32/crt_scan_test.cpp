// The scanf family: this file is compiled as programs are.
// GoogleTest comes before the Windows headers.
// clang-format off
#include "crt_fixture.hpp"

#include <windows.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

namespace win32_tests {

using scan_test = crt_test;

TEST_F(scan_test, numbers_of_every_size) {
  DWORD lengths[2] = {0xdddddddd, 0xdddddddd};
  EXPECT_EQ(sscanf("4294967295", "%lu", &lengths[0]), 1);
  EXPECT_EQ(lengths[0], 0xffffffffu);
  EXPECT_EQ(lengths[1], 0xddddddddu);
  long long wide = 0;
  short half = 0;
  unsigned hex = 0;
  int octal = 0;
  EXPECT_EQ(sscanf("-5 7 0xff 017", "%I64d %hd %x %i", &wide, &half, &hex, &octal), 4);
  EXPECT_EQ(wide, -5);
  EXPECT_EQ(half, 7);
  EXPECT_EQ(hex, 255u);
  EXPECT_EQ(octal, 15);
  double real = 0;
  float small = 0;
  EXPECT_EQ(sscanf("2.5e1 0.5", "%lf%f", &real, &small), 2);
  EXPECT_EQ(real, 25.0);
  EXPECT_EQ(small, 0.5f);
}

TEST_F(scan_test, widths_literals_and_what_is_not_stored) {
  int a = 0;
  int b = 0;
  int at = 0;
  EXPECT_EQ(sscanf("12345:x7", "%2d%*d:x%d%n", &a, &b, &at), 2);
  EXPECT_EQ(a, 12);
  EXPECT_EQ(b, 7);
  EXPECT_EQ(at, 8);
  EXPECT_EQ(sscanf("x", "%d", &a), 0);
  EXPECT_EQ(sscanf("", "%d", &a), EOF);
  EXPECT_EQ(sscanf("3,4", "%d;%d", &a, &b), 1);
}

TEST_F(scan_test, strings_and_sets) {
  char word[16];
  char rest[16];
  wchar_t wide[16];
  EXPECT_EQ(sscanf(" key = value", "%15[^= ] = %15s", word, rest), 0);
  EXPECT_EQ(sscanf("key=value", "%15[a-z]=%15s", word, rest), 2);
  EXPECT_STREQ(word, "key");
  EXPECT_STREQ(rest, "value");
  EXPECT_EQ(sscanf("wide narrow", "%ls %hs", wide, word), 2);
  EXPECT_EQ(wcscmp(wide, L"wide"), 0);
  EXPECT_EQ(swscanf(L"abc def", L"%s %S", wide, word), 2);
  EXPECT_EQ(wcscmp(wide, L"abc"), 0);
  EXPECT_STREQ(word, "def");
}

TEST_F(scan_test, secure_forms_take_sizes) {
  char word[4] = "zzz";
  int number = 0;
  EXPECT_EQ(sscanf_s("abc 5", "%s %d", word, static_cast<unsigned>(sizeof word), &number), 2);
  EXPECT_STREQ(word, "abc");
  EXPECT_EQ(number, 5);
  EXPECT_EQ(sscanf_s("abcd 6", "%s %d", word, static_cast<unsigned>(sizeof word), &number), 0);
  EXPECT_STREQ(word, "");
  EXPECT_EQ(number, 5);
  char one = 0;
  EXPECT_EQ(sscanf_s("q", "%c", &one, 1u), 1);
  EXPECT_EQ(one, 'q');
}

}  // namespace win32_tests
