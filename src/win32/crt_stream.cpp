// puts, fgets and their kin, the console's sink.
//
// Thread safety: any thread.
#include <cerrno>
#include <cstring>

#include "win32/crt.hpp"
#include "win32/stream.hpp"
#include "win32/utf8.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

#if defined(BELAY_EXPLORED)
// Thousands of executions a second print the same text: only who asks for it gets it.
constexpr console_sink default_sink = nullptr;
#else
void to_standard_streams(console_stream stream, const char* text, std::size_t length) {
  std::FILE* const file = stream == console_stream::error ? stderr : stdout;
  std::fwrite(text, 1, length, file);
}
constexpr console_sink default_sink = &to_standard_streams;
#endif

console_sink the_sink = default_sink;

bool put_text(std::FILE* file, const char* text) {
  return write_stream(file, text, length_of(text));
}

bool put_wide(std::FILE* file, const wchar_t* text, std::size_t length) {
  bool good = true;
  char piece[256];
  std::size_t used = 0;
  each_utf8(text, length, [&](char c) {
    piece[used++] = c;
    if (used < sizeof piece) return;
    good &= write_stream(file, piece, used);
    used = 0;
  });
  if (used != 0) good &= write_stream(file, piece, used);
  return good;
}

}  // namespace

void set_console_sink(console_sink sink) { the_sink = sink != nullptr ? sink : default_sink; }

void write_console(console_stream stream, const char* text, std::size_t length) {
  if (the_sink != nullptr && length != 0) the_sink(stream, text, length);
}

bool write_stream(std::FILE* file, const char* text, std::size_t length) {
  if (file == stdout) {
    write_console(console_stream::output, text, length);
    return true;
  }
  if (file == stderr) {
    write_console(console_stream::error, text, length);
    return true;
  }
  return std::fwrite(text, 1, length, file) == length;
}

int read_stream(std::FILE* file) {
#if defined(BELAY_EXPLORED)
  if (file == stdin) return EOF;
#endif
  return std::fgetc(file);
}

void unread_stream(std::FILE* file, int c) {
  if (c != EOF) std::ungetc(c, file);
}

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

NTKERNELAPI int belay_crt_puts(const char* text) {
  return put_text(stdout, text) && write_stream(stdout, "\n", 1) ? 0 : EOF;
}
NTKERNELAPI int belay_crt_fputs(const char* text, FILE* file) {
  return put_text(file, text) ? 0 : EOF;
}
NTKERNELAPI int belay_crt_fputc(int c, FILE* file) {
  const char text = static_cast<char>(c);
  return write_stream(file, &text, 1) ? static_cast<unsigned char>(text) : EOF;
}
NTKERNELAPI int belay_crt_putc(int c, FILE* file) { return belay_crt_fputc(c, file); }
NTKERNELAPI int belay_crt_putchar(int c) { return belay_crt_fputc(c, stdout); }
NTKERNELAPI size_t belay_crt_fwrite(const void* from, size_t size, size_t count, FILE* file) {
  std::size_t bytes = 0;
  if (size == 0 || count == 0 || __builtin_mul_overflow(size, count, &bytes)) return 0;
  sync::touch(from, bytes, sync::access_kind::read);
  return write_stream(file, static_cast<const char*>(from), bytes) ? count : 0;
}
NTKERNELAPI void belay_crt_perror(const char* text) {
  const int error = errno;
  if (text != nullptr && *text != '\0') {
    put_text(stderr, text);
    put_text(stderr, ": ");
  }
  put_text(stderr, std::strerror(error));
  put_text(stderr, "\n");
}

NTKERNELAPI int belay_crt_fputws(const wchar_t* text, FILE* file) {
  return put_wide(file, text, length_of(text)) ? 0 : -1;
}
NTKERNELAPI int _putws(const wchar_t* text) {
  return put_wide(stdout, text, length_of(text)) && write_stream(stdout, "\n", 1) ? 0 : -1;
}
NTKERNELAPI wint_t belay_crt_fputwc(wchar_t c, FILE* file) {
  return put_wide(file, &c, 1) ? static_cast<wint_t>(c) : WEOF;
}
NTKERNELAPI wint_t belay_crt_putwc(wchar_t c, FILE* file) { return belay_crt_fputwc(c, file); }
NTKERNELAPI wint_t belay_crt_putwchar(wchar_t c) { return belay_crt_fputwc(c, stdout); }

