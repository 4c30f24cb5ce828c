// FormatMessage: texts of errors, and messages with inserts. OutputDebugString.
//
// Thread safety: any thread.
#include <algorithm>
#include <string>

#include "kernel/executive.hpp"
#include "win32/crt.hpp"
#include "win32/error_codes.hpp"
#include "win32/heap.hpp"
#include "win32/process.hpp"
#include "win32/sinks.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

extern "C" NTSYSAPI ULONG DbgPrint(PCSTR Format, ...);
// clang-format on

namespace belay::inline BELAY_BUILD::win32 {

namespace {

template <class C>
class collecting final : public sink_of<C>::type {
 public:
  explicit collecting(std::basic_string<C>& to) : to_(to) {}

 private:
  void take(C c) override { to_ += c; }
  std::basic_string<C>& to_;
};

template <class C>
void format_values(collecting<C>& out, const C* format, ...) {
  va_list list;
  va_start(list, format);
  kernel::format_text(out, format, list);
  va_end(list);
}

/// The values for the inserts, by number: of an array, or taken from a va_list one after the other.
class inserts {
 public:
  inserts(va_list* list, bool array) : list_(list), array_(array) {}
  bool any() const { return list_ != nullptr; }
  std::uint64_t at(std::size_t number) {
    if (array_) return reinterpret_cast<const std::uint64_t*>(list_)[number - 1];
    while (known_ < number) values_[known_++] = va_arg(*list_, unsigned long long);
    return values_[number - 1];
  }

 private:
  va_list* list_;
  bool array_;
  std::size_t known_ = 0;
  std::uint64_t values_[102] = {};
};

template <class C>
class message {
 public:
  message(const C* text, DWORD flags, inserts& values)
      : at_(text),
        plain_((flags & FORMAT_MESSAGE_IGNORE_INSERTS) != 0),
        width_(flags & FORMAT_MESSAGE_MAX_WIDTH_MASK),
        values_(values) {}

  /// Returns: false if an insert is asked for that nobody gave.
  bool expand(std::basic_string<C>& out) {
    for (; *at_ != 0; ++at_) {
      if (*at_ == '\r' || *at_ == '\n') {
        if (*at_ == '\r' && at_[1] == '\n') ++at_;
        line_end(out);
      } else if (*at_ != '%') {
        out += *at_;
      } else if (++at_; *at_ == 0) {
        return true;
      } else if (*at_ == '0') {
        return true;
      } else if (*at_ >= '1' && *at_ <= '9') {
        if (!insert(out)) return false;
      } else {
        escape(out);
      }
    }
    return true;
  }

 private:
  /// With a width, the line ends of the message's text are only places between words.
  void line_end(std::basic_string<C>& out) {
    if (width_ != 0) {
      out += ' ';
    } else {
      out += '\r';
      out += '\n';
    }
  }
  void escape(std::basic_string<C>& out) {
    switch (*at_) {
      case 'n':
        out += '\r';
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'b':
        out += ' ';
        break;
      default:
        out += *at_;
    }
  }
  bool insert(std::basic_string<C>& out) {
    const C* const start = at_ - 1;
    std::size_t number = static_cast<std::size_t>(*at_ - '0');
    if (at_[1] >= '0' && at_[1] <= '9')
      number = number * 10 + static_cast<std::size_t>(*++at_ - '0');
    std::basic_string<C> format(1, '%');
    if (at_[1] == '!') {
      const C* end = at_ + 2;
      while (*end != 0 && *end != '!') format += *end++;
      at_ = *end != 0 ? end : end - 1;
    } else {
      format += 's';
    }
    if (plain_) {
      out.append(start, at_ + 1);
      return true;
    }
    if (!values_.any()) return false;
    collecting<C> sink(out);
    const std::size_t stars =
        static_cast<std::size_t>(std::count(format.begin(), format.end(), static_cast<C>('*')));
    if (stars == 0)
      format_values(sink, format.c_str(), values_.at(number));
    else if (stars == 1)
      format_values(sink, format.c_str(), values_.at(number), values_.at(number + 1));
    else
      format_values(sink, format.c_str(), values_.at(number), values_.at(number + 1),
                    values_.at(number + 2));
    sink.finish();
    return true;
  }

