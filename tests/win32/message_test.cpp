// Which error a status becomes (WIN32-ERROR-001), the texts of errors, strsafe, heaps, times, the console's handles.
// clang-format off
#include "crt_fixture.hpp"

#include <ntifs.h>
#include <windows.h>
// clang-format on

#include <strsafe.h>

#include <string>

#include "win32/console.hpp"
#include "win32/error_codes.hpp"

namespace win32_tests {

using belay::win32::error_of;
using message_test = crt_test;

TEST_F(message_test, statuses_become_the_documented_errors) {
  EXPECT_EQ(error_of(STATUS_SUCCESS), 0u);
  EXPECT_EQ(error_of(STATUS_PENDING), static_cast<unsigned>(ERROR_IO_PENDING));
  EXPECT_EQ(error_of(STATUS_CANCELLED), static_cast<unsigned>(ERROR_OPERATION_ABORTED));
  EXPECT_EQ(error_of(STATUS_NOT_FOUND), static_cast<unsigned>(ERROR_NOT_FOUND));
  EXPECT_EQ(error_of(STATUS_NOT_SUPPORTED), static_cast<unsigned>(ERROR_NOT_SUPPORTED));
  EXPECT_EQ(error_of(STATUS_INVALID_DEVICE_REQUEST), static_cast<unsigned>(ERROR_INVALID_FUNCTION));
  EXPECT_EQ(error_of(STATUS_OBJECT_NAME_NOT_FOUND), static_cast<unsigned>(ERROR_FILE_NOT_FOUND));
  EXPECT_EQ(error_of(STATUS_OBJECT_PATH_NOT_FOUND), static_cast<unsigned>(ERROR_PATH_NOT_FOUND));
  EXPECT_EQ(error_of(STATUS_ACCESS_DENIED), static_cast<unsigned>(ERROR_ACCESS_DENIED));
  EXPECT_EQ(error_of(STATUS_SHARING_VIOLATION), static_cast<unsigned>(ERROR_SHARING_VIOLATION));
  EXPECT_EQ(error_of(STATUS_INSUFFICIENT_RESOURCES),
            static_cast<unsigned>(ERROR_NO_SYSTEM_RESOURCES));
  EXPECT_EQ(error_of(STATUS_INVALID_PARAMETER), static_cast<unsigned>(ERROR_INVALID_PARAMETER));
  EXPECT_EQ(error_of(STATUS_BUFFER_TOO_SMALL), static_cast<unsigned>(ERROR_INSUFFICIENT_BUFFER));
  EXPECT_EQ(error_of(STATUS_BUFFER_OVERFLOW), static_cast<unsigned>(ERROR_MORE_DATA));
  EXPECT_EQ(error_of(STATUS_DEVICE_BUSY), static_cast<unsigned>(ERROR_BUSY));
  EXPECT_EQ(error_of(STATUS_UNSUCCESSFUL), static_cast<unsigned>(ERROR_GEN_FAILURE));
  EXPECT_EQ(error_of(STATUS_END_OF_FILE), static_cast<unsigned>(ERROR_HANDLE_EOF));
  EXPECT_EQ(error_of(STATUS_ACCESS_VIOLATION), static_cast<unsigned>(ERROR_NOACCESS));
  EXPECT_EQ(error_of(STATUS_DELETE_PENDING), static_cast<unsigned>(ERROR_ACCESS_DENIED));
}

TEST_F(message_test, what_is_no_status_of_windows_passes_or_has_no_text) {
  EXPECT_EQ(error_of(static_cast<std::int32_t>(0xE0001234)), 0xE0001234u);
  EXPECT_EQ(error_of(static_cast<std::int32_t>(0xC0070005)), 5u);
  EXPECT_EQ(error_of(static_cast<std::int32_t>(0xD0000120)),
            static_cast<unsigned>(ERROR_OPERATION_ABORTED));
  EXPECT_EQ(error_of(static_cast<std::int32_t>(0xC0FF0001)),
            static_cast<unsigned>(ERROR_MR_MID_NOT_FOUND));
  EXPECT_STREQ(belay::win32::error_name(995), "ERROR_OPERATION_ABORTED");
  EXPECT_EQ(belay::win32::error_name(77777), nullptr);
}

TEST_F(message_test, errors_have_words) {
  char text[128];
  const DWORD length = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM, nullptr, ERROR_ACCESS_DENIED, 0,
                                      text, sizeof text, nullptr);
  EXPECT_STREQ(text, "Access is denied.\r\n");
  EXPECT_EQ(length, 19u);
  EXPECT_EQ(FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | 0xff, nullptr, E_ACCESSDENIED, 0, text,
                           sizeof text, nullptr),
            18u);
  EXPECT_STREQ(text, "Access is denied. ");
  EXPECT_EQ(FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM, nullptr, 5, 0, text, 10, nullptr), 0u);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INSUFFICIENT_BUFFER));
  EXPECT_EQ(FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM, nullptr, 66666, 0, text, 10, nullptr), 0u);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_MR_MID_NOT_FOUND));
  WCHAR* made = nullptr;
  EXPECT_GT(FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM, nullptr,
                           ERROR_BUSY, 0, reinterpret_cast<LPWSTR>(&made), 0, nullptr),
            10u);
  EXPECT_EQ(made[0], L'T');
  EXPECT_EQ(LocalFree(made), nullptr);
}

