// The printf family, on the one formatter.
//
// Thread safety: any thread.
// Invariants: narrow text is UTF-8. What one call prints to the console goes there in one piece.
#include <cstdio>

#include "kernel/format.hpp"
#include "kernel/parts.hpp"
#include "win32/crt.hpp"
#include "win32/sinks.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

#include "win32/stream.hpp"

namespace belay::inline BELAY_BUILD::win32 {

namespace {

/// Fills a buffer; counts on when it is full.
template <class C, class Base>
class filling final : public Base {
 public:
  filling(C* at, std::size_t size) : at_(at), size_(size) {}
  std::size_t length() const { return length_; }
  /// Ends the text at `most` characters, or where the buffer ends.
  void end(std::size_t most) {
    if (size_ == 0) return;
    const std::size_t at = length_ < most ? length_ : most;
    at_[at < size_ ? at : size_ - 1] = 0;
  }
  void touch() {
    const std::size_t used = length_ < size_ ? length_ + 1 : size_;
    if (used != 0) sync::touch(at_, used * sizeof(C), sync::access_kind::write);
  }

 private:
  void take(C c) override {
    if (length_ < size_) at_[length_] = c;
    ++length_;
  }
  C* at_;
  std::size_t size_;
  std::size_t length_ = 0;
};

/// Collects a line or so, then writes it.
class to_stream final : public narrow_sink {
 public:
  explicit to_stream(FILE* file) : file_(file) {}
  int end() {
    finish();
    flush();
    return length_;
  }

