// The state of the C runtime; the end of the program, random numbers, time, threads of the runtime.
//
// Thread safety: any thread; state of the process is under its lock.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernel/contract.hpp"
#include "kernel/parts.hpp"
#include "win32/console.hpp"
#include "win32/crt.hpp"
#include "win32/environment.hpp"
#include "win32/heap.hpp"
#include "win32/process.hpp"

// clang-format off: last, because they define much.
#include <process.h>
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

struct exit_handler {
  exit_handler* next = nullptr;
  exit_handler* previous = nullptr;
  void (*run)() = nullptr;
};

namespace {

constexpr std::uint64_t units_per_second = 10'000'000;
constexpr std::uint64_t seconds_to_1970 = 11'644'473'600;

/// In units of 100 ns since 1601.
std::uint64_t system_time() {
  FILETIME now;
  GetSystemTimeAsFileTime(&now);
  return static_cast<std::uint64_t>(now.dwHighDateTime) << 32 | now.dwLowDateTime;
}

exit_handler* next_exit() {
  crt_state& state = crt();
  const kernel::guard hold_lock(the_process().lock);
  exit_handler* const first = state.exits;
  if (first != nullptr) kernel::unlink(state.exits, first);
  return first;
}

void run_exit_handlers() {
  while (exit_handler* const each = next_exit()) {
    each->run();
    kernel::discard(each);
  }
}

/// What a thread of _beginthread needs to know.
struct beginning {
  _beginthread_proc_type start;
  void* argument;
};

DWORD WINAPI begin(LPVOID parameter) {
  auto* const what = static_cast<beginning*>(parameter);
  const beginning begun = *what;
  kernel::discard(what);
  begun.start(begun.argument);
  return 0;
}

}  // namespace

crt_state& crt() {
  void*& slot = the_process().crt;
  if (slot == nullptr) slot = kernel::make<crt_state>();
  return *static_cast<crt_state*>(slot);
}

crt_thread& crt_of_thread() {
  void*& slot = self().crt;
  if (slot == nullptr) slot = kernel::make<crt_thread>();
  return *static_cast<crt_thread*>(slot);
}

void free_crt(void* old) {
  if (old == nullptr) return;
  auto* const state = static_cast<crt_state*>(old);
  free_heaps(state->heaps);
  free_control_handlers(state->controls);
  free_environment(*state);
  while (exit_handler* const each = state->exits) {
    kernel::unlink(state->exits, each);
    kernel::discard(each);
  }
  kernel::discard(state);
}

void invalid_parameter(const char* function) {
#if defined(BELAY_EXPLORED)
  kernel::fail("WIN32-CRT-001", "STATUS_INVALID_CRUNTIME_PARAMETER", 0, {0xC0000417, 0, 0, 0},
               nullptr, "%s was given an argument that it does not take, or too small a buffer",
               function);
#else
  errno = EINVAL;
  void* const handler = crt().invalid_parameter;
  if (handler != nullptr) {
    reinterpret_cast<_invalid_parameter_handler>(handler)(nullptr, nullptr, nullptr, 0, 0);
    return;
  }
  std::fprintf(stderr, "%s: invalid argument, or too small a buffer\n", function);
  ExitProcess(0xC0000417);
#endif
}

namespace {

int leave_main(int code) {
  run_exit_handlers();
  return code;
}

}  // namespace

program find_program(void* (*symbol)(void* context, const char* name), void* context) {
  // A wmain in C++ has a name for each list of parameters, because only Windows' compilers know it.
  static constexpr const char* wide_names[] = {"wmain",           "_Z5wmainiPPw",  "_Z5wmainjPPw",
                                               "_Z5wmainiPPwS0_", "_Z5wmainiPPKw", "_Z5wmainv"};
  program found;
  if (void* const at = symbol(context, "main")) {
    found.narrow = reinterpret_cast<int (*)(int, char**, char**)>(at);
    return found;
  }
  for (const char* const name : wide_names) {
    if (void* const at = symbol(context, name)) {
      found.wide = reinterpret_cast<int (*)(int, wchar_t**, wchar_t**)>(at);
      return found;
    }
  }
  return found;
}

