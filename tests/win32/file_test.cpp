// Files over a driver: opening, reading, what failed, what was cancelled. One thread.
#include <cstring>

#include <gtest/gtest.h>

#include "probe.hpp"

// clang-format off: last, because it defines much.
#include <windows.h>
// clang-format on

namespace belay::test {
namespace {

class win32_file : public ::testing::Test {
 protected:
  void SetUp() override { probe::start(); }
  void TearDown() override { probe::stop(); }

  static HANDLE open(DWORD flags = FILE_FLAG_OVERLAPPED,
                     DWORD access = GENERIC_READ | GENERIC_WRITE) {
    return CreateFileA("\\\\.\\Probe", access, 0, nullptr, OPEN_EXISTING, flags, nullptr);
  }
};

using majors = std::vector<int>;

// WIN32-FILE-001 WIN32-HANDLE-001
TEST_F(win32_file, create_cleanup_close) {
  const HANDLE file = open();
  ASSERT_NE(file, INVALID_HANDLE_VALUE);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file) % 4, 0u);
  EXPECT_TRUE(CloseHandle(file));
  EXPECT_EQ(probe::seen(), (majors{0, 18, 2}));
  EXPECT_FALSE(CloseHandle(file));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_HANDLE});
  DWORD bytes;
  EXPECT_FALSE(ReadFile(file, nullptr, 0, &bytes, nullptr));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_HANDLE});
}

// WIN32-FILE-001
TEST_F(win32_file, what_is_asked_for_reaches_the_driver) {
  const HANDLE file = CreateFileA(
      "\\\\.\\Probe", GENERIC_READ | DELETE, FILE_SHARE_DELETE, nullptr, OPEN_ALWAYS,
      FILE_FLAG_WRITE_THROUGH | FILE_FLAG_RANDOM_ACCESS | FILE_ATTRIBUTE_HIDDEN, nullptr);
  ASSERT_NE(file, INVALID_HANDLE_VALUE);
  const probe::create_asked& asked = probe::last_create();
  EXPECT_EQ(asked.access, std::uint32_t{FILE_GENERIC_READ | DELETE});
  EXPECT_EQ(asked.share, std::uint32_t{FILE_SHARE_DELETE});
  EXPECT_EQ(asked.disposition, 3u) << "FILE_OPEN_IF";
  EXPECT_EQ(asked.options, 0x862u) << "not a directory, no alerts, random, written through";
  EXPECT_EQ(asked.attributes, std::uint32_t{FILE_ATTRIBUTE_HIDDEN});
  EXPECT_EQ(asked.file_flags & 0x100012, 0x100012u) << "and the file object has that";
  CloseHandle(file);
  CloseHandle(open(FILE_FLAG_OVERLAPPED | FILE_FLAG_NO_BUFFERING));
  EXPECT_EQ(asked.options, 0x48u);
  EXPECT_EQ(asked.file_flags & 0x10001a, 0x8u);
}

// WIN32-FILE-001
TEST_F(win32_file, an_exclusive_open_keeps_others_out) {
  probe::share_creates(true);
  const auto reader = [](DWORD share) {
    return CreateFileA("\\\\.\\Probe", GENERIC_READ, share, nullptr, OPEN_EXISTING, 0, nullptr);
  };
  const HANDLE alone = reader(0);
  ASSERT_NE(alone, INVALID_HANDLE_VALUE);
  EXPECT_EQ(reader(FILE_SHARE_READ), INVALID_HANDLE_VALUE);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_SHARING_VIOLATION});
  CloseHandle(alone);
  const HANDLE first = reader(FILE_SHARE_READ), second = reader(FILE_SHARE_READ);
  EXPECT_NE(second, INVALID_HANDLE_VALUE);
  CloseHandle(first);
  CloseHandle(second);
}

