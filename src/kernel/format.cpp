#include "kernel/format.hpp"

#include <cstdio>

#include "kernel/api.hpp"

#include <wdm.h>

namespace belay::inline BELAY_BUILD::kernel {

namespace {

enum class width_of : std::uint8_t { byte, half, word, wide, pointer };

/// What stands between '%' and the conversion.
struct directive {
  bool left = false;
  bool plus = false;
  bool space = false;
  bool zero = false;
  bool alternate = false;
  int width = 0;
  int precision = -1;
  width_of size = width_of::word;
  bool narrow = false;  // h
  bool broad = false;   // l or w
};

/// Arguments behind a pointer: a va_list parameter cannot be passed on by reference.
struct arguments {
  va_list list;
};

template <class C>
class formatter {
 public:
  formatter(character_sink& out, va_list list) : out_(out) { va_copy(arguments_.list, list); }
  ~formatter() { va_end(arguments_.list); }

  void run(const C* format) {
    while (*format != 0) {
      if (*format != '%') {
        put(*format++);
        continue;
      }
      if (*++format == '%') {
        out_.put('%');
        ++format;
        continue;
      }
      directive what;
      format = read_size(read_widths(read_flags(format, what), what), what);
      if (*format == 0) return;
      convert(what, static_cast<char>(*format++));
    }
  }

 private:
  static char16_t unit(char c) { return static_cast<unsigned char>(c); }
  void put(char c) { out_.put_byte(static_cast<unsigned char>(c)); }
  void put(wchar_t c) { out_.put(static_cast<char16_t>(c)); }
  static constexpr bool is_wide = sizeof(C) == 2;

  static const C* read_flags(const C* at, directive& what) {
    for (;; ++at) {
      switch (*at) {
        case '-':
          what.left = true;
          break;
        case '+':
          what.plus = true;
          break;
        case ' ':
          what.space = true;
          break;
        case '0':
          what.zero = true;
          break;
        case '#':
          what.alternate = true;
          break;
        default:
          return at;
      }
    }
  }

  const C* read_number(const C* at, int& value) {
    if (*at == '*') {
      value = va_arg(arguments_.list, int);
      return at + 1;
    }
    value = 0;
    while (*at >= '0' && *at <= '9' && value < 100'000) value = value * 10 + (*at++ - '0');
    return at;
  }

  const C* read_widths(const C* at, directive& what) {
    at = read_number(at, what.width);
    if (what.width < 0) {
      what.left = true;
      what.width = -what.width;
    }
    if (*at == '.') at = read_number(at + 1, what.precision);
    return at;
  }

  static const C* read_size(const C* at, directive& what) {
    for (;; ++at) {
      switch (*at) {
        case 'h':
          what.size = what.narrow ? width_of::byte : width_of::half;
          what.narrow = true;
          continue;
        case 'l':
          if (what.broad) what.size = width_of::wide;
          what.broad = true;
          continue;
        case 'w':
          what.broad = true;
          continue;
        case 'z':
        case 't':
          what.size = width_of::pointer;
          continue;
        case 'j':
        case 'L':
          what.size = width_of::wide;
          continue;
        case 'I':
          if (at[1] == '6' && at[2] == '4') {
            what.size = width_of::wide;
            at += 2;
          } else if (at[1] == '3' && at[2] == '2') {
            at += 2;
          } else {
            what.size = width_of::pointer;
          }
          continue;
        default:
          return at;
      }
    }
  }

  std::int64_t signed_argument(width_of size) {
    if (size == width_of::wide || size == width_of::pointer)
      return va_arg(arguments_.list, long long);
    const int value = va_arg(arguments_.list, int);
    if (size == width_of::half) return static_cast<short>(value);
    return size == width_of::byte ? static_cast<signed char>(value) : value;
  }
  std::uint64_t unsigned_argument(width_of size) {
    if (size == width_of::wide || size == width_of::pointer)
      return va_arg(arguments_.list, unsigned long long);
    const unsigned value = va_arg(arguments_.list, unsigned);
    if (size == width_of::half) return static_cast<unsigned short>(value);
    return size == width_of::byte ? static_cast<unsigned char>(value) : value;
  }

  void convert(directive& what, char conversion) {
    switch (conversion) {
      case 'd':
      case 'i': {
        const std::int64_t value = signed_argument(what.size);
        const char* const sign = value < 0 ? "-" : (what.plus ? "+" : (what.space ? " " : ""));
        return number(
            what,
            value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value),
            10, false, sign);
      }
      case 'u':
        return number(what, unsigned_argument(what.size), 10, false, "");
      case 'o':
        return number(what, unsigned_argument(what.size), 8, false, what.alternate ? "0" : "");
      case 'x':
      case 'X': {
        const std::uint64_t value = unsigned_argument(what.size);
        const char* const prefix = conversion == 'x' ? "0x" : "0X";
        return number(what, value, 16, conversion == 'X',
                      what.alternate && value != 0 ? prefix : "");
      }
      case 'p':
      case 'P':
        what.precision = 16;
        return number(what, va_arg(arguments_.list, unsigned long long), 16, true, "");
      case 'c':
      case 'C':
        return character(what, va_arg(arguments_.list, int), takes_wide(what, conversion == 'C'));
      case 's':
      case 'S':
        return string(what, takes_wide(what, conversion == 'S'));
      case 'Z':
        return counted(what);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
      case 'a':
      case 'A':
        return real(what, conversion);
      default:
        out_.put(unit(conversion));
    }
  }

