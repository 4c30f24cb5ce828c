// For tests of what happens to a thread inside a system call.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include <sys/syscall.h>

namespace edges_test {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool under_tsan = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool under_tsan = true;
#else
inline constexpr bool under_tsan = false;
#endif
#else
inline constexpr bool under_tsan = false;
#endif

inline int this_thread() { return static_cast<int>(syscall(SYS_gettid)); }

/// Ends the process, and so fails the test, when what it guards does not come to an end.
class watchdog {
 public:
  explicit watchdog(unsigned seconds = 240) { alarm(seconds); }
  ~watchdog() { alarm(0); }
};

/// A thread whose number is known once it runs.
class numbered_thread {
 public:
  explicit numbered_thread(std::function<void()> run)
      : thread_([this, run = std::move(run)] {
          number_.store(this_thread());
          number_.notify_all();
          run();
        }) {}
  ~numbered_thread() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  int number() {
    number_.wait(0);
    return number_.load();
  }

 private:
  std::atomic<int> number_{0};
  std::thread thread_;
};

/// Returns when `thread` sleeps in the system call of that number.
inline void wait_until_blocked(int thread, long system_call) {
  const std::string folder = "/proc/self/task/" + std::to_string(thread);
  for (;; std::this_thread::yield()) {
    char state = 0;
    long number = -1;
    if (std::FILE* const file = std::fopen((folder + "/stat").c_str(), "r")) {
      if (std::fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 0;
      std::fclose(file);
    }
    if (state != 'S') continue;
    if (std::FILE* const file = std::fopen((folder + "/syscall").c_str(), "r")) {
      if (std::fscanf(file, "%ld", &number) != 1) number = -1;
      std::fclose(file);
    }
    if (number == system_call) return;
  }
}

class pipe_pair {
 public:
  pipe_pair() {
    if (pipe(ends_) != 0) std::abort();
  }
  ~pipe_pair() {
    close(ends_[0]);
    close(ends_[1]);
  }
  pipe_pair(const pipe_pair&) = delete;
  pipe_pair& operator=(const pipe_pair&) = delete;
  int out() const { return ends_[0]; }
  int in() const { return ends_[1]; }
  void put(char what = 'x') const {
    if (::write(ends_[1], &what, 1) != 1) std::abort();
  }

 private:
  int ends_[2];
};

}  // namespace edges_test