// WIN32-FILE-001
TEST_F(win32_file, what_the_driver_answers_reaches_the_program) {
  struct {
    std::uint32_t status;
    std::uint64_t information;
    DWORD disposition;
    DWORD error;
  } const all[] = {{0xC0000022, 0, OPEN_EXISTING, ERROR_ACCESS_DENIED},
                   {0xC0000043, 0, OPEN_EXISTING, ERROR_SHARING_VIOLATION},
                   {0xC00000AE, 0, OPEN_EXISTING, ERROR_PIPE_BUSY},
                   {0xC0000035, 0, OPEN_EXISTING, ERROR_ALREADY_EXISTS},
                   {0xC0000035, 0, CREATE_NEW, ERROR_FILE_EXISTS},
                   {0, 2, CREATE_NEW, ERROR_SUCCESS},
                   {0, 1, OPEN_ALWAYS, ERROR_ALREADY_EXISTS},
                   {0, 2, OPEN_ALWAYS, ERROR_SUCCESS},
                   {0, 3, CREATE_ALWAYS, ERROR_ALREADY_EXISTS},
                   {0, 2, CREATE_ALWAYS, ERROR_SUCCESS},
                   {0, 1, OPEN_EXISTING, ERROR_SUCCESS}};
  for (const auto& each : all) {
    probe::set_create_answer(static_cast<std::int32_t>(each.status), each.information);
    const HANDLE file = CreateFileA("\\\\.\\Probe", 0, 0, nullptr, each.disposition, 0, nullptr);
    EXPECT_EQ(GetLastError(), each.error) << std::hex << each.status;
    EXPECT_EQ(file == INVALID_HANDLE_VALUE, each.status != 0);
    if (file != INVALID_HANDLE_VALUE) CloseHandle(file);
  }
}

// WIN32-FILE-003
TEST_F(win32_file, the_path_behind_the_name) {
  struct {
    const WCHAR* name;
    const char16_t* path;
  } const all[] = {{L"\\\\.\\Probe", u""},
                   {L"\\\\.\\Probe\\", u"\\"},
                   {L"\\\\.\\Probe/a/B\\\x3b1 c.", u"\\a\\B\\\u03b1 c"},
                   {L"\\\\?\\Probe\\a/B.", u"\\a/B."},
                   {L"\\\\?\\GLOBALROOT\\Device\\Probe\\x", u"\\x"}};
  for (const auto& each : all) {
    const HANDLE file = CreateFileW(each.name, 0, 0, nullptr, OPEN_EXISTING, 0, nullptr);
    EXPECT_NE(file, INVALID_HANDLE_VALUE) << GetLastError();
    EXPECT_TRUE(probe::last_create().name == each.path) << &each - all;
    CloseHandle(file);
  }
  EXPECT_EQ(CreateFileA("\\\\.\\Probed\\x", 0, 0, nullptr, OPEN_EXISTING, 0, nullptr),
            INVALID_HANDLE_VALUE);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_PATH_NOT_FOUND});
}

// WIN32-FILE-002
TEST_F(win32_file, the_names_of_a_device) {
  for (const char* name : {"\\\\.\\Probe", "\\\\.\\probe", "//./Probe", "\\\\?\\Probe",
                           "\\??\\Probe", "\\\\.\\Probe. ", "\\\\?\\GLOBALROOT\\Device\\Probe",
                           "\\\\.\\GLOBALROOT\\Device\\Probe", "\\\\.\\Global\\Probe"}) {
    const HANDLE file = CreateFileA(name, 0, 0, nullptr, OPEN_EXISTING, 0, nullptr);
    EXPECT_NE(file, INVALID_HANDLE_VALUE) << name << " " << GetLastError();
    CloseHandle(file);
  }
  struct {
    const char* name;
    DWORD error;
  } const wrong[] = {{"\\\\.\\Other", ERROR_FILE_NOT_FOUND},
                     {"\\\\?\\Probe. ", ERROR_FILE_NOT_FOUND},
                     {"", ERROR_PATH_NOT_FOUND},
                     {"\\\\.\\", ERROR_PATH_NOT_FOUND},
                     {"COM1:", ERROR_FILE_NOT_FOUND},
                     {"Probe", ERROR_FILE_NOT_FOUND}};
  for (const auto& each : wrong) {
    EXPECT_EQ(CreateFileA(each.name, 0, 0, nullptr, OPEN_EXISTING, 0, nullptr),
              INVALID_HANDLE_VALUE);
    EXPECT_EQ(GetLastError(), each.error) << each.name;
  }
  EXPECT_EQ(CreateFileW(L"\\\\.\\Probe", 0, 0, nullptr, 9, 0, nullptr), INVALID_HANDLE_VALUE);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
}

