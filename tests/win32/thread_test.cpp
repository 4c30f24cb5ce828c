// Ports, waits, threads, locks and services, on real threads where more than one is needed. Nothing
// depends on who is faster: a thread that has to be inside a call is awaited there.
#include <gtest/gtest.h>

#include "probe.hpp"
#include "win32/process.hpp"
#include "win32/services.hpp"

// clang-format off: last, because it defines much.
#include <windows.h>
// clang-format on

namespace belay::test {
namespace {

class win32_thread : public ::testing::Test {
 protected:
  void SetUp() override { probe::start(); }
  void TearDown() override {
    win32::set_service_loader(nullptr);
    probe::stop();
  }
  static HANDLE open(DWORD flags = FILE_FLAG_OVERLAPPED) {
    return CreateFileA("\\\\.\\Probe", GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                       flags, nullptr);
  }
  // Until the driver has so many requests.
  static void await_pending(int count) {
    while (probe::pending() != count) SwitchToThread();
  }
  static HANDLE run(LPTHREAD_START_ROUTINE routine, void* argument = nullptr) {
    return CreateThread(nullptr, 0, routine, argument, 0, nullptr);
  }
  static DWORD join(HANDLE thread) {
    WaitForSingleObject(thread, INFINITE);
    DWORD code = 0;
    GetExitCodeThread(thread, &code);
    CloseHandle(thread);
    return code;
  }
};

// WIN32-PORT-002
TEST_F(win32_thread, packets_come_in_the_order_in_which_they_were_queued) {
  const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 0);
  const HANDLE file = open();
  EXPECT_EQ(CreateIoCompletionPort(file, port, 7, 0), port);
  OVERLAPPED read{}, posted{};
  char buffer[8];
  ReadFile(file, buffer, 8, nullptr, &read);
  EXPECT_TRUE(PostQueuedCompletionStatus(port, 5, 9, &posted));
  EXPECT_TRUE(CancelIoEx(file, &read));
  EXPECT_TRUE(PostQueuedCompletionStatus(port, 6, 9, nullptr));
  DWORD bytes = 0;
  ULONG_PTR key = 0;
  LPOVERLAPPED which = nullptr;
  EXPECT_TRUE(GetQueuedCompletionStatus(port, &bytes, &key, &which, INFINITE));
  EXPECT_TRUE(which == &posted && key == 9 && bytes == 5);
  EXPECT_FALSE(GetQueuedCompletionStatus(port, &bytes, &key, &which, INFINITE));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_OPERATION_ABORTED});
  EXPECT_TRUE(which == &read && key == 7 && bytes == 0);
  OVERLAPPED_ENTRY entries[4];
  ULONG count = 0;
  EXPECT_TRUE(GetQueuedCompletionStatusEx(port, entries, 4, &count, INFINITE, FALSE));
  EXPECT_TRUE(count == 1 && entries[0].dwNumberOfBytesTransferred == 6);
  EXPECT_FALSE(GetQueuedCompletionStatus(port, &bytes, &key, &which, 0));
  EXPECT_EQ(GetLastError(), DWORD{WAIT_TIMEOUT});
  CloseHandle(file);
  CloseHandle(port);
}

// WIN32-PORT-001
TEST_F(win32_thread, a_file_belongs_to_one_port) {
  const HANDLE file = open();
  const HANDLE port = CreateIoCompletionPort(file, nullptr, 1, 4);
  ASSERT_NE(port, nullptr);
  EXPECT_EQ(CreateIoCompletionPort(file, nullptr, 2, 0), nullptr);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
  const HANDLE waits = open(0);
  EXPECT_EQ(CreateIoCompletionPort(waits, port, 3, 0), nullptr);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
  for (const HANDLE each : {waits, file, port}) CloseHandle(each);
}

