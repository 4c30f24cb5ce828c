// The scanf family: Windows' directives, where `l` has 32 bits.
//
// %s, %c and %[ store UTF-8 or UTF-16 as the directive says; the _s forms take the size of the
// destination, in characters, after it. A field that does not fit empties the destination and ends
// the scan.
//
// Thread safety: any thread.
#include <cstdio>
#include <cstdlib>

#include "kernel/parts.hpp"
#include "win32/crt.hpp"
#include "win32/scan_source.hpp"
#include "win32/utf8.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

struct arguments {
  va_list list;
};

enum class size_of : std::uint8_t { byte, half, word, wide };

struct directive {
  bool store = true;
  int width = 0;  // 0: none
  size_of size = size_of::word;
  bool narrow = false;
  bool broad = false;
};

template <class C>
class scanner {
 public:
  scanner(source& in, bool secure, va_list list) : in_(in), secure_(secure) {
    va_copy(arguments_.list, list);
  }
  ~scanner() { va_end(arguments_.list); }

  /// Returns: how many fields were stored; EOF if the text ended before the first one.
  int run(const C* format) {
    while (*format != 0) {
      if (is_space(*format)) {
        skip_space();
        ++format;
      } else if (*format != '%') {
        if (!match(*format++)) break;
      } else if (format[1] == '%') {
        skip_space();
        if (!match('%')) break;
        format += 2;
      } else {
        directive what;
        format = read_size(read_prefix(format + 1, what), what);
        if (*format == 0 || !convert(what, format)) break;
      }
    }
    return stored_ == 0 && ended_ ? EOF : stored_;
  }

 private:
  static const C* read_prefix(const C* at, directive& what) {
    if (*at == '*') {
      what.store = false;
      ++at;
    }
    while (*at >= '0' && *at <= '9' && what.width < 100'000) {
      what.width = what.width * 10 + (*at++ - '0');
    }
    return at;
  }

  static const C* read_size(const C* at, directive& what) {
    for (;; ++at) {
      switch (*at) {
        case 'h':
          what.size = what.narrow ? size_of::byte : size_of::half;
          what.narrow = true;
          continue;
        case 'l':
          if (what.broad) what.size = size_of::wide;
          what.broad = true;
          continue;
        case 'w':
          what.broad = true;
          continue;
        case 'z':
        case 't':
        case 'j':
        case 'L':
          what.size = size_of::wide;
          continue;
        case 'I':
          if (at[1] == '3' && at[2] == '2') {
            at += 2;
          } else {
            if (at[1] == '6' && at[2] == '4') at += 2;
            what.size = size_of::wide;
          }
          continue;
        default:
          return at;
      }
    }
  }

  void skip_space() {
    while (is_space(in_.peek())) in_.take();
  }
  bool match(C wanted) {
    const int c = in_.peek();
    if (c < 0) ended_ = true;
    if (c != (sizeof(C) == 1 ? static_cast<unsigned char>(wanted) : static_cast<char16_t>(wanted)))
      return false;
    in_.take();
    return true;
  }

  bool convert(const directive& what, const C*& format) {
    const char conversion = static_cast<char>(*format++);
    switch (conversion) {
      case 'd':
        return number(what, 10);
      case 'u':
        return number(what, 10);
      case 'i':
        return number(what, 0);
      case 'o':
        return number(what, 8);
      case 'x':
      case 'X':
        return number(what, 16);
      case 'p': {
        directive pointer = what;
        pointer.size = size_of::wide;
        return number(pointer, 16);
      }
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
      case 'a':
      case 'A':
        return real(what);
      case 'c':
      case 'C':
        return characters(what, takes_wide(what, conversion == 'C'));
      case 's':
      case 'S':
        skip_space();
        return string(what, takes_wide(what, conversion == 'S'), nullptr);
      case '[': {
        char_set<C> set;
        format = set.read(format);
        return string(what, takes_wide(what, false), &set);
      }
      case 'n':
        if (what.store) store_number(what, static_cast<std::uint64_t>(in_.taken()));
        return true;
      default:
        return false;
    }
  }

  static bool takes_wide(const directive& what, bool capital) {
    if (what.narrow) return false;
    if (what.broad) return true;
    return (sizeof(C) == 2) != capital;
  }

  bool at_end() {
    if (in_.peek() >= 0) return false;
    ended_ = true;
    return true;
  }