  static bool takes_wide(const directive& what, bool capital) {
    if (what.narrow) return false;
    if (what.broad) return true;
    return is_wide != capital;
  }

  void fill(int count, char with) {
    for (; count > 0; --count) out_.put(unit(with));
  }

  void number(const directive& what, std::uint64_t value, unsigned base, bool capital,
              const char* prefix) {
    const char* const digits = capital ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[32];
    int length = 0;
    for (; value != 0 || length == 0; value /= base) text[length++] = digits[value % base];
    if (what.precision == 0 && length == 1 && text[0] == '0') length = 0;
    int prefix_length = 0;
    while (prefix[prefix_length] != '\0') ++prefix_length;
    int zeros = what.precision > length ? what.precision - length : 0;
    const bool pad_zero = what.zero && !what.left && what.precision < 0;
    if (pad_zero && what.width > length + prefix_length)
      zeros = what.width - length - prefix_length;
    const int padding = what.width - length - prefix_length - zeros;
    if (!what.left) fill(padding, ' ');
    for (int i = 0; i < prefix_length; ++i) out_.put(unit(prefix[i]));
    fill(zeros, '0');
    while (length > 0) out_.put(unit(text[--length]));
    if (what.left) fill(padding, ' ');
  }

  void character(const directive& what, int value, bool wide) {
    if (!what.left) fill(what.width - 1, ' ');
    wide ? put(static_cast<wchar_t>(value)) : put(static_cast<char>(value));
    if (what.left) fill(what.width - 1, ' ');
  }

  template <class Unit>
  void text(const directive& what, const Unit* at, std::size_t length) {
    if (what.precision >= 0 && length > static_cast<std::size_t>(what.precision)) {
      length = static_cast<std::size_t>(what.precision);
    }
    const int padding = what.width - static_cast<int>(length);
    if (!what.left) fill(padding, ' ');
    for (std::size_t i = 0; i < length; ++i) put(at[i]);
    if (what.left) fill(padding, ' ');
  }

  template <class Unit>
  void zero_ended(const directive& what, const Unit* at) {
    const std::size_t most = what.precision >= 0 ? static_cast<std::size_t>(what.precision) : ~0ull;
    std::size_t length = 0;
    while (length < most && at[length] != 0) ++length;
    if (length != 0) sync::touch(at, length * sizeof(Unit), sync::access_kind::read);
    text(what, at, length);
  }

  void string(const directive& what, bool wide) {
    const void* const at = va_arg(arguments_.list, const void*);
    if (at == nullptr) return text(what, "(null)", 6);
    if (wide) return zero_ended(what, static_cast<const wchar_t*>(at));
    zero_ended(what, static_cast<const char*>(at));
  }

  /// %Z takes an ANSI_STRING, %wZ and %lZ a UNICODE_STRING.
  void counted(const directive& what) {
    const auto* const at = va_arg(arguments_.list, const UNICODE_STRING*);
    if (at == nullptr) return text(what, "(null)", 6);
    sync::touch(at, sizeof *at, sync::access_kind::read);
    if (at->Buffer == nullptr) return text(what, "(null)", at->Length != 0 ? 6 : 0);
    if (at->Length != 0) sync::touch(at->Buffer, at->Length, sync::access_kind::read);
    if (what.broad) return text(what, at->Buffer, at->Length / sizeof(wchar_t));
    text(what, reinterpret_cast<const char*>(at->Buffer), at->Length);
  }

  void real(const directive& what, char conversion) {
    char format[] = "%+ #.*f";
    char* at = format + 1;
    if (what.plus) *at++ = '+';
    if (what.space) *at++ = ' ';
    if (what.alternate) *at++ = '#';
    *at++ = '.';
    *at++ = '*';
    *at++ = conversion;
    *at = '\0';
    char digits[400];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const int length =
        std::snprintf(digits, sizeof digits, format,
                      what.precision < 0 ? 6 : (what.precision > 60 ? 60 : what.precision),
                      va_arg(arguments_.list, double));
#pragma GCC diagnostic pop
    real_text(what, digits, length);
  }

  /// Zeros go between the sign and the digits.
  void real_text(const directive& what, const char* digits, int length) {
    const bool is_number = digits[length - 1] >= '.' && digits[length - 1] <= '9';
    const int sign = digits[0] == '-' || digits[0] == '+' || digits[0] == ' ' ? 1 : 0;
    const int padding = what.width - length;
    const bool zeros = what.zero && !what.left && is_number;
    if (!what.left && !zeros) fill(padding, ' ');
    for (int i = 0; i < sign; ++i) out_.put(unit(digits[i]));
    if (zeros) fill(padding, '0');
    for (int i = sign; i < length; ++i) out_.put(unit(digits[i]));
    if (what.left) fill(padding, ' ');
  }

  character_sink& out_;
  arguments arguments_;
};

}  // namespace

void format_text(character_sink& out, const char* format, va_list arguments) {
  formatter<char>(out, arguments).run(format);
}
void format_text(character_sink& out, const wchar_t* format, va_list arguments) {
  formatter<wchar_t>(out, arguments).run(format);
}

}  // namespace belay::inline BELAY_BUILD::kernel
