// The user side's races, in every interleaving with so many preemptions.
#include <string>

#include <gtest/gtest.h>

#include "explore/explore.hpp"
#include "probe.hpp"
#include "win32/process.hpp"

// clang-format off: last, because it defines much.
#include <windows.h>
// clang-format on

namespace belay::test {
namespace {

constexpr DWORD aborted = ERROR_OPERATION_ABORTED;
HANDLE file, port, target;
OVERLAPPED overlapped;
char buffer[8];
bool completed;
DWORD error;

HANDLE open(DWORD flags) {
  return CreateFileA("\\\\.\\Probe", GENERIC_READ, 0, nullptr, OPEN_EXISTING, flags, nullptr);
}
DWORD WINAPI complete(LPVOID) {
  completed = probe::complete_oldest(0, 3);
  return 0;
}
HANDLE run(LPTHREAD_START_ROUTINE routine) {
  return CreateThread(nullptr, 0, routine, nullptr, 0, nullptr);
}
void join(HANDLE thread) {
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
}

// Explores `body`, a program's main thread, with a probe driver of its own.
void explore(void (*body)(), std::uint64_t executions) {
  sync::guest().forget();
  explore::program_under_test program;
  program.check_races(false);  // what a test looks at is ordered by joins
  program.actor("main", [body] {
    completed = false;
    error = 0;
    overlapped = {};
    probe::start();
    body();
    explore::require(probe::pending() == 0, "the driver has nothing left");
    probe::stop();
  });
  const auto all = explore::exhaust(program, {.bound = 2, .prune = true});
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_EQ(all.executions, executions);
}

// WIN32-CANCEL-002: one outcome, and it is the one that GetOverlappedResult tells.
TEST(win32_race, cancel_io_ex_against_completion_against_the_result) {
  explore(
      [] {
        file = open(FILE_FLAG_OVERLAPPED);
        ReadFile(file, buffer, 8, nullptr, &overlapped);
        const HANDLE completer = run(&complete);
        const HANDLE canceller = run([](LPVOID) -> DWORD { return CancelIoEx(file, &overlapped); });
        DWORD bytes = 9;
        const BOOL well = GetOverlappedResult(file, &overlapped, &bytes, TRUE);
        explore::require(well ? bytes == 3 : bytes == 0 && GetLastError() == aborted, "the bytes");
        join(completer);
        join(canceller);
        explore::require((well != FALSE) == completed, "who won says how it ended");
        explore::require(probe::cancels() == (completed ? 0 : 1), "one of the two");
        CloseHandle(file);
      },
      119);
}

// WIN32-CANCEL-003
TEST(win32_race, cancel_synchronous_io_against_completion) {
  explore(
      [] {
        file = open(0);
        target = run([](LPVOID) -> DWORD {
          DWORD bytes = 0;
          error = ReadFile(file, buffer, 8, &bytes, nullptr) ? 0 : GetLastError();
          return 0;
        });
        const HANDLE canceller = run([](LPVOID) -> DWORD { return CancelSynchronousIo(target); });
        while (!(completed = probe::complete_oldest(0, 3)) &&
               WaitForSingleObject(target, 1) == WAIT_TIMEOUT) {
        }
        join(canceller);
        join(target);
        explore::require(error == (completed ? 0 : aborted), "one of the two");
        CloseHandle(file);
      },
      127);
}

// WIN32-HANDLE-001: the last handle goes while the read is in flight, which the driver's cleanup
// ends.
TEST(win32_race, close_against_completion) {
  explore(
      [] {
        file = open(FILE_FLAG_OVERLAPPED);
        overlapped.hEvent = CreateEventA(nullptr, TRUE, FALSE, nullptr);
        ReadFile(file, buffer, 8, nullptr, &overlapped);
        const HANDLE completer = run(&complete);
        CloseHandle(file);
        DWORD bytes = 0;
        const BOOL well = GetOverlappedResult(file, &overlapped, &bytes, TRUE);
        explore::require(well || GetLastError() == aborted, "completed or cancelled");
        join(completer);
        explore::require((well != FALSE) == completed, "who won says how it ended");
        CloseHandle(overlapped.hEvent);
      },
      32);
}

// WIN32-THREAD-001, WDM-FILE-003: over before the thread's end is seen.
TEST(win32_race, the_end_of_a_thread_against_completion) {
  explore(
      [] {
        file = open(FILE_FLAG_OVERLAPPED);
        const HANDLE reader = run([](LPVOID) -> DWORD {
          ReadFile(file, buffer, 8, nullptr, &overlapped);
          return 0;
        });
        const HANDLE completer = run(&complete);
        join(reader);
        explore::require(HasOverlappedIoCompleted(&overlapped), "over before the thread is");
        join(completer);
        explore::require(probe::cancels() == (completed ? 0 : 1), "one of the two");
        CloseHandle(file);
      },
      111);
}

// Explores a program whose driver loses a cancel, and says which clause was found to be broken.
std::string found_in(void (*body)()) {
  sync::guest().forget();
  explore::program_under_test program;
  program.check_races(false);
  program.actor("main", [body] {
    overlapped = {};
    probe::start();
    probe::arm_late(true);
    body();
    probe::stop();
  });
  const auto all = explore::exhaust(program, {.bound = 2, .prune = true});
  return all.found ? all.found->clause : "nothing";
}

// WDM-CANCEL-013: the thread's end waits for what was cancelled too early for the driver.
TEST(win32_race, a_lost_cancel_keeps_a_thread_from_ending) {
  EXPECT_EQ(found_in([] {
              file = open(FILE_FLAG_OVERLAPPED);
              const HANDLE reader = run([](LPVOID) -> DWORD {
                ReadFile(file, buffer, 8, nullptr, &overlapped);
                return 0;
              });
              CancelIoEx(file, nullptr);
              join(reader);
              CloseHandle(file);
            }),
            "WDM-CANCEL-013");
}

// WIN32-PORT-002, WIN32-THREAD-001
TEST(win32_race, packets_of_two_threads_and_of_a_request) {
  explore(
      [] {
        file = open(FILE_FLAG_OVERLAPPED);
        port = CreateIoCompletionPort(file, nullptr, 1, 0);
        ReadFile(file, buffer, 8, nullptr, &overlapped);
        const HANDLE poster = run([](LPVOID) -> DWORD {
          PostQueuedCompletionStatus(port, 0, 2, nullptr);
          PostQueuedCompletionStatus(port, 0, 3, nullptr);
          return 0;
        });
        const HANDLE completer = run(&complete);
        ULONG_PTR last = 0;
        int packets[4] = {};
        for (int i = 0; i < 3; ++i) {
          DWORD bytes;
          ULONG_PTR key = 0;
          LPOVERLAPPED which;
          GetQueuedCompletionStatus(port, &bytes, &key, &which, INFINITE);
          explore::require((which == &overlapped) == (key == 1), "whose packet it is");
          explore::require(key == 1 || key > last, "a thread's packets keep their order");
          if (key != 1) last = key;
          ++packets[key];
        }
        explore::require(packets[1] == 1 && packets[2] == 1 && packets[3] == 1, "each once");
        join(poster);
        join(completer);
        CloseHandle(file);
        CloseHandle(port);
      },
      97);
}

}  // namespace
}  // namespace belay::test