  void store_number(const directive& what, std::uint64_t value) {
    void* const to = va_arg(arguments_.list, void*);
    std::size_t bytes = 4;
    switch (what.size) {
      case size_of::byte:
        bytes = 1;
        break;
      case size_of::half:
        bytes = 2;
        break;
      case size_of::word:
        break;
      case size_of::wide:
        bytes = 8;
        break;
    }
    RtlCopyMemory(to, &value, bytes);
  }

  bool number(const directive& what, int base) {
    skip_space();
    if (at_end()) return false;
    int left = what.width == 0 ? 1'000'000 : what.width;
    bool negative = false;
    if (in_.peek() == '-' || in_.peek() == '+') {
      negative = in_.take() == '-';
      --left;
    }
    bool any = false;
    if (left > 0 && in_.peek() == '0') {
      in_.take();
      --left;
      any = true;
      if (left > 0 && (base == 0 || base == 16) && (in_.peek() | 0x20) == 'x') {
        in_.take();
        --left;
        base = 16;
        any = false;
      } else if (base == 0) {
        base = 8;
      }
    }
    if (base == 0) base = 10;
    std::uint64_t value = 0;
    for (; left > 0 && digit_of(in_.peek()) < base; --left) {
      value = value * static_cast<unsigned>(base) + static_cast<unsigned>(digit_of(in_.take()));
      any = true;
    }
    if (!any) return false;
    if (what.store) {
      store_number(what, negative ? 0 - value : value);
      ++stored_;
    }
    return true;
  }

  bool real(const directive& what) {
    skip_space();
    if (at_end()) return false;
    char text[128];
    std::size_t length = 0;
    std::size_t most = what.width == 0 || what.width > 127 ? 127 : what.width;
    const auto allowed = [](int c) {
      return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || (c | 0x20) == 'e' ||
             (c | 0x20) == 'x' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') || (c | 0x20) == 'p';
    };
    while (length < most && in_.peek() > 0 && in_.peek() < 0x80 && allowed(in_.peek())) {
      text[length++] = static_cast<char>(in_.take());
    }
    text[length] = '\0';
    char* end = nullptr;
    const double value = std::strtod(text, &end);
    if (end == text) return false;
    if (!what.store) return true;
    void* const to = va_arg(arguments_.list, void*);
    if (what.broad || what.size == size_of::wide) {
      RtlCopyMemory(to, &value, sizeof value);
    } else {
      const auto narrow = static_cast<float>(value);
      RtlCopyMemory(to, &narrow, sizeof narrow);
    }
    ++stored_;
    return true;
  }

  /// The destination of a field, and how many characters it holds.
  struct field {
    char* narrow = nullptr;
    wchar_t* wide = nullptr;
    std::size_t size = SIZE_MAX;
    std::size_t length = 0;
    bool full = false;
    utf8_decoder decoder;
    utf16_decoder units;

    void put_narrow(char c) {
      if (length >= size) {
        full = true;
        return;
      }
      sync::touch(narrow + length, 1, sync::access_kind::write);
      narrow[length++] = c;
    }
    void put_wide(wchar_t c) {
      if (length >= size) {
        full = true;
        return;
      }
      sync::touch(wide + length, 2, sync::access_kind::write);
      wide[length++] = c;
    }
    void end() {
      if (narrow != nullptr) put_narrow('\0');
      if (wide != nullptr) put_wide(0);
    }
    void empty() {
      if (size == 0) return;
      if (narrow != nullptr) narrow[0] = '\0';
      if (wide != nullptr) wide[0] = 0;
    }
    void put(int c) {
      char32_t points[2];
      const bool from_bytes = sizeof(C) == 1;
      if (narrow != nullptr && from_bytes) return put_narrow(static_cast<char>(c));
      if (wide != nullptr && !from_bytes) return put_wide(static_cast<wchar_t>(c));
      const int count = from_bytes ? decoder.feed(static_cast<unsigned char>(c), points)
                                   : units.feed(static_cast<char16_t>(c), points);
      for (int i = 0; i < count; ++i) put_point(points[i]);
    }
    void put_point(char32_t point) {
      char bytes[4];
      char16_t pair[2];
      const int more = narrow != nullptr ? to_utf8(point, bytes) : to_utf16(point, pair);
      for (int i = 0; i < more; ++i) {
        narrow != nullptr ? put_narrow(bytes[i]) : put_wide(static_cast<wchar_t>(pair[i]));
      }
    }
  };