// WIN32-HANDLE-002
TEST_F(win32_file, cleanup_comes_with_the_last_handle) {
  const HANDLE file = open();
  HANDLE twin = nullptr;
  ASSERT_TRUE(DuplicateHandle(GetCurrentProcess(), file, GetCurrentProcess(), &twin, 0, FALSE,
                              DUPLICATE_SAME_ACCESS));
  EXPECT_NE(twin, file);
  EXPECT_TRUE(CompareObjectHandles(file, twin));
  CloseHandle(file);
  EXPECT_EQ(probe::seen(), (majors{0}));
  CloseHandle(twin);
  EXPECT_EQ(probe::seen(), (majors{0, 18, 2}));
}

// WIN32-IO-003 WIN32-IO-008
TEST_F(win32_file, an_overlapped_read) {
  const HANDLE file = open();
  OVERLAPPED overlapped{};
  overlapped.hEvent = CreateEventA(nullptr, TRUE, TRUE, nullptr);
  char buffer[8] = {};
  DWORD bytes = 99;
  EXPECT_FALSE(ReadFile(file, buffer, sizeof buffer, &bytes, &overlapped));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_IO_PENDING});
  EXPECT_EQ(overlapped.Internal, std::uintptr_t{0x103});
  EXPECT_FALSE(HasOverlappedIoCompleted(&overlapped));
  EXPECT_EQ(WaitForSingleObject(overlapped.hEvent, 0), DWORD{WAIT_TIMEOUT}) << "reset at issue";
  EXPECT_FALSE(GetOverlappedResult(file, &overlapped, &bytes, FALSE));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_IO_INCOMPLETE});
  EXPECT_FALSE(GetOverlappedResultEx(file, &overlapped, &bytes, 1, FALSE));
  EXPECT_EQ(GetLastError(), DWORD{WAIT_TIMEOUT});
  ASSERT_TRUE(probe::complete_oldest(0, 3));
  EXPECT_TRUE(GetOverlappedResult(file, &overlapped, &bytes, TRUE));
  EXPECT_EQ(bytes, 3u);
  EXPECT_EQ(overlapped.Internal, 0u);
  EXPECT_EQ(overlapped.InternalHigh, 3u);
  EXPECT_STREQ(buffer, "abc");
  EXPECT_EQ(WaitForSingleObject(overlapped.hEvent, 0), DWORD{WAIT_OBJECT_0});
  CloseHandle(overlapped.hEvent);
  CloseHandle(file);
}

// WIN32-CANCEL-002 WDM-FILE-005
TEST_F(win32_file, cancel_io_ex_of_one_of_all_and_of_none) {
  const HANDLE file = open();
  EXPECT_FALSE(CancelIoEx(file, nullptr));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_NOT_FOUND});
  OVERLAPPED first{}, second{}, third{};
  char buffer[3][8];
  ReadFile(file, buffer[0], 8, nullptr, &first);
  ReadFile(file, buffer[1], 8, nullptr, &second);
  ReadFile(file, buffer[2], 8, nullptr, &third);
  EXPECT_TRUE(CancelIoEx(file, &second));
  EXPECT_EQ(probe::cancels(), 1);
  DWORD bytes;
  EXPECT_FALSE(GetOverlappedResult(file, &second, &bytes, TRUE));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_OPERATION_ABORTED});
  EXPECT_EQ(static_cast<DWORD>(second.Internal), 0xC0000120u);
  EXPECT_FALSE(CancelIoEx(file, &second));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_NOT_FOUND});
  EXPECT_FALSE(HasOverlappedIoCompleted(&first));
  EXPECT_TRUE(CancelIoEx(file, nullptr));
  EXPECT_EQ(probe::cancels(), 3);
  EXPECT_EQ(probe::pending(), 0);
  CloseHandle(file);
}

// WIN32-CANCEL-001 WDM-FILE-005
TEST_F(win32_file, cancel_io_succeeds_also_with_nothing_to_do) {
  const HANDLE file = open();
  EXPECT_TRUE(CancelIo(file));
  OVERLAPPED overlapped{};
  char buffer[8];
  ReadFile(file, buffer, 8, nullptr, &overlapped);
  EXPECT_TRUE(CancelIo(file));
  DWORD bytes;
  EXPECT_FALSE(GetOverlappedResult(file, &overlapped, &bytes, TRUE));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_OPERATION_ABORTED});
  CloseHandle(file);
  EXPECT_FALSE(CancelIo(file));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_HANDLE});
}

