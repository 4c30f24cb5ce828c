// The console: its handles, Ctrl-C, single keys.
//
// Thread safety: any thread.
// Invariants: the console's handles are 3, 7 and 11; those of objects are multiples of 4.
#include "win32/console.hpp"

#include <cstdio>
#include <cstring>

#include "kernel/parts.hpp"
#include "win32/crt.hpp"
#include "win32/process.hpp"
#include "win32/stream.hpp"
#include "win32/utf8.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

struct control_handler {
  control_handler* next = nullptr;
  control_handler* previous = nullptr;
  PHANDLER_ROUTINE run = nullptr;  ///< nullptr: Ctrl-C is ignored
};

namespace {

constexpr std::uintptr_t input_handle = 3;
constexpr std::uintptr_t output_handle = 7;
constexpr std::uintptr_t error_handle = 11;

int slot_of(DWORD which) {
  switch (which) {
    case STD_INPUT_HANDLE:
      return 0;
    case STD_OUTPUT_HANDLE:
      return 1;
    case STD_ERROR_HANDLE:
      return 2;
    default:
      return -1;
  }
}

bool for_output(const void* handle) {
  return is_console(handle) && reinterpret_cast<std::uintptr_t>(handle) != input_handle;
}

console_stream stream_of(const void* handle) {
  return reinterpret_cast<std::uintptr_t>(handle) == error_handle ? console_stream::error
                                                                  : console_stream::output;
}

/// The handler after `previous`, under the lock. `previous` nullptr: the first.
control_handler* handler_at(int index) {
  const kernel::guard hold_lock(the_process().lock);
  control_handler* each = crt().controls;
  while (each != nullptr && index > 0) {
    each = each->next;
    --index;
  }
  return each;
}

}  // namespace

bool is_console(const void* handle) {
  const auto value = reinterpret_cast<std::uintptr_t>(handle);
  return value == input_handle || value == output_handle || value == error_handle;
}

bool raise_control(std::uint32_t type) {
  for (int i = 0;; ++i) {
    const control_handler* const each = handler_at(i);
    if (each == nullptr) return false;
    if (each->run == nullptr ? type == CTRL_C_EVENT : each->run(type)) return true;
  }
}

