#include "fixture.hpp"

namespace {

using string = kernel_tests::executive_test;

UNICODE_STRING of(const wchar_t* text) {
  UNICODE_STRING result;
  RtlInitUnicodeString(&result, text);
  return result;
}

TEST_F(string, init) {
  const UNICODE_STRING text = of(L"\\Device\\X");
  EXPECT_EQ(text.Length, 18);
  EXPECT_EQ(text.MaximumLength, 20);
  const UNICODE_STRING none = of(nullptr);
  EXPECT_EQ(none.Length, 0);
  EXPECT_EQ(none.Buffer, nullptr);
}

TEST_F(string, copy_and_append) {
  WCHAR buffer[6];
  UNICODE_STRING to;
  RtlInitEmptyUnicodeString(&to, buffer, sizeof buffer);
  UNICODE_STRING from = of(L"abc");
  RtlCopyUnicodeString(&to, &from);
  EXPECT_EQ(to.Length, 6);
  EXPECT_EQ(buffer[3], 0);
  EXPECT_EQ(RtlAppendUnicodeToString(&to, L"de"), STATUS_SUCCESS);
  UNICODE_STRING expected = of(L"abcde");
  EXPECT_TRUE(RtlEqualUnicodeString(&to, &expected, FALSE));
  EXPECT_EQ(RtlAppendUnicodeStringToString(&to, &from), STATUS_BUFFER_TOO_SMALL);
  UNICODE_STRING longer = of(L"too long for it");
  RtlCopyUnicodeString(&to, &longer);
  EXPECT_EQ(to.Length, 12);
}

TEST_F(string, compare) {
  UNICODE_STRING a = of(L"Device");
  UNICODE_STRING b = of(L"dEVICE");
  UNICODE_STRING prefix = of(L"DEV");
  EXPECT_NE(RtlCompareUnicodeString(&a, &b, FALSE), 0);
  EXPECT_EQ(RtlCompareUnicodeString(&a, &b, TRUE), 0);
  EXPECT_LT(RtlCompareUnicodeString(&prefix, &a, TRUE), 0);
  EXPECT_TRUE(RtlPrefixUnicodeString(&prefix, &a, TRUE));
  EXPECT_FALSE(RtlPrefixUnicodeString(&a, &prefix, TRUE));
  EXPECT_EQ(RtlUpcaseUnicodeChar(L'\x00e9'), L'\x00c9');
  EXPECT_EQ(RtlDowncaseUnicodeChar(L'\x0416'), L'\x0436');
}

TEST_F(string, convert) {
  ANSI_STRING ansi;
  RtlInitAnsiString(&ansi, "driver");
  UNICODE_STRING wide;
  ASSERT_EQ(RtlAnsiStringToUnicodeString(&wide, &ansi, TRUE), STATUS_SUCCESS);
  UNICODE_STRING upper;
  ASSERT_EQ(RtlUpcaseUnicodeString(&upper, &wide, TRUE), STATUS_SUCCESS);
  UNICODE_STRING expected = of(L"DRIVER");
  EXPECT_TRUE(RtlEqualUnicodeString(&upper, &expected, FALSE));
  char back[7];
  ANSI_STRING narrow{0, sizeof back, back};
  ASSERT_EQ(RtlUnicodeStringToAnsiString(&narrow, &wide, FALSE), STATUS_SUCCESS);
  EXPECT_STREQ(back, "driver");
  narrow.MaximumLength = 4;
  EXPECT_EQ(RtlUnicodeStringToAnsiString(&narrow, &wide, FALSE), STATUS_BUFFER_OVERFLOW);
  RtlFreeUnicodeString(&wide);
  RtlFreeUnicodeString(&upper);
  EXPECT_EQ(wide.Buffer, nullptr);
}

TEST_F(string, numbers) {
  WCHAR buffer[12];
  UNICODE_STRING text;
  RtlInitEmptyUnicodeString(&text, buffer, sizeof buffer);
  EXPECT_EQ(RtlIntegerToUnicodeString(0xBEEF, 16, &text), STATUS_SUCCESS);
  ULONG value = 0;
  EXPECT_EQ(RtlUnicodeStringToInteger(&text, 16, &value), STATUS_SUCCESS);
  EXPECT_EQ(value, 0xBEEFu);
  EXPECT_EQ(RtlCharToInteger("  -0x1F", 0, &value), STATUS_SUCCESS);
  EXPECT_EQ(value, static_cast<ULONG>(-31));
  EXPECT_EQ(RtlIntegerToUnicodeString(1, 7, &text), STATUS_INVALID_PARAMETER);
  GUID guid{};
  UNICODE_STRING name = of(L"{12345678-9ABC-DEF0-0123-456789ABCDEF}");
  EXPECT_EQ(RtlGUIDFromString(&name, &guid), STATUS_SUCCESS);
  EXPECT_EQ(guid.Data1, 0x12345678u);
  EXPECT_EQ(guid.Data4[7], 0xEF);
  UNICODE_STRING again;
  EXPECT_EQ(RtlStringFromGUID(&guid, &again), STATUS_SUCCESS);
  EXPECT_TRUE(RtlEqualUnicodeString(&name, &again, FALSE));
  RtlFreeUnicodeString(&again);
}

TEST_F(string, bits) {
  ULONG words[2] = {};
  RTL_BITMAP map;
  RtlInitializeBitMap(&map, words, 40);
  RtlSetBits(&map, 0, 5);
  EXPECT_EQ(RtlFindClearBitsAndSet(&map, 30, 0), 5u);
  EXPECT_EQ(RtlFindClearBits(&map, 10, 0), 0xFFFFFFFFu);
  EXPECT_EQ(RtlNumberOfSetBits(&map), 35u);
  RtlClearAllBits(&map);
  EXPECT_EQ(RtlNumberOfSetBits(&map), 0u);
}

}  // namespace
