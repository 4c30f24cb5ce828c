// Arguments, environment, directories, modules, the system's description.
//
// Explored programs see the same whatever machine they run on: no environment but what they set,
// the directory C:\belay, one processor.
//
// Thread safety: any thread.
#include "win32/environment.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "kernel/letters.hpp"
#include "kernel/parts.hpp"
#include "win32/crt.hpp"
#include "win32/heap.hpp"
#include "win32/process.hpp"
#include "win32/utf8.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

struct environment_entry {
  environment_entry* next = nullptr;
  environment_entry* previous = nullptr;
  char* name = nullptr;
  char* value = nullptr;  ///< nullptr: the program removed it
};

namespace {

std::string narrow(const wchar_t* text) {
  std::string out;
  if (text != nullptr) each_utf8(text, length_of(text), [&](char c) { out += c; });
  return out;
}
std::u16string wide(const std::string& text) {
  std::u16string out;
  each_utf16(text.data(), text.size(), [&](char16_t c) { out += c; });
  return out;
}

/// Copies `text` with its terminator. Returns: its length; the size that it needs if it does not
/// fit.
template <class C, class Text>
DWORD give(const Text& text, C* buffer, std::size_t size) {
  if (text.size() >= size || buffer == nullptr) return static_cast<DWORD>(text.size() + 1);
  sync::touch(buffer, (text.size() + 1) * sizeof(C), sync::access_kind::write);
  for (std::size_t i = 0; i < text.size(); ++i) buffer[i] = static_cast<C>(text[i]);
  buffer[text.size()] = 0;
  return static_cast<DWORD>(text.size());
}

/// As GetModuleFileName does it: cut off and ended, with an error.
template <class C, class Text>
DWORD give_cut(const Text& text, C* buffer, DWORD size) {
  if (size == 0 || buffer == nullptr) {
    fail(ERROR_INSUFFICIENT_BUFFER);
    return 0;
  }
  if (text.size() < size) return give(text, buffer, size);
  give(text.substr(0, size - 1), buffer, size);
  fail(ERROR_INSUFFICIENT_BUFFER);
  return size;
}

#if !defined(BELAY_EXPLORED)
/// A path of the machine as a program of Windows writes it.
std::string shown_path(const std::filesystem::path& path) {
  std::string out = "C:" + path.string();
  for (char& c : out) {
    if (c == '/') c = '\\';
  }
  return out;
}
#endif

std::string current_directory() {
#if defined(BELAY_EXPLORED)
  return "C:\\belay";
#else
  std::error_code error;
  return shown_path(std::filesystem::current_path(error));
#endif
}

std::string program_path() {
#if defined(BELAY_EXPLORED)
  return "C:\\belay\\program.exe";
#else
  std::error_code error;
  return shown_path(std::filesystem::read_symlink("/proc/self/exe", error));
#endif
}

bool same_name(const char* left, const char* right) {
  const auto upper = [](char c) { return kernel::upper(static_cast<unsigned char>(c)); };
  for (; *left != 0 && upper(*left) == upper(*right); ++left) ++right;
  return *left == *right;
}

/// Ours, not the program's: it may be abandoned with the execution.
char* copy_of(const char* text) {
  if (text == nullptr) return nullptr;
  std::size_t length = 0;
  while (text[length] != 0) ++length;
  auto* const copy = static_cast<char*>(sync::allocate(length + 1, sync::memory_use::internal));
  BELAY_ASSERT(copy != nullptr && "out of memory");
  kernel::copy_bytes(copy, text, length + 1);
  return copy;
}

void forget(environment_entry* entry) {
  sync::deallocate(entry->name);
  sync::deallocate(entry->value);
  kernel::discard(entry);
}

/// REQUIRES: the process's lock.
environment_entry* find(const std::string& name) {
  for (environment_entry* each = crt().environment; each != nullptr; each = each->next) {
    if (same_name(each->name, name.c_str())) return each;
  }
  return nullptr;
}

bool variable(const std::string& name, std::string& value) {
  crt();
  const kernel::guard hold_lock(the_process().lock);
  if (const environment_entry* const set = find(name)) {
    if (set->value == nullptr) return false;
    value = set->value;
    return true;
  }
#if !defined(BELAY_EXPLORED)
  if (const char* const of_machine = std::getenv(name.c_str())) {
    value = of_machine;
    return true;
  }
#endif
  return false;
}

bool set_variable(const std::string& name, const char* value) {
  if (name.empty() || name.find('=', 1) != std::string::npos) return fail(ERROR_INVALID_PARAMETER);
  crt_state& state = crt();
  auto* const made = kernel::make<environment_entry>();
  made->name = copy_of(name.c_str());
  made->value = copy_of(value);
  environment_entry* old = nullptr;
  {
    const kernel::guard hold_lock(the_process().lock);
    old = find(name);
    if (old != nullptr) kernel::unlink(state.environment, old);
    kernel::push_front(state.environment, made);
  }
  if (old != nullptr) forget(old);
  return true;
}

template <class C, class Text>
C* keep(const Text& text) {
  auto* const copy = static_cast<C*>(heap_allocate(process_heap(), (text.size() + 1) * sizeof(C)));
  BELAY_ASSERT(copy != nullptr && "out of memory");
  for (std::size_t i = 0; i < text.size(); ++i) copy[i] = static_cast<C>(text[i]);
  return copy;
}

std::string quoted(const std::string& argument) {
  if (!argument.empty() && argument.find_first_of(" \t\"") == std::string::npos) return argument;
  std::string out = "\"";
  for (const char c : argument) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

void set_arguments(int count, char** arguments) {
  const sync::sealed seal;
  crt_state& state = crt();
  const auto places = static_cast<std::size_t>(count) + 1;
  state.argument_count = count;
  state.narrow_arguments =
      static_cast<char**>(heap_allocate(process_heap(), places * sizeof(char*)));
  state.wide_arguments =
      static_cast<wchar_t**>(heap_allocate(process_heap(), places * sizeof(wchar_t*)));
  BELAY_ASSERT(state.narrow_arguments != nullptr && state.wide_arguments != nullptr);
  std::string line;
  for (int i = 0; i < count; ++i) {
    const std::string text = arguments[i];
    state.narrow_arguments[i] = keep<char>(text);
    state.wide_arguments[i] = keep<wchar_t>(wide(text));
    line += (i == 0 ? "" : " ") + quoted(text);
  }
  state.narrow_line = keep<char>(line);
  state.wide_line = keep<wchar_t>(wide(line));
}

void free_environment(crt_state& state) {
  while (environment_entry* const each = state.environment) {
    kernel::unlink(state.environment, each);
    forget(each);
  }
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

DWORD WINAPI GetCurrentDirectoryA(DWORD nBufferLength, LPSTR lpBuffer) {
  return give(current_directory(), lpBuffer, nBufferLength);
}
DWORD WINAPI GetCurrentDirectoryW(DWORD nBufferLength, LPWSTR lpBuffer) {
  return give(wide(current_directory()), lpBuffer, nBufferLength);
}
UINT WINAPI GetSystemDirectoryA(LPSTR lpBuffer, UINT uSize) {
  return give(std::string("C:\\Windows\\system32"), lpBuffer, uSize);
}
UINT WINAPI GetSystemDirectoryW(LPWSTR lpBuffer, UINT uSize) {
  return give(std::string("C:\\Windows\\system32"), lpBuffer, uSize);
}
UINT WINAPI GetWindowsDirectoryA(LPSTR lpBuffer, UINT uSize) {
  return give(std::string("C:\\Windows"), lpBuffer, uSize);
}
UINT WINAPI GetWindowsDirectoryW(LPWSTR lpBuffer, UINT uSize) {
  return give(std::string("C:\\Windows"), lpBuffer, uSize);
}

LPSTR WINAPI GetCommandLineA(VOID) {
  if (crt().narrow_line == nullptr) set_arguments(0, nullptr);
  return crt().narrow_line;
}
LPWSTR WINAPI GetCommandLineW(VOID) {
  if (crt().wide_line == nullptr) set_arguments(0, nullptr);
  return crt().wide_line;
}
NTKERNELAPI int* __p___argc(void) { return &crt().argument_count; }
NTKERNELAPI char*** __p___argv(void) { return &crt().narrow_arguments; }
NTKERNELAPI wchar_t*** __p___wargv(void) { return &crt().wide_arguments; }

DWORD WINAPI GetEnvironmentVariableA(LPCSTR lpName, LPSTR lpBuffer, DWORD nSize) {
  std::string value;
  if (variable(lpName, value)) return give(value, lpBuffer, nSize);
  return fail(ERROR_ENVVAR_NOT_FOUND);
}
DWORD WINAPI GetEnvironmentVariableW(LPCWSTR lpName, LPWSTR lpBuffer, DWORD nSize) {
  std::string value;
  if (variable(narrow(lpName), value)) return give(wide(value), lpBuffer, nSize);
  return fail(ERROR_ENVVAR_NOT_FOUND);
}
BOOL WINAPI SetEnvironmentVariableA(LPCSTR lpName, LPCSTR lpValue) {
  return set_variable(lpName, lpValue);
}
BOOL WINAPI SetEnvironmentVariableW(LPCWSTR lpName, LPCWSTR lpValue) {
  if (lpValue == nullptr) return set_variable(narrow(lpName), nullptr);
  return set_variable(narrow(lpName), narrow(lpValue).c_str());
}

/// A copy that the program never frees, as the C library's is the system's.
NTKERNELAPI char* belay_crt_getenv(const char* name) {
  std::string value;
  return variable(name, value) ? keep<char>(value) : nullptr;
}
NTKERNELAPI errno_t getenv_s(size_t* needed, char* buffer, size_t size, const char* name) {
  if (needed == nullptr || name == nullptr || (buffer == nullptr && size != 0)) {
    invalid_parameter("getenv_s");
    return EINVAL;
  }
  std::string value;
  *needed = 0;
  if (size != 0) buffer[0] = '\0';
  if (!variable(name, value)) return 0;
  *needed = value.size() + 1;
  if (size == 0) return 0;
  return give(value, buffer, size) == value.size() ? 0 : ERANGE;
}
NTKERNELAPI errno_t _dupenv_s(char** buffer, size_t* size, const char* name) {
  if (buffer == nullptr || name == nullptr) {
    invalid_parameter("_dupenv_s");
    return EINVAL;
  }
  std::string value;
  const bool found = variable(name, value);
  *buffer = found ? keep<char>(value) : nullptr;
  if (size != nullptr) *size = found ? value.size() + 1 : 0;
  return 0;
}

DWORD WINAPI GetModuleFileNameA(HMODULE hModule, LPSTR lpFilename, DWORD nSize) {
  if (hModule != nullptr && hModule != GetModuleHandleA(nullptr)) return fail(ERROR_MOD_NOT_FOUND);
  return give_cut(program_path(), lpFilename, nSize);
}
DWORD WINAPI GetModuleFileNameW(HMODULE hModule, LPWSTR lpFilename, DWORD nSize) {
  if (hModule != nullptr && hModule != GetModuleHandleA(nullptr)) return fail(ERROR_MOD_NOT_FOUND);
  return give_cut(wide(program_path()), lpFilename, nSize);
}
/// The program's is where Windows usually loads it.
HMODULE WINAPI GetModuleHandleA(LPCSTR lpModuleName) {
  if (lpModuleName == nullptr) return reinterpret_cast<HMODULE>(0x1'4000'0000);
  fail(ERROR_MOD_NOT_FOUND);
  return nullptr;
}
HMODULE WINAPI GetModuleHandleW(LPCWSTR lpModuleName) {
  return GetModuleHandleA(lpModuleName == nullptr ? nullptr : "");
}

VOID WINAPI GetSystemInfo(LPSYSTEM_INFO lpSystemInfo) {
  SYSTEM_INFO out = {};
  out.wProcessorArchitecture = PROCESSOR_ARCHITECTURE_AMD64;
  out.dwPageSize = 0x1000;
  out.lpMinimumApplicationAddress = reinterpret_cast<LPVOID>(0x1'0000);
  out.lpMaximumApplicationAddress = reinterpret_cast<LPVOID>(0x7fff'fffe'ffff);
  out.dwActiveProcessorMask = 1;
  out.dwNumberOfProcessors = 1;
  out.dwProcessorType = PROCESSOR_AMD_X8664;
  out.dwAllocationGranularity = 0x1'0000;
  out.wProcessorLevel = 6;
  RtlCopyMemory(lpSystemInfo, &out, sizeof out);
}
VOID WINAPI GetNativeSystemInfo(LPSYSTEM_INFO lpSystemInfo) { GetSystemInfo(lpSystemInfo); }

}  // extern "C"