namespace {

std::string formatted(DWORD flags, const char* format, ...) {
  char text[128] = "";
  va_list list;
  va_start(list, format);
  FormatMessageA(FORMAT_MESSAGE_FROM_STRING | flags, format, 0, 0, text, sizeof text, &list);
  va_end(list);
  return text;
}

}  // namespace

TEST_F(message_test, inserts_are_replaced_by_number) {
  EXPECT_EQ(formatted(0, "%2 %1%n%%%0not", "a", "b"), "b a\r\n%");
  EXPECT_EQ(formatted(0, "%1!5d!|%2!-4x!|%3!S!", 42, 255, L"wide"), "   42|ff  |wide");
  EXPECT_EQ(formatted(0, "%1!*d!|", 5, 42), "   42|");
  EXPECT_EQ(formatted(FORMAT_MESSAGE_IGNORE_INSERTS, "%1 %2!d!"), "%1 %2!d!");
  const DWORD_PTR array[] = {7, reinterpret_cast<DWORD_PTR>("seven")};
  char text[32];
  EXPECT_EQ(FormatMessageA(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY,
                           "%2 is %1!d!", 0, 0, text, sizeof text,
                           reinterpret_cast<va_list*>(const_cast<DWORD_PTR*>(array))),
            10u);
  EXPECT_STREQ(text, "seven is 7");
  EXPECT_EQ(FormatMessageA(FORMAT_MESSAGE_FROM_STRING, "%1", 0, 0, text, sizeof text, nullptr), 0u);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
}

TEST_F(message_test, strsafe_cuts_and_says_so) {
  char text[6];
  EXPECT_EQ(StringCchCopyA(text, 6, "abc"), S_OK);
  EXPECT_EQ(StringCchCatA(text, 6, "defg"), STRSAFE_E_INSUFFICIENT_BUFFER);
  EXPECT_STREQ(text, "abcde");
  EXPECT_EQ(StringCchCopyNA(text, 6, "abcdef", 2), S_OK);
  EXPECT_STREQ(text, "ab");
  EXPECT_EQ(StringCbPrintfA(text, 6, "%d%s", 12, "345678"), STRSAFE_E_INSUFFICIENT_BUFFER);
  EXPECT_STREQ(text, "12345");
  EXPECT_EQ(StringCchCopyA(text, 0, "a"), STRSAFE_E_INVALID_PARAMETER);
  size_t length = 9;
  EXPECT_EQ(StringCchLengthA("abc", 3, &length), STRSAFE_E_INVALID_PARAMETER);
  EXPECT_EQ(length, 0u);
  EXPECT_EQ(StringCchLengthA("abc", 4, &length), S_OK);
  EXPECT_EQ(length, 3u);
  WCHAR wide[4];
  EXPECT_EQ(StringCbCopyW(wide, 7, L"abc"), STRSAFE_E_INSUFFICIENT_BUFFER);
  EXPECT_EQ(StringCbCopyW(wide, 8, L"abc"), S_OK);
  EXPECT_EQ(StringCbLengthW(wide, 8, &length), S_OK);
  EXPECT_EQ(length, 6u);
}

TEST_F(message_test, strsafe_ex_tells_the_rest_and_obeys_flags) {
  char text[8];
  char* end = nullptr;
  size_t left = 0;
  EXPECT_EQ(StringCchCopyExA(text, 8, "abc", &end, &left, STRSAFE_FILL_BYTE('x')), S_OK);
  EXPECT_EQ(end - text, 3);
  EXPECT_EQ(left, 5u);
  EXPECT_EQ(std::string(text, 8), std::string("abc\0xxxx", 8));
  EXPECT_EQ(StringCchCatExA(text, 8, "toolong", &end, &left, STRSAFE_NO_TRUNCATION),
            STRSAFE_E_INSUFFICIENT_BUFFER);
  EXPECT_STREQ(text, "abc");
  EXPECT_EQ(StringCchCopyExA(text, 8, "muchtoolong", &end, &left, STRSAFE_NULL_ON_FAILURE),
            STRSAFE_E_INSUFFICIENT_BUFFER);
  EXPECT_STREQ(text, "");
  EXPECT_EQ(left, 8u);
  EXPECT_EQ(StringCchCopyExA(text, 8, nullptr, &end, &left, STRSAFE_IGNORE_NULLS), S_OK);
  EXPECT_EQ(StringCbPrintfExA(text, 8, &end, &left, 0, "%d", 123), S_OK);
  EXPECT_EQ(left, 5u);
}

