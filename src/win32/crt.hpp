// The C runtime of programs: its state, its output, its heap, how a program is entered and left.
//
// Exports stand under `belay_crt_<name>` where glibc has the name too:
// include/windows/parts/client.h makes a program's calls reach them. The functions are called with
// the program's memory, which they read and write as the program would.
//
// Thread safety: state of the process is under the process's lock; `crt_thread` belongs to its
// thread. Invariants: all of it hangs on the process and its threads, so that an execution can be
// abandoned.
// Contract: WIN32-CRT-001, WIN32-CRT-002
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::win32 {

// ---- state

struct heap;
struct exit_handler;
struct control_handler;
struct environment_entry;

struct crt_state {
  heap* heaps = nullptr;
  heap* process_heap = nullptr;
  exit_handler* exits = nullptr;
  control_handler* controls = nullptr;
  environment_entry* environment = nullptr;  ///< what the program set
  void* invalid_parameter = nullptr;         ///< _invalid_parameter_handler
  void* standard[3] = {};                    ///< of SetStdHandle
  int argument_count = 0;
  char** narrow_arguments = nullptr;
  wchar_t** wide_arguments = nullptr;
  char* narrow_line = nullptr;
  wchar_t* wide_line = nullptr;
};

struct crt_thread {
  std::uint32_t random = 1;
  char* token = nullptr;
};

/// The process's and the calling thread's; made on first use.
crt_state& crt();
crt_thread& crt_of_thread();
/// Frees what crt() and the heaps hold. Called by the process as it stops.
void free_crt(void* state);

// ---- output

enum class console_stream : std::uint8_t { output, error };
using console_sink = void (*)(console_stream stream, const char* text, std::size_t length);
/// Where a program's console output goes, in UTF-8 as it writes it. nullptr: the default, which is
/// standard output and standard error natively, nowhere when explored. Callers: set-up.
void set_console_sink(console_sink sink);
void write_console(console_stream stream, const char* text, std::size_t length);
/// The handles of the console: 3 input, 7 output, 11 error. No other object has such a handle.
bool is_console(const void* handle);

// ---- errors of the program

/// A rule of the C runtime is broken: finds no way back when explored, calls the program's handler
/// else.
void invalid_parameter(const char* function);

// ---- text of the program

template <class C>
std::size_t length_of(const C* text) {
  std::size_t length = 0;
  while (text[length] != 0) ++length;
  sync::touch(text, (length + 1) * sizeof(C), sync::access_kind::read);
  return length;
}
template <class C>
std::size_t length_up_to(const C* text, std::size_t most) {
  std::size_t length = 0;
  while (length < most && text[length] != 0) ++length;
  if (length != 0) sync::touch(text, length * sizeof(C), sync::access_kind::read);
  return length;
}

// ---- main

/// The main function of a program: one of these, whichever it has.
struct program {
  int (*narrow)(int, char**, char**) = nullptr;
  int (*wide)(int, wchar_t**, wchar_t**) = nullptr;
};
/// Finds it among the symbols of a program. `symbol` returns nullptr for a name that is not there.
program find_program(void* (*symbol)(void* context, const char* name), void* context);
/// Runs it as the calling thread, atexit functions included.
///
/// Returns: what it returned.
/// REQUIRES: start() came before; ExitProcess ends it elsewhere (run_program catches that).
int run_main(const program& what, int count, char** arguments);

}  // namespace belay::inline BELAY_BUILD::win32