// WIN32-IO-004 WIN32-WAIT-001
TEST_F(win32_thread, a_completion_routine_runs_in_an_alertable_wait) {
  static DWORD error, count;
  error = count = 0;
  const HANDLE file = open();
  OVERLAPPED overlapped{};
  char buffer[8];
  const auto routine = [](DWORD what, DWORD, LPOVERLAPPED) { error = what, ++count; };
  EXPECT_TRUE(ReadFileEx(file, buffer, 8, &overlapped, routine));
  EXPECT_TRUE(CancelIo(file));
  EXPECT_EQ(WaitForSingleObject(file, 0), DWORD{WAIT_OBJECT_0});
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(SleepEx(INFINITE, TRUE), DWORD{WAIT_IO_COMPLETION});
  EXPECT_TRUE(count == 1 && error == ERROR_OPERATION_ABORTED);
  const HANDLE port = CreateIoCompletionPort(file, nullptr, 1, 0);
  EXPECT_FALSE(ReadFileEx(file, buffer, 8, &overlapped, routine));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
  CloseHandle(port);
  CloseHandle(file);
}

// WIN32-WAIT-001
TEST_F(win32_thread, waits_for_one_and_for_all) {
  const HANDLE two[] = {CreateEventA(nullptr, FALSE, FALSE, nullptr),
                        CreateSemaphoreA(nullptr, 1, 2, nullptr)};
  EXPECT_EQ(WaitForMultipleObjects(2, two, FALSE, 0), DWORD{WAIT_OBJECT_0 + 1});
  EXPECT_EQ(WaitForMultipleObjects(2, two, FALSE, 0), DWORD{WAIT_TIMEOUT});
  SetEvent(two[0]);
  EXPECT_EQ(WaitForMultipleObjects(2, two, TRUE, 0), DWORD{WAIT_TIMEOUT});
  LONG before = 9;
  EXPECT_TRUE(ReleaseSemaphore(two[1], 2, &before));
  EXPECT_EQ(before, 0);
  EXPECT_FALSE(ReleaseSemaphore(two[1], 1, &before));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_TOO_MANY_POSTS});
  EXPECT_EQ(WaitForMultipleObjects(2, two, TRUE, 0), DWORD{WAIT_OBJECT_0});
  EXPECT_EQ(WaitForSingleObject(two[0], 0), DWORD{WAIT_TIMEOUT});
  EXPECT_EQ(WaitForMultipleObjects(0, two, TRUE, 0), DWORD{WAIT_FAILED});
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
  CloseHandle(two[0]);
  EXPECT_EQ(WaitForMultipleObjects(2, two, FALSE, 0), DWORD{WAIT_FAILED});
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_HANDLE});
  CloseHandle(two[1]);
}

// WIN32-WAIT-002
TEST_F(win32_thread, objects_are_shared_by_name) {
  const HANDLE first = CreateEventA(nullptr, TRUE, FALSE, "bell");
  EXPECT_EQ(GetLastError(), DWORD{ERROR_SUCCESS});
  const HANDLE second = CreateEventW(nullptr, TRUE, FALSE, L"bell");
  EXPECT_EQ(GetLastError(), DWORD{ERROR_ALREADY_EXISTS});
  SetEvent(second);
  EXPECT_EQ(WaitForSingleObject(first, 0), DWORD{WAIT_OBJECT_0});
  EXPECT_EQ(CreateMutexA(nullptr, FALSE, "bell"), nullptr);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_HANDLE});
  CloseHandle(first);
  CloseHandle(second);
  EXPECT_EQ(OpenEventA(0, FALSE, "bell"), nullptr);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_FILE_NOT_FOUND});
}

// WIN32-CANCEL-003 WDM-FILE-005
TEST_F(win32_thread, a_read_that_a_thread_waits_for_is_cancelled) {
  const HANDLE file = open(0);
  const HANDLE thread = run(
      [](LPVOID what) -> DWORD {
        char buffer[8];
        DWORD bytes;
        return ReadFile(what, buffer, 8, &bytes, nullptr) ? 0 : GetLastError();
      },
      file);
  await_pending(1);
  EXPECT_TRUE(CancelSynchronousIo(thread));
  EXPECT_EQ(join(thread), DWORD{ERROR_OPERATION_ABORTED});
  CloseHandle(file);
}