TEST_F(message_test, heaps_are_apart) {
  const HANDLE heap = HeapCreate(0, 0, 100);
  void* const block = HeapAlloc(heap, HEAP_ZERO_MEMORY, 60);
  EXPECT_EQ(HeapSize(heap, 0, block), 60u);
  EXPECT_EQ(HeapAlloc(heap, 0, 60), nullptr);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_NOT_ENOUGH_MEMORY));
  EXPECT_EQ(HeapSize(GetProcessHeap(), 0, block), static_cast<SIZE_T>(-1));
  EXPECT_TRUE(HeapDestroy(heap));
  EXPECT_FALSE(HeapDestroy(GetProcessHeap()));
  auto* const pages =
      static_cast<char*>(VirtualAlloc(nullptr, 5000, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE));
  EXPECT_EQ(reinterpret_cast<ULONG_PTR>(pages) & 0xffff, 0u);
  pages[8191] = 1;
  EXPECT_FALSE(VirtualFree(pages, 5000, MEM_RELEASE));
  EXPECT_TRUE(VirtualFree(pages, 0, MEM_RELEASE));
  EXPECT_EQ(VirtualAlloc(pages, 4096, MEM_RESERVE, PAGE_READWRITE), nullptr);
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_ADDRESS));
}

TEST_F(message_test, times_come_apart_and_together) {
  const SYSTEMTIME leap = {2024, 2, 4, 29, 23, 59, 58, 123};
  FILETIME value;
  ASSERT_TRUE(SystemTimeToFileTime(&leap, &value));
  SYSTEMTIME back;
  ASSERT_TRUE(FileTimeToSystemTime(&value, &back));
  EXPECT_EQ(back.wMonth, 2);
  EXPECT_EQ(back.wDay, 29);
  EXPECT_EQ(back.wDayOfWeek, 4);
  EXPECT_EQ(back.wMilliseconds, 123);
  SYSTEMTIME wrong = leap;
  wrong.wYear = 2023;
  EXPECT_FALSE(SystemTimeToFileTime(&wrong, &value));
  EXPECT_EQ(GetLastError(), static_cast<DWORD>(ERROR_INVALID_PARAMETER));
  const FILETIME unix_epoch = {0xd53e8000, 0x019db1de};
  ASSERT_TRUE(FileTimeToSystemTime(&unix_epoch, &back));
  EXPECT_EQ(back.wYear, 1970);
  EXPECT_EQ(back.wDay, 1);
}

namespace {

int asked = 0;
BOOL WINAPI first_handler(DWORD) {
  asked = asked * 10 + 1;
  return TRUE;
}
BOOL WINAPI second_handler(DWORD) {
  asked = asked * 10 + 2;
  return FALSE;
}

}  // namespace

TEST_F(message_test, the_latest_control_handler_is_asked_first) {
  asked = 0;
  EXPECT_FALSE(belay::win32::raise_control(CTRL_C_EVENT));
  EXPECT_TRUE(SetConsoleCtrlHandler(&first_handler, TRUE));
  EXPECT_TRUE(SetConsoleCtrlHandler(&second_handler, TRUE));
  EXPECT_TRUE(belay::win32::raise_control(CTRL_C_EVENT));
  EXPECT_EQ(asked, 21);
  EXPECT_TRUE(SetConsoleCtrlHandler(&first_handler, FALSE));
  EXPECT_FALSE(SetConsoleCtrlHandler(&first_handler, FALSE));
  EXPECT_FALSE(belay::win32::raise_control(CTRL_C_EVENT));
  EXPECT_EQ(asked, 212);
}

TEST_F(message_test, the_console_has_handles_and_takes_text) {
  const HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
  EXPECT_TRUE(belay::win32::is_console(out));
  EXPECT_EQ(GetStdHandle(5), INVALID_HANDLE_VALUE);
  DWORD written = 0;
  EXPECT_TRUE(WriteConsoleW(out, L"\x20ac", 1, &written, nullptr));
  EXPECT_EQ(written, 1u);
  EXPECT_TRUE(WriteConsoleA(GetStdHandle(STD_ERROR_HANDLE), "no", 2, &written, nullptr));
  EXPECT_FALSE(WriteConsoleA(GetStdHandle(STD_INPUT_HANDLE), "no", 2, &written, nullptr));
  EXPECT_EQ(printed, "\xe2\x82\xac");
  EXPECT_EQ(complained, "no");
}

}  // namespace win32_tests