void free_control_handlers(control_handler* first) {
  while (first != nullptr) {
    control_handler* const next = first->next;
    kernel::discard(first);
    first = next;
  }
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

HANDLE WINAPI GetStdHandle(DWORD nStdHandle) {
  static constexpr std::uintptr_t defaults[] = {input_handle, output_handle, error_handle};
  const int slot = slot_of(nStdHandle);
  if (slot < 0) {
    fail(ERROR_INVALID_HANDLE);
    return INVALID_HANDLE_VALUE;
  }
  void* const chosen = crt().standard[slot];
  return chosen != nullptr ? chosen : reinterpret_cast<HANDLE>(defaults[slot]);
}

BOOL WINAPI SetStdHandle(DWORD nStdHandle, HANDLE hHandle) {
  const int slot = slot_of(nStdHandle);
  if (slot < 0) return fail(ERROR_INVALID_HANDLE);
  crt().standard[slot] = hHandle;
  return TRUE;
}

/// Fails with ERROR_INVALID_PARAMETER when a handler to remove is not there.
BOOL WINAPI SetConsoleCtrlHandler(PHANDLER_ROUTINE HandlerRoutine, BOOL Add) {
  BELAY_CALL(SetConsoleCtrlHandler, nullptr);
  crt_state& state = crt();
  control_handler* const made = Add ? kernel::make<control_handler>() : nullptr;
  control_handler* found = nullptr;
  {
    const kernel::guard hold_lock(the_process().lock);
    if (made != nullptr) {
      made->run = HandlerRoutine;
      kernel::push_front(state.controls, made);
      return TRUE;
    }
    for (found = state.controls; found != nullptr; found = found->next) {
      if (found->run == HandlerRoutine) break;
    }
    if (found != nullptr) kernel::unlink(state.controls, found);
  }
  if (found == nullptr) return HandlerRoutine == nullptr ? TRUE : fail(ERROR_INVALID_PARAMETER);
  kernel::discard(found);
  return TRUE;
}

/// To the program itself, on the calling thread; other process groups are not known here.
BOOL WINAPI GenerateConsoleCtrlEvent(DWORD dwCtrlEvent, DWORD dwProcessGroupId) {
  if (dwCtrlEvent > CTRL_BREAK_EVENT) return fail(ERROR_INVALID_PARAMETER);
  if (dwProcessGroupId != 0) return fail(ERROR_NOT_SUPPORTED);
  if (!raise_control(dwCtrlEvent)) ExitProcess(0xC000013A);
  return TRUE;
}

BOOL WINAPI GetConsoleMode(HANDLE hConsoleHandle, LPDWORD lpMode) {
  if (!is_console(hConsoleHandle)) return fail(ERROR_INVALID_HANDLE);
  *lpMode = for_output(hConsoleHandle)
                ? ENABLE_PROCESSED_OUTPUT | ENABLE_WRAP_AT_EOL_OUTPUT
                : ENABLE_PROCESSED_INPUT | ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT;
  return TRUE;
}
/// The terminal's mode is not the program's to change here.
BOOL WINAPI SetConsoleMode(HANDLE hConsoleHandle, DWORD) {
  return is_console(hConsoleHandle) ? fail(ERROR_NOT_SUPPORTED) : fail(ERROR_INVALID_HANDLE);
}
BOOL WINAPI SetConsoleTitleA(LPCSTR) { return fail(ERROR_NOT_SUPPORTED); }
BOOL WINAPI SetConsoleTitleW(LPCWSTR) { return fail(ERROR_NOT_SUPPORTED); }

BOOL WINAPI WriteConsoleA(HANDLE hConsoleOutput, const VOID* lpBuffer, DWORD nNumberOfCharsToWrite,
                          LPDWORD lpNumberOfCharsWritten, LPVOID) {
  if (!for_output(hConsoleOutput)) return fail(ERROR_INVALID_HANDLE);
  if (nNumberOfCharsToWrite != 0)
    sync::touch(lpBuffer, nNumberOfCharsToWrite, sync::access_kind::read);
  write_console(stream_of(hConsoleOutput), static_cast<const char*>(lpBuffer),
                nNumberOfCharsToWrite);
  if (lpNumberOfCharsWritten != nullptr) *lpNumberOfCharsWritten = nNumberOfCharsToWrite;
  return TRUE;
}
BOOL WINAPI WriteConsoleW(HANDLE hConsoleOutput, const VOID* lpBuffer, DWORD nNumberOfCharsToWrite,
                          LPDWORD lpNumberOfCharsWritten, LPVOID) {
  if (!for_output(hConsoleOutput)) return fail(ERROR_INVALID_HANDLE);
  if (nNumberOfCharsToWrite != 0)
    sync::touch(lpBuffer, nNumberOfCharsToWrite * sizeof(wchar_t), sync::access_kind::read);
  each_utf8(static_cast<const wchar_t*>(lpBuffer), nNumberOfCharsToWrite,
            [&](char c) { write_console(stream_of(hConsoleOutput), &c, 1); });
  if (lpNumberOfCharsWritten != nullptr) *lpNumberOfCharsWritten = nNumberOfCharsToWrite;
  return TRUE;
}

/// Keys are bytes of standard input: what the C library holds already counts, and, natively,
/// whether more can be read without waiting. An explored program has none.
NTKERNELAPI int _getch(void) { return read_stream(stdin); }
NTKERNELAPI int _getche(void) { return read_stream(stdin); }
NTKERNELAPI int _putch(int character) {
  const char text = static_cast<char>(character);
  write_console(console_stream::output, &text, 1);
  return character;
}

}  // extern "C"