// WIN32-CANCEL-003
TEST_F(win32_thread, a_create_that_a_driver_keeps_is_cancelled) {
  probe::pend_creates(true);
  const HANDLE thread =
      run([](LPVOID) -> DWORD { return open() == INVALID_HANDLE_VALUE ? GetLastError() : 0; });
  await_pending(1);
  EXPECT_TRUE(CancelSynchronousIo(thread));
  EXPECT_EQ(join(thread), DWORD{ERROR_OPERATION_ABORTED});
  EXPECT_EQ(probe::seen(), (std::vector<int>{0}));
}

// WIN32-THREAD-001: what a thread leaves in flight is cancelled before its end is seen.
TEST_F(win32_thread, the_end_of_a_thread_cancels_its_requests) {
  static OVERLAPPED overlapped;
  static char buffer[8];
  overlapped = {};
  const HANDLE file = open();
  EXPECT_EQ(join(run(
                [](LPVOID what) -> DWORD {
                  ReadFile(what, buffer, 8, nullptr, &overlapped);
                  ExitThread(77);
                },
                file)),
            77u);
  EXPECT_EQ(probe::cancels(), 1);
  EXPECT_EQ(static_cast<DWORD>(overlapped.Internal), 0xC0000120u);
  const HANDLE other = run([](LPVOID) -> DWORD { return 0; });
  EXPECT_FALSE(TerminateThread(other, 1));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_CALL_NOT_IMPLEMENTED});
  join(other);
  EXPECT_EQ(CreateThread(nullptr, 0, nullptr, nullptr, CREATE_SUSPENDED, nullptr), nullptr);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_CALL_NOT_IMPLEMENTED});
  CloseHandle(file);
}

// WIN32-THREAD-002
TEST_F(win32_thread, thread_local_storage) {
  static DWORD index;
  index = TlsAlloc();
  ASSERT_NE(index, TLS_OUT_OF_INDEXES);
  EXPECT_TRUE(TlsSetValue(index, &index));
  EXPECT_EQ(join(run([](LPVOID) -> DWORD { return TlsGetValue(index) == nullptr; })), 1u);
  EXPECT_EQ(TlsGetValue(index), &index);
  EXPECT_TRUE(TlsFree(index));
  EXPECT_FALSE(TlsSetValue(index, nullptr));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
}

// WIN32-LOCK-001 WIN32-LOCK-002: a counter that is not atomic, under each lock.
TEST_F(win32_thread, locks_keep_others_out) {
  static CRITICAL_SECTION section;
  static SRWLOCK slim = SRWLOCK_INIT;
  static int counts[2];
  counts[0] = counts[1] = 0;
  InitializeCriticalSection(&section);
  HANDLE threads[4];
  for (HANDLE& each : threads) {
    each = run([](LPVOID) -> DWORD {
      for (int i = 0; i < 20000; ++i) {
        EnterCriticalSection(&section);
        if (i % 2 == 0) EnterCriticalSection(&section);
        ++counts[0];
        if (i % 2 == 0) LeaveCriticalSection(&section);
        LeaveCriticalSection(&section);
        AcquireSRWLockExclusive(&slim);
        ++counts[1];
        ReleaseSRWLockExclusive(&slim);
      }
      return 0;
    });
  }
  for (const HANDLE each : threads) join(each);
  EXPECT_EQ(counts[0], 80000);
  EXPECT_EQ(counts[1], 80000);
  DeleteCriticalSection(&section);
}

// WIN32-LOCK-003
TEST_F(win32_thread, one_thread_initialises) {
  static INIT_ONCE once;
  InitOnceInitialize(&once);
  static int runs;
  runs = 0;
  const auto init = [](PINIT_ONCE, PVOID, PVOID* context) -> BOOL {
    *context = &runs;
    return ++runs > 1;  // the first try fails
  };
  void* context = nullptr;
  EXPECT_FALSE(InitOnceExecuteOnce(&once, init, nullptr, &context));
  EXPECT_TRUE(InitOnceExecuteOnce(&once, init, nullptr, &context));
  EXPECT_TRUE(InitOnceExecuteOnce(&once, init, nullptr, &context));
  EXPECT_EQ(context, &runs);
  EXPECT_EQ(runs, 2);
}