// WIN32-CANCEL-003
TEST_F(win32_file, a_thread_that_waits_for_nothing_has_nothing_to_cancel) {
  EXPECT_FALSE(CancelSynchronousIo(GetCurrentThread()));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_NOT_FOUND});
}

// WIN32-IO-007
TEST_F(win32_file, rights) {
  const HANDLE file = open(FILE_FLAG_OVERLAPPED, GENERIC_READ);
  DWORD bytes;
  OVERLAPPED overlapped{};
  EXPECT_FALSE(WriteFile(file, "a", 1, &bytes, &overlapped));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_ACCESS_DENIED});
  EXPECT_TRUE(
      DeviceIoControl(file, probe::code(0, 1), nullptr, 0, nullptr, 0, &bytes, &overlapped));
  EXPECT_FALSE(
      DeviceIoControl(file, probe::code(0, 2), nullptr, 0, nullptr, 0, &bytes, &overlapped));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_ACCESS_DENIED});
  CloseHandle(file);
  const HANDLE bare = open(0, 0);
  EXPECT_TRUE(DeviceIoControl(bare, probe::code(0), nullptr, 0, nullptr, 0, &bytes, nullptr));
  EXPECT_FALSE(ReadFile(bare, &bytes, 1, &bytes, nullptr));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_ACCESS_DENIED});
  CloseHandle(bare);
}

// WIN32-IO-002
TEST_F(win32_file, an_overlapped_file_needs_an_overlapped) {
  const HANDLE file = open();
  DWORD bytes;
  char buffer[8];
  EXPECT_FALSE(ReadFile(file, buffer, 8, &bytes, nullptr));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
  EXPECT_TRUE(DeviceIoControl(file, probe::code(0), nullptr, 0, buffer, 8, &bytes, nullptr));
  EXPECT_EQ(bytes, 3u);
  CloseHandle(file);
}

// ---- what becomes of each combination of statuses, as Wine's tests found it on Windows

constexpr std::int32_t statuses[] = {0,
                                     0x102,
                                     0x0eadbeef,
                                     0x4eadbeef,
                                     static_cast<std::int32_t>(0x80000005),
                                     static_cast<std::int32_t>(0x8eadbeef),
                                     static_cast<std::int32_t>(0xC0000002),
                                     static_cast<std::int32_t>(0xceadbeef)};
bool error(std::int32_t status) { return static_cast<std::uint32_t>(status) >> 30 == 3; }

// WIN32-IO-001 WDM-FILE-004: on a file that is not overlapped.
TEST_F(win32_file, statuses_of_a_file_that_waits) {
  const HANDLE file = open(0);
  for (const std::int32_t status : statuses) {
    for (const bool pending : {false, true}) {
      SCOPED_TRACE(::testing::Message() << std::hex << status << " pending " << pending);
      probe::set_answer({pending ? 0x103 : status, status, pending});
      char buffer[7] = "abcdef";
      DWORD bytes = 0xdeadf00d;
      SetLastError(0xdeadf00d);
      const BOOL well =
          DeviceIoControl(file, probe::code(0), nullptr, 0, buffer, 7, &bytes, nullptr);
      EXPECT_EQ(well != FALSE, status >= 0);
      EXPECT_EQ(GetLastError() == 0xdeadf00d, status >= 0);
      EXPECT_EQ(bytes, error(status) ? 0xdeadf00d : 3u);
      EXPECT_STREQ(buffer, error(status) ? "abcdef" : "ghidef");
    }
  }
  CloseHandle(file);
}