int run_main(const program& what, int count, char** arguments) {
  set_arguments(count, arguments);
  crt_state& state = crt();
  char* no_narrow[] = {nullptr};
  wchar_t* no_wide[] = {nullptr};
  if (what.narrow != nullptr)
    return leave_main(what.narrow(state.argument_count, state.narrow_arguments, no_narrow));
  return leave_main(what.wide(state.argument_count, state.wide_arguments, no_wide));
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

NTKERNELAPI void BelayInvalidParameter(const char* function) { invalid_parameter(function); }
NTKERNELAPI _invalid_parameter_handler
_set_invalid_parameter_handler(_invalid_parameter_handler handler) {
  void*& slot = crt().invalid_parameter;
  void* const old = slot;
  slot = reinterpret_cast<void*>(handler);
  return reinterpret_cast<_invalid_parameter_handler>(old);
}

NTKERNELAPI void BelayYieldProcessor(void) { sync::relax(); }

NTKERNELAPI int belay_crt_atexit(void (*function)(void)) {
  crt_state& state = crt();
  const sync::sealed seal;
  auto* const made = kernel::make<exit_handler>();
  made->run = function;
  const kernel::guard hold_lock(the_process().lock);
  kernel::push_front(state.exits, made);
  return 0;
}
[[noreturn]] NTKERNELAPI void belay_crt_exit(int code) {
  run_exit_handlers();
  ExitProcess(static_cast<UINT>(code));
}
/// As Windows does it: exit code 3, no atexit functions.
[[noreturn]] NTKERNELAPI void belay_crt_abort(void) { ExitProcess(3); }

/// The program's assert does not hold: a finding when explored, else the message and abort().
[[noreturn]] NTKERNELAPI void belay_crt___assert_fail(const char* assertion, const char* file,
                                                      unsigned line, const char*) {
#if defined(BELAY_EXPLORED)
  kernel::fail("WIN32-CRT-002", "assert", 0, {line, 0, 0, 0}, nullptr,
               "the program's assertion '%s' failed (%s:%u)", assertion, file, line);
#else
  char text[600];
  const int length = std::snprintf(text, sizeof text, "Assertion failed: %s, file %s, line %u\n",
                                   assertion, file, line);
  write_console(console_stream::error, text, std::strlen(text));
  static_cast<void>(length);
  ExitProcess(3);
#endif
}

/// Windows' generator: 15 bits a call, of a state that each thread has.
NTKERNELAPI int belay_crt_rand(void) {
  std::uint32_t& state = crt_of_thread().random;
  state = state * 214013 + 2531011;
  return static_cast<int>(state >> 16 & 0x7fff);
}
NTKERNELAPI void belay_crt_srand(unsigned seed) { crt_of_thread().random = seed; }
NTKERNELAPI errno_t rand_s(unsigned* value) {
  if (value == nullptr) {
    invalid_parameter("rand_s");
    return EINVAL;
  }
  std::uint32_t mixed = static_cast<std::uint32_t>(belay_crt_rand()) << 17;
  mixed ^= static_cast<std::uint32_t>(belay_crt_rand()) << 8;
  mixed ^= static_cast<std::uint32_t>(belay_crt_rand());
#if !defined(BELAY_EXPLORED)
  mixed ^= static_cast<std::uint32_t>(system_time() * 0x9e37'79b9u >> 7);
#endif
  *value = mixed;
  return 0;
}

NTKERNELAPI long belay_crt_time(long* out) {
  const auto now = static_cast<long>(system_time() / units_per_second - seconds_to_1970);
  if (out != nullptr) *out = now;
  return now;
}
/// Windows' clock() is elapsed time, in what this C library calls CLOCKS_PER_SEC (microseconds).
NTKERNELAPI long belay_crt_clock(void) {
  return static_cast<long>((sync::now() - kernel::the_executive().began) / 1000);
}

NTKERNELAPI char* belay_crt_strtok(char* text, const char* delimiters) {
  return ::strtok_r(text, delimiters, &crt_of_thread().token);
}

NTKERNELAPI uintptr_t _beginthreadex(void* security, unsigned stack_size,
                                     _beginthreadex_proc_type start, void* argument, unsigned flags,
                                     unsigned* identifier) {
  return reinterpret_cast<uintptr_t>(
      CreateThread(static_cast<LPSECURITY_ATTRIBUTES>(security), stack_size,
                   reinterpret_cast<LPTHREAD_START_ROUTINE>(start), argument, flags, identifier));
}
NTKERNELAPI uintptr_t _beginthread(_beginthread_proc_type start, unsigned stack_size,
                                   void* argument) {
  auto* const what = kernel::make<beginning>();
  *what = {start, argument};
  const HANDLE made = CreateThread(nullptr, stack_size, &begin, what, 0, nullptr);
  if (made == nullptr) {
    kernel::discard(what);
    return static_cast<uintptr_t>(-1);
  }
  CloseHandle(made);
  return reinterpret_cast<uintptr_t>(made);
}
NTKERNELAPI void _endthread(void) { ExitThread(0); }
NTKERNELAPI void _endthreadex(unsigned result) { ExitThread(result); }
NTKERNELAPI int _getpid(void) { return static_cast<int>(GetCurrentProcessId()); }

}  // extern "C"