  field destination(const directive& what, bool wide) {
    field to;
    if (!what.store) return to;
    void* const at = va_arg(arguments_.list, void*);
    (wide ? reinterpret_cast<void*&>(to.wide) : reinterpret_cast<void*&>(to.narrow)) = at;
    if (secure_) to.size = va_arg(arguments_.list, unsigned);
    return to;
  }

  bool characters(const directive& what, bool wide) {
    field to = destination(what, wide);
    if (at_end()) return false;
    const int count = what.width == 0 ? 1 : what.width;
    for (int i = 0; i < count; ++i) {
      if (at_end()) return false;
      const int c = in_.take();
      if (what.store) to.put(c);
    }
    if (to.full) {
      to.empty();
      return false;
    }
    stored_ += what.store ? 1 : 0;
    return true;
  }

  bool string(const directive& what, bool wide, const char_set<C>* set) {
    field to = destination(what, wide);
    if (at_end()) return false;
    int left = what.width == 0 ? INT32_MAX : what.width;
    int count = 0;
    for (; left > 0 && in_.peek() >= 0; --left, ++count) {
      if (set != nullptr ? !set->has(in_.peek()) : is_space(in_.peek())) break;
      const int c = in_.take();
      if (what.store) to.put(c);
    }
    if (count == 0) {
      to.empty();
      return false;
    }
    if (!what.store) return true;
    to.end();
    if (to.full) {
      to.empty();
      return false;
    }
    ++stored_;
    return true;
  }

  source& in_;
  bool secure_;
  arguments arguments_;
  int stored_ = 0;
  bool ended_ = false;
};

template <class C>
int scan_text(const C* text, bool secure, const C* format, va_list arguments) {
  const sync::sealed seal;
  text_source<C> in(text);
  return scanner<C>(in, secure, arguments).run(format);
}
template <class C>
int scan_file(std::FILE* file, bool secure, const C* format, va_list arguments) {
  const sync::sealed seal;
  file_source in(file);
  return scanner<C>(in, secure, arguments).run(format);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

NTKERNELAPI int belay_crt_vsscanf(const char* text, const char* format, va_list arguments) {
  return scan_text(text, false, format, arguments);
}
NTKERNELAPI int belay_crt_vfscanf(FILE* file, const char* format, va_list arguments) {
  return scan_file(file, false, format, arguments);
}
NTKERNELAPI int belay_crt_vscanf(const char* format, va_list arguments) {
  return scan_file(stdin, false, format, arguments);
}

#define BELAY_SCAN_(name, C, call, ...)                    \
  NTKERNELAPI int name(__VA_ARGS__ const C* format, ...) { \
    va_list arguments;                                     \
    va_start(arguments, format);                           \
    const int result = call;                               \
    va_end(arguments);                                     \
    return result;                                         \
  }
#define BELAY_COMMA_ ,
BELAY_SCAN_(belay_crt_sscanf, char, scan_text(text, false, format, arguments),
            const char* text BELAY_COMMA_)
BELAY_SCAN_(belay_crt_fscanf, char, scan_file(file, false, format, arguments),
            FILE* file BELAY_COMMA_)
BELAY_SCAN_(belay_crt_scanf, char, scan_file(stdin, false, format, arguments), )
BELAY_SCAN_(belay_crt_swscanf, wchar_t, scan_text(text, false, format, arguments),
            const wchar_t* text BELAY_COMMA_)
BELAY_SCAN_(belay_crt_wscanf, wchar_t, scan_file(stdin, false, format, arguments), )
BELAY_SCAN_(sscanf_s, char, scan_text(text, true, format, arguments), const char* text BELAY_COMMA_)
BELAY_SCAN_(fscanf_s, char, scan_file(file, true, format, arguments), FILE* file BELAY_COMMA_)
BELAY_SCAN_(scanf_s, char, scan_file(stdin, true, format, arguments), )
BELAY_SCAN_(swscanf_s, wchar_t, scan_text(text, true, format, arguments),
            const wchar_t* text BELAY_COMMA_)
BELAY_SCAN_(wscanf_s, wchar_t, scan_file(stdin, true, format, arguments), )

}  // extern "C"