 private:
  void take(char c) override {
    text_[used_++] = c;
    ++length_;
    if (used_ == sizeof text_) flush();
  }
  void flush() {
    if (used_ != 0) write_stream(file_, text_, used_);
    used_ = 0;
  }
  FILE* file_;
  std::size_t used_ = 0;
  int length_ = 0;
  char text_[1024];
};

template <class C>
int print(FILE* file, const C* format, va_list arguments) {
  const sync::sealed seal;
  to_stream out(file);
  kernel::format_text(out, format, arguments);
  return out.end();
}

enum class ending {
  standard,   ///< always ended; the length it would have had, or -1 for wide text that does not fit
  loose,      ///< ended if there is room; -1 if it does not fit
  strict,     ///< always ended; what does not fit breaks a rule
  truncated,  ///< always ended; at most `count` characters, -1 if some are missing
};

template <class C>
int print_to(ending how, C* buffer, std::size_t size, std::size_t count, const C* format,
             va_list arguments) {
  const sync::sealed seal;
  filling<C, typename sink_of<C>::type> out(buffer, size);
  kernel::format_text(out, format, arguments);
  out.finish();
  out.touch();
  const std::size_t length = out.length();
  switch (how) {
    case ending::standard:
      out.end(length);
      return sizeof(C) == 2 && length >= size ? -1 : static_cast<int>(length);
    case ending::loose:
      if (length < size) out.end(length);
      return length <= size ? static_cast<int>(length) : -1;
    case ending::strict:
      out.end(length < size ? length : 0);
      if (length >= size) invalid_parameter(sizeof(C) == 2 ? "swprintf_s" : "sprintf_s");
      return length < size ? static_cast<int>(length) : -1;
    case ending::truncated: {
      const bool cuts = count == _TRUNCATE || count < length;
      if (length >= size && (!cuts || (count != _TRUNCATE && count >= size))) {
        out.end(0);
        invalid_parameter(sizeof(C) == 2 ? "_snwprintf_s" : "_snprintf_s");
        return -1;
      }
      out.end(count);
      return length < size && length <= count ? static_cast<int>(length) : -1;
    }
  }
  return -1;
}

template <class C>
bool refused(C* buffer, std::size_t size, const C* format) {
  if (buffer != nullptr && size != 0 && format != nullptr) return false;
  if (buffer != nullptr && size != 0) buffer[0] = 0;
  invalid_parameter(sizeof(C) == 2 ? "swprintf_s" : "sprintf_s");
  return true;
}

constexpr std::size_t no_limit = SIZE_MAX;

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

// A function with `...` and its va_list form, which does the work.
#define BELAY_VARIADIC_(name, work, first, ...) \
  NTKERNELAPI int name(first, ...) {            \
    va_list arguments;                          \
    va_start(arguments, format);                \
    const int result = work(__VA_ARGS__);       \
    va_end(arguments);                          \
    return result;                              \
  }
#define BELAY_COMMA_ ,

extern "C" {

#define BELAY_STREAM_(C, to_file, v_to_file, to_out, v_to_out)                                   \
  NTKERNELAPI int v_to_file(FILE* stream, const C* format, va_list arguments) {                  \
    return print(stream, format, arguments);                                                     \
  }                                                                                              \
  NTKERNELAPI int v_to_out(const C* format, va_list arguments) {                                 \
    return print(stdout, format, arguments);                                                     \
  }                                                                                              \
  BELAY_VARIADIC_(to_file, v_to_file, FILE* stream BELAY_COMMA_ const C* format, stream, format, \
                  arguments)                                                                     \
  BELAY_VARIADIC_(to_out, v_to_out, const C* format, format, arguments)

BELAY_STREAM_(char, belay_crt_fprintf, belay_crt_vfprintf, belay_crt_printf, belay_crt_vprintf)
BELAY_STREAM_(char, fprintf_s, vfprintf_s, printf_s, vprintf_s)
BELAY_STREAM_(wchar_t, belay_crt_fwprintf, belay_crt_vfwprintf, belay_crt_wprintf,
              belay_crt_vwprintf)
BELAY_STREAM_(wchar_t, fwprintf_s, vfwprintf_s, wprintf_s, vwprintf_s)
BELAY_VARIADIC_(_cprintf, belay_crt_vprintf, const char* format, format, arguments)

NTKERNELAPI int belay_crt_vsprintf(char* buffer, const char* format, va_list arguments) {
  return print_to(ending::standard, buffer, no_limit, 0, format, arguments);
}
NTKERNELAPI int belay_crt_vsnprintf(char* buffer, size_t size, const char* format,
                                    va_list arguments) {
  return print_to(ending::standard, buffer, size, 0, format, arguments);
}
NTKERNELAPI int belay_crt_vswprintf(wchar_t* buffer, size_t size, const wchar_t* format,
                                    va_list arguments) {
  return print_to(ending::standard, buffer, size, 0, format, arguments);
}
NTKERNELAPI int belay_crt__vsnprintf(char* buffer, size_t size, const char* format,
                                     va_list arguments) {
  return print_to(ending::loose, buffer, size, 0, format, arguments);
}
NTKERNELAPI int belay_crt__vsnwprintf(wchar_t* buffer, size_t size, const wchar_t* format,
                                      va_list arguments) {
  return print_to(ending::loose, buffer, size, 0, format, arguments);
}
NTKERNELAPI int vsprintf_s(char* buffer, size_t size, const char* format, va_list arguments) {
  if (refused(buffer, size, format)) return -1;
  return print_to(ending::strict, buffer, size, 0, format, arguments);
}
NTKERNELAPI int vswprintf_s(wchar_t* buffer, size_t size, const wchar_t* format,
                            va_list arguments) {
  if (refused(buffer, size, format)) return -1;
  return print_to(ending::strict, buffer, size, 0, format, arguments);
}
NTKERNELAPI int _vsnprintf_s(char* buffer, size_t size, size_t count, const char* format,
                             va_list arguments) {
  if (refused(buffer, size, format)) return -1;
  return print_to(ending::truncated, buffer, size, count, format, arguments);
}
NTKERNELAPI int _vsnwprintf_s(wchar_t* buffer, size_t size, size_t count, const wchar_t* format,
                              va_list arguments) {
  if (refused(buffer, size, format)) return -1;
  return print_to(ending::truncated, buffer, size, count, format, arguments);
}
NTKERNELAPI int _vscprintf(const char* format, va_list arguments) {
  return print_to<char>(ending::standard, nullptr, 0, 0, format, arguments);
}
NTKERNELAPI int _vscwprintf(const wchar_t* format, va_list arguments) {
  const sync::sealed seal;
  filling<wchar_t, wide_sink> out(nullptr, 0);
  kernel::format_text(out, format, arguments);
  out.finish();
  return static_cast<int>(out.length());
}
NTKERNELAPI int belay_crt__vswprintf(wchar_t* buffer, const wchar_t* format, va_list arguments) {
  return print_to(ending::standard, buffer, no_limit / 2, 0, format, arguments);
}

BELAY_VARIADIC_(belay_crt_sprintf, belay_crt_vsprintf, char* buffer BELAY_COMMA_ const char* format,
                buffer, format, arguments)
BELAY_VARIADIC_(belay_crt_snprintf, belay_crt_vsnprintf,
                char* buffer BELAY_COMMA_ size_t size BELAY_COMMA_ const char* format, buffer, size,
                format, arguments)
BELAY_VARIADIC_(belay_crt_swprintf, belay_crt_vswprintf,
                wchar_t* buffer BELAY_COMMA_ size_t size BELAY_COMMA_ const wchar_t* format, buffer,
                size, format, arguments)
BELAY_VARIADIC_(_swprintf, belay_crt__vswprintf, wchar_t* buffer BELAY_COMMA_ const wchar_t* format,
                buffer, format, arguments)
BELAY_VARIADIC_(belay_crt__snprintf, belay_crt__vsnprintf,
                char* buffer BELAY_COMMA_ size_t size BELAY_COMMA_ const char* format, buffer, size,
                format, arguments)
BELAY_VARIADIC_(belay_crt__snwprintf, belay_crt__vsnwprintf,
                wchar_t* buffer BELAY_COMMA_ size_t size BELAY_COMMA_ const wchar_t* format, buffer,
                size, format, arguments)
BELAY_VARIADIC_(belay_crt_sprintf_s, vsprintf_s,
                char* buffer BELAY_COMMA_ size_t size BELAY_COMMA_ const char* format, buffer, size,
                format, arguments)
BELAY_VARIADIC_(belay_crt_swprintf_s, vswprintf_s,
                wchar_t* buffer BELAY_COMMA_ size_t size BELAY_COMMA_ const wchar_t* format, buffer,
                size, format, arguments)
BELAY_VARIADIC_(_snprintf_s, _vsnprintf_s,
                char* buffer BELAY_COMMA_ size_t size BELAY_COMMA_ size_t count
                    BELAY_COMMA_ const char* format,
                buffer, size, count, format, arguments)
BELAY_VARIADIC_(_snwprintf_s, _vsnwprintf_s,
                wchar_t* buffer BELAY_COMMA_ size_t size BELAY_COMMA_ size_t count
                    BELAY_COMMA_ const wchar_t* format,
                buffer, size, count, format, arguments)
BELAY_VARIADIC_(_scprintf, _vscprintf, const char* format, format, arguments)
BELAY_VARIADIC_(_scwprintf, _vscwprintf, const wchar_t* format, format, arguments)
BELAY_VARIADIC_(wsprintfA, belay_crt_vsprintf, LPSTR buffer BELAY_COMMA_ LPCSTR format, buffer,
                format, arguments)
BELAY_VARIADIC_(wsprintfW, belay_crt__vswprintf, LPWSTR buffer BELAY_COMMA_ LPCWSTR format, buffer,
                format, arguments)

int WINAPI wvsprintfA(LPSTR buffer, LPCSTR format, va_list arguments) {
  return belay_crt_vsprintf(buffer, format, arguments);
}
int WINAPI wvsprintfW(LPWSTR buffer, LPCWSTR format, va_list arguments) {
  return belay_crt__vswprintf(buffer, format, arguments);
}

}  // extern "C"