// WIN32-IO-001 WDM-FILE-004: on an overlapped one, with an event and a port.
TEST_F(win32_file, statuses_of_an_overlapped_file) {
  const HANDLE file = open();
  const HANDLE port = CreateIoCompletionPort(file, nullptr, 123, 0);
  ASSERT_NE(port, nullptr);
  EXPECT_EQ(WaitForSingleObject(file, 0), DWORD{WAIT_OBJECT_0});
  const HANDLE event = CreateEventA(nullptr, TRUE, TRUE, nullptr);
  for (const std::int32_t status : statuses) {
    for (const bool pending : {false, true}) {
      SCOPED_TRACE(::testing::Message() << std::hex << status << " pending " << pending);
      probe::set_answer({pending ? 0x103 : status, status, pending});
      const bool silent = !pending && error(status);
      char buffer[7] = "abcdef";
      DWORD bytes = 0;
      OVERLAPPED overlapped{};
      overlapped.hEvent = event;
      overlapped.InternalHigh = 0xdeadf00d;
      const BOOL well =
          DeviceIoControl(file, probe::code(0), nullptr, 0, buffer, 7, &bytes, &overlapped);
      EXPECT_EQ(well != FALSE, !pending && status >= 0);
      EXPECT_EQ(!well && GetLastError() == ERROR_IO_PENDING, pending);
      EXPECT_STREQ(buffer, error(status) ? "abcdef" : "ghidef");
      EXPECT_EQ(static_cast<std::int32_t>(overlapped.Internal), silent ? 0x103 : status);
      EXPECT_EQ(overlapped.InternalHigh, silent ? 0xdeadf00d : 3u);
      EXPECT_EQ(WaitForSingleObject(event, 0), silent ? DWORD{WAIT_TIMEOUT} : WAIT_OBJECT_0);
      EXPECT_EQ(WaitForSingleObject(file, 0), DWORD{WAIT_TIMEOUT}) << "the event is told instead";
      ULONG_PTR key = 0;
      LPOVERLAPPED which = nullptr;
      const BOOL packet = GetQueuedCompletionStatus(port, &bytes, &key, &which, 0);
      EXPECT_EQ(which, silent ? nullptr : &overlapped);
      EXPECT_EQ(packet != FALSE, !silent && status >= 0);
      EXPECT_EQ(key, silent ? 0u : 123u);
      EXPECT_TRUE(silent ? GetLastError() == WAIT_TIMEOUT : bytes == 3);
    }
  }
  CloseHandle(event);
  CloseHandle(port);
  CloseHandle(file);
}

// WIN32-IO-001: without an event the file itself is signalled; the low bit of hEvent keeps the
// packet away.
TEST_F(win32_file, the_file_is_signalled_and_the_low_bit_keeps_the_packet_away) {
  const HANDLE file = open();
  const HANDLE port = CreateIoCompletionPort(file, nullptr, 1, 0);
  const HANDLE event = CreateEventA(nullptr, TRUE, FALSE, nullptr);
  OVERLAPPED overlapped{};
  DWORD bytes;
  ULONG_PTR key;
  LPOVERLAPPED which;
  EXPECT_TRUE(DeviceIoControl(file, probe::code(0), nullptr, 0, nullptr, 0, &bytes, &overlapped));
  EXPECT_EQ(WaitForSingleObject(file, 0), DWORD{WAIT_OBJECT_0});
  EXPECT_TRUE(GetQueuedCompletionStatus(port, &bytes, &key, &which, 0));
  overlapped.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<std::uintptr_t>(event) | 1);
  EXPECT_TRUE(DeviceIoControl(file, probe::code(0), nullptr, 0, nullptr, 0, &bytes, &overlapped));
  EXPECT_EQ(WaitForSingleObject(event, 0), DWORD{WAIT_OBJECT_0});
  EXPECT_FALSE(GetQueuedCompletionStatus(port, &bytes, &key, &which, 0));
  EXPECT_EQ(which, nullptr);
  CloseHandle(event);
  CloseHandle(port);
  CloseHandle(file);
}

// WIN32-IO-006
TEST_F(win32_file, success_at_once_may_skip_the_port) {
  const HANDLE file = open();
  const HANDLE port = CreateIoCompletionPort(file, nullptr, 1, 0);
  EXPECT_TRUE(SetFileCompletionNotificationModes(file, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
  for (const std::int32_t status : statuses) {
    for (const bool pending : {false, true}) {
      probe::set_answer({pending ? 0x103 : status, status, pending});
      OVERLAPPED overlapped{};
      DWORD bytes;
      ULONG_PTR key;
      LPOVERLAPPED which;
      DeviceIoControl(file, probe::code(0), nullptr, 0, nullptr, 0, &bytes, &overlapped);
      GetQueuedCompletionStatus(port, &bytes, &key, &which, 0);
      const bool told = pending || (status < 0 && !error(status));
      EXPECT_EQ(which != nullptr, told) << std::hex << status << " pending " << pending;
    }
  }
  CloseHandle(port);
  CloseHandle(file);
}

}  // namespace
}  // namespace belay::test