  const C* at_;
  bool plain_;
  DWORD width_;
  inserts& values_;
};

std::uint32_t system_error_of(DWORD id) {
  return (id & 0xffff'0000) == 0x8007'0000 ? id & 0xffff : id;
}

/// Returns: false with the last error set if there is no such message.
template <class C>
bool find_text(DWORD flags, LPCVOID source, DWORD id, std::basic_string<C>& text) {
  if ((flags & FORMAT_MESSAGE_FROM_STRING) != 0) {
    if (source == nullptr) return fail(ERROR_INVALID_PARAMETER);
    const C* const from = static_cast<const C*>(source);
    text.assign(from, length_of(from));
    return true;
  }
  if ((flags & FORMAT_MESSAGE_FROM_SYSTEM) != 0) {
    if (const char* from = error_text(system_error_of(id))) {
      while (*from != '\0') text += static_cast<C>(*from++);
      text += '\r';
      text += '\n';
      return true;
    }
    return fail(ERROR_MR_MID_NOT_FOUND);
  }
  return fail((flags & FORMAT_MESSAGE_FROM_HMODULE) != 0 ? ERROR_RESOURCE_DATA_NOT_FOUND
                                                         : ERROR_INVALID_PARAMETER);
}

template <class C>
DWORD give(DWORD flags, C* buffer, DWORD size, const std::basic_string<C>& text) {
  const std::size_t bytes = (text.size() + 1) * sizeof(C);
  if ((flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0) {
    const std::size_t least = std::size_t{size} * sizeof(C);
    void* const made = heap_allocate(process_heap(), bytes < least ? least : bytes);
    if (made == nullptr) return fail(ERROR_NOT_ENOUGH_MEMORY);
    RtlCopyMemory(made, text.c_str(), bytes);
    RtlCopyMemory(buffer, &made, sizeof made);
    return static_cast<DWORD>(text.size());
  }
  if (text.size() >= size) return fail(ERROR_INSUFFICIENT_BUFFER);
  RtlCopyMemory(buffer, text.c_str(), bytes);
  return static_cast<DWORD>(text.size());
}

template <class C>
DWORD format_message(DWORD flags, LPCVOID source, DWORD id, C* buffer, DWORD size,
                     va_list* arguments) {
  const sync::sealed seal;
  if (buffer == nullptr) return fail(ERROR_INVALID_PARAMETER);
  if ((flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0) RtlZeroMemory(buffer, sizeof(void*));
  std::basic_string<C> text;
  if (!find_text(flags, source, id, text)) return 0;
  std::basic_string<C> out;
  inserts values(arguments, (flags & FORMAT_MESSAGE_ARGUMENT_ARRAY) != 0);
  if (!message<C>(text.c_str(), flags, values).expand(out)) return fail(ERROR_INVALID_PARAMETER);
  return give(flags, buffer, size, out);
}

}  // namespace

}  // namespace belay::inline BELAY_BUILD::win32

using namespace belay;
using namespace belay::win32;

extern "C" {

DWORD WINAPI FormatMessageA(DWORD dwFlags, LPCVOID lpSource, DWORD dwMessageId, DWORD,
                            LPSTR lpBuffer, DWORD nSize, va_list* Arguments) {
  return format_message(dwFlags, lpSource, dwMessageId, lpBuffer, nSize, Arguments);
}
DWORD WINAPI FormatMessageW(DWORD dwFlags, LPCVOID lpSource, DWORD dwMessageId, DWORD,
                            LPWSTR lpBuffer, DWORD nSize, va_list* Arguments) {
  return format_message(dwFlags, lpSource, dwMessageId, lpBuffer, nSize, Arguments);
}

/// To where DbgPrint's text goes.
VOID WINAPI OutputDebugStringA(LPCSTR lpOutputString) { DbgPrint("%s", lpOutputString); }
VOID WINAPI OutputDebugStringW(LPCWSTR lpOutputString) { DbgPrint("%ws", lpOutputString); }

}  // extern "C"
