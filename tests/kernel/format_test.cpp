#include <string>

#include "fixture.hpp"

namespace {

std::string printed;

class format : public kernel_tests::executive_test {
 protected:
  void SetUp() override {
    executive_test::SetUp();
    printed.clear();
    belay::kernel::set_print_sink([](const char* text) { printed += text; });
  }
  void TearDown() override {
    belay::kernel::set_print_sink(nullptr);
    executive_test::TearDown();
  }
};

#define EXPECT_PRINTED(text, ...) \
  do {                            \
    printed.clear();              \
    DbgPrint(__VA_ARGS__);        \
    EXPECT_EQ(printed, text);     \
  } while (false)

TEST_F(format, integers) {
  EXPECT_PRINTED("-5 4294967291 ff FF 0xff 017", "%d %u %x %X %#x %#o", -5, -5, 255, 255, 255, 15);
  EXPECT_PRINTED("   7|7   |0007|+7| 7", "%4d|%-4d|%04d|%+d|% d", 7, 7, 7, 7, 7);
  EXPECT_PRINTED("005|  005", "%.3d|%5.3d", 5, 5);
  EXPECT_PRINTED("   9", "%*d", 4, 9);
  EXPECT_PRINTED("100%", "%d%%", 100);
}

TEST_F(format, long_has_32_bits) {
  // What a driver compiled for Linux passes as LONG or as a raw long.
  EXPECT_PRINTED("-1 4294967295 -1", "%ld %lu %ld", -1, -1, -1L);
  EXPECT_PRINTED("-1 ffffffffffffffff 18446744073709551615", "%I64d %I64x %Iu", -1LL, -1LL, ~0ull);
  EXPECT_PRINTED("-2 -2 65534", "%lld %hd %hu", -2LL, -2, -2);
}

TEST_F(format, pointers) {
  EXPECT_PRINTED("0000000000001A2B", "%p", reinterpret_cast<void*>(0x1a2b));
}

TEST_F(format, strings) {
  ANSI_STRING ansi;
  UNICODE_STRING wide;
  RtlInitAnsiString(&ansi, "ansi");
  RtlInitUnicodeString(&wide, L"\\Device\\W\x00fc");
  EXPECT_PRINTED("narrow wide wide wide", "%s %S %ws %ls", "narrow", L"wide", L"wide", L"wide");
  EXPECT_PRINTED("ansi \\Device\\W\xc3\xbc", "%Z %wZ", &ansi, &wide);
  EXPECT_PRINTED("abc|   abc|abc   |ab", "%.3s|%6s|%-6s|%.*s", "abcdef", "abc", "abc", 2, "abc");
  EXPECT_PRINTED("(null) c w", "%s %c %C", static_cast<const char*>(nullptr), 'c', L'w');
}

TEST_F(format, floating) { EXPECT_PRINTED("1.50 2.000000 3e+00", "%.2f %f %.0e", 1.5, 2.0, 3.0); }

TEST_F(format, levels) {
  DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, "level %d\n", 3);
  EXPECT_EQ(printed, "level 3\n");
  printed.clear();
  KdPrint(("double %s\n", "parentheses"));
  EXPECT_EQ(printed, "double parentheses\n");
}

TEST_F(format, buffers) {
  char text[8];
  EXPECT_EQ(_snprintf(text, sizeof text, "%d", 1234567), 7);
  EXPECT_STREQ(text, "1234567");
  EXPECT_EQ(_snprintf(text, sizeof text, "%d", 123456789), -1);
  EXPECT_EQ(sprintf_s(text, sizeof text, "%d", 123456789), -1);
  EXPECT_EQ(text[0], 0);
  wchar_t wide[16];
  EXPECT_EQ(swprintf_s(wide, 16, L"%s-%S-%d", L"w", "n", 5), 5);
  EXPECT_EQ(wide[0], L'w');
  EXPECT_EQ(wide[2], L'n');
  EXPECT_EQ(wide[5], 0);
}

}  // namespace