// WIN32-PROCESS-001
TEST_F(win32_thread, the_end_of_the_process_closes_its_handles) {
  static OVERLAPPED overlapped;
  static char buffer[8];
  overlapped = {};
  EXPECT_EQ(win32::run_program(
                [](void*) -> int {
                  ReadFile(open(), buffer, 8, nullptr, &overlapped);
                  ExitProcess(5);
                },
                nullptr),
            5u);
  EXPECT_EQ(probe::cancels(), 1);
  EXPECT_EQ(probe::seen(), (std::vector<int>{0, 3, 18, 2}));
}

// WIN32-SERVICE-001
TEST_F(win32_thread, a_driver_is_installed_started_stopped_and_removed) {
  static int loaded;
  loaded = 0;
  win32::set_service_loader([](win32::service_request what, const char16_t*, const char16_t*) {
    loaded += what == win32::service_request::load ? 1 : 0;
    loaded -= what == win32::service_request::unload ? 1 : 0;
    return win32::service_answer::done;
  });
  const SC_HANDLE manager = OpenSCManagerA(nullptr, nullptr, SC_MANAGER_ALL_ACCESS);
  const auto create = [&] {
    return CreateServiceA(manager, "probe", "probe", SERVICE_ALL_ACCESS, SERVICE_KERNEL_DRIVER,
                          SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, "C:\\probe.sys", nullptr,
                          nullptr, nullptr, nullptr, nullptr);
  };
  EXPECT_EQ(OpenServiceA(manager, "probe", SERVICE_ALL_ACCESS), nullptr);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_SERVICE_DOES_NOT_EXIST});
  const SC_HANDLE service = create();
  ASSERT_NE(service, nullptr);
  EXPECT_EQ(create(), nullptr);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_SERVICE_EXISTS});
  SERVICE_STATUS status;
  EXPECT_FALSE(ControlService(service, SERVICE_CONTROL_STOP, &status));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_SERVICE_NOT_ACTIVE});
  EXPECT_TRUE(StartServiceA(service, 0, nullptr));
  EXPECT_EQ(loaded, 1);
  EXPECT_FALSE(StartServiceA(service, 0, nullptr));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_SERVICE_ALREADY_RUNNING});
  EXPECT_TRUE(QueryServiceStatus(service, &status) && status.dwCurrentState == SERVICE_RUNNING);
  EXPECT_TRUE(ControlService(service, SERVICE_CONTROL_STOP, &status));
  EXPECT_TRUE(loaded == 0 && status.dwCurrentState == SERVICE_STOPPED);
  EXPECT_TRUE(DeleteService(service));
  EXPECT_FALSE(DeleteService(service));
  EXPECT_EQ(GetLastError(), DWORD{ERROR_SERVICE_MARKED_FOR_DELETE});
  CloseServiceHandle(service);
  CloseServiceHandle(manager);
}

// WIN32-PORT-003: threads that wait on a port return when it is closed.
TEST_F(win32_thread, closing_a_port_wakes_who_waits) {
  static HANDLE port;
  port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 0);
  const HANDLE ready = CreateEventA(nullptr, TRUE, FALSE, nullptr);
  const HANDLE thread = run(
      [](LPVOID event) -> DWORD {
        DWORD bytes;
        ULONG_PTR key;
        LPOVERLAPPED which;
        GetQueuedCompletionStatus(port, &bytes, &key, &which, 0);
        SetEvent(event);
        return GetQueuedCompletionStatus(port, &bytes, &key, &which, INFINITE) ? 0 : GetLastError();
      },
      ready);
  WaitForSingleObject(ready, INFINITE);
  CloseHandle(port);
  const DWORD error = join(thread);
  EXPECT_TRUE(error == ERROR_ABANDONED_WAIT_0 || error == ERROR_INVALID_HANDLE) << error;
  CloseHandle(ready);
}

}  // namespace
}  // namespace belay::test