NTKERNELAPI int belay_crt_fgetc(FILE* file) { return read_stream(file); }
NTKERNELAPI int belay_crt_getc(FILE* file) { return read_stream(file); }
NTKERNELAPI int belay_crt_getchar(void) { return read_stream(stdin); }
NTKERNELAPI char* belay_crt_fgets(char* to, int size, FILE* file) {
  if (size <= 0) return nullptr;
  int length = 0;
  while (length < size - 1) {
    const int c = read_stream(file);
    if (c == EOF) break;
    to[length++] = static_cast<char>(c);
    if (c == '\n') break;
  }
  if (length == 0 && size > 1) return nullptr;
  to[length] = '\0';
  sync::touch(to, static_cast<std::size_t>(length) + 1, sync::access_kind::write);
  return to;
}
NTKERNELAPI char* gets_s(char* to, size_t size) {
  if (to == nullptr || size == 0) {
    invalid_parameter("gets_s");
    return nullptr;
  }
  std::size_t length = 0;
  int c = read_stream(stdin);
  if (c == EOF) return nullptr;
  for (; c != EOF && c != '\n'; c = read_stream(stdin)) {
    if (length < size) to[length] = static_cast<char>(c);
    ++length;
  }
  if (length >= size) {
    to[0] = '\0';
    invalid_parameter("gets_s");
    return nullptr;
  }
  to[length] = '\0';
  return to;
}
NTKERNELAPI wchar_t* belay_crt_fgetws(wchar_t* to, int size, FILE* file) {
  if (size <= 0) return nullptr;
  utf8_decoder decoder;
  int length = 0;
  while (length < size - 2) {
    const int c = read_stream(file);
    if (c == EOF) break;
    char32_t points[2];
    const int count = decoder.feed(static_cast<unsigned char>(c), points);
    for (int i = 0; i < count; ++i) {
      char16_t units[2];
      const int more = to_utf16(points[i], units);
      for (int k = 0; k < more && length < size - 1; ++k) {
        to[length++] = static_cast<wchar_t>(units[k]);
      }
    }
    if (c == '\n') break;
  }
  if (length == 0) return nullptr;
  to[length] = 0;
  return to;
}
NTKERNELAPI size_t belay_crt_fread(void* to, size_t size, size_t count, FILE* file) {
  std::size_t bytes = 0;
  if (size == 0 || count == 0 || __builtin_mul_overflow(size, count, &bytes)) return 0;
#if defined(BELAY_EXPLORED)
  if (file == stdin) return 0;
#endif
  sync::touch(to, bytes, sync::access_kind::write);
  return std::fread(to, size, count, file);
}

NTKERNELAPI FILE* _wfopen(const wchar_t* name, const wchar_t* mode) {
  char path[1040] = {};
  char how[16] = {};
  std::size_t used = 0;
  each_utf8(name, length_of(name), [&](char c) {
    if (used < sizeof path - 1) path[used++] = c;
  });
  for (std::size_t i = 0; mode[i] != 0 && i < sizeof how - 1; ++i) {
    how[i] = static_cast<char>(mode[i]);
  }
  return std::fopen(path, how);
}
NTKERNELAPI errno_t fopen_s(FILE** stream, const char* name, const char* mode) {
  if (stream == nullptr || name == nullptr || mode == nullptr) {
    invalid_parameter("fopen_s");
    return EINVAL;
  }
  *stream = std::fopen(name, mode);
  return *stream != nullptr ? 0 : errno;
}
NTKERNELAPI errno_t _wfopen_s(FILE** stream, const wchar_t* name, const wchar_t* mode) {
  if (stream == nullptr || name == nullptr || mode == nullptr) {
    invalid_parameter("_wfopen_s");
    return EINVAL;
  }
  *stream = _wfopen(name, mode);
  return *stream != nullptr ? 0 : errno;
}

}  // extern "C"
