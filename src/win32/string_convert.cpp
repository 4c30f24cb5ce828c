// Text between UTF-8 and UTF-16, numbers between text and binary, the lstr functions.
//
// Thread safety: any thread.
#include <cerrno>
#include <type_traits>

#include "kernel/letters.hpp"
#include "win32/crt.hpp"
#include "win32/process.hpp"
#include "win32/utf8.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

using namespace belay;
using namespace belay::win32;

namespace {

/// Counts what is put, and stores as much as fits.
template <class C>
struct bounded {
  C* to;
  std::size_t size;
  std::size_t length = 0;
  void operator()(C c) {
    if (to != nullptr && length < size) {
      sync::touch(to + length, sizeof(C), sync::access_kind::write);
      to[length] = c;
    }
    ++length;
  }
};

template <class From>
bool known_page(UINT page, DWORD flags, DWORD known, const From* text, int length) {
  const bool pages = page == CP_ACP || page == CP_OEMCP || page == CP_THREAD_ACP ||
                     page == CP_UTF8 || page == 1252 || page == 437 || page == 20127;
  if (!pages || text == nullptr || length == 0 || length < -1) return fail(ERROR_INVALID_PARAMETER);
  if ((flags & ~known) != 0) return fail(ERROR_INVALID_FLAGS);
  return true;
}

template <class C>
int converted(const bounded<C>& out, bool whole, bool strict) {
  if (!whole && strict) return fail(ERROR_NO_UNICODE_TRANSLATION);
  if (out.size != 0 && out.length > out.size) return fail(ERROR_INSUFFICIENT_BUFFER);
  return static_cast<int>(out.length);
}

template <class C>
bool is_blank(C c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

int digit_of(wchar_t c) {
  if (c >= L'0' && c <= L'9') return c - L'0';
  if (c >= L'a' && c <= L'z') return c - L'a' + 10;
  if (c >= L'A' && c <= L'Z') return c - L'A' + 10;
  return 99;
}

struct parsed {
  std::uint64_t value = 0;
  bool negative = false;
  bool over = false;
  const wchar_t* end = nullptr;
};

parsed parse(const wchar_t* text, int base) {
  parsed out;
  const wchar_t* at = text;
  out.end = text;
  while (is_blank(*at)) ++at;
  if (*at == L'+' || *at == L'-') out.negative = *at++ == L'-';
  const bool hex = at[0] == L'0' && (at[1] | 0x20) == L'x' && digit_of(at[2]) < 16;
  if ((base == 0 || base == 16) && hex) {
    at += 2;
    base = 16;
  } else if (base == 0) {
    base = *at == L'0' ? 8 : 10;
  }
  for (; digit_of(*at) < base; ++at) {
    const auto digit = static_cast<std::uint64_t>(digit_of(*at));
    out.over |= __builtin_mul_overflow(out.value, static_cast<std::uint64_t>(base), &out.value);
    out.over |= __builtin_add_overflow(out.value, digit, &out.value);
    out.end = at + 1;
  }
  return out;
}

long long to_signed(const wchar_t* text, wchar_t** end, int base, std::int64_t least,
                    std::int64_t most) {
  const parsed found = parse(text, base);
  if (end != nullptr) *end = const_cast<wchar_t*>(found.end);
  const std::uint64_t limit =
      found.negative ? 0 - static_cast<std::uint64_t>(least) : static_cast<std::uint64_t>(most);
  if (found.over || found.value > limit) {
    errno = ERANGE;
    return found.negative ? least : most;
  }
  return static_cast<long long>(found.negative ? 0 - found.value : found.value);
}

unsigned long long to_unsigned(const wchar_t* text, wchar_t** end, int base, std::uint64_t most) {
  const parsed found = parse(text, base);
  if (end != nullptr) *end = const_cast<wchar_t*>(found.end);
  if (found.over || found.value > most) {
    errno = ERANGE;
    return most;
  }
  return (found.negative ? 0 - found.value : found.value) & most;
}

template <class C>
std::size_t digits(std::uint64_t value, bool negative, int radix, C (&out)[66]) {
  std::size_t at = 65;
  out[at] = 0;
  do {
    const auto digit = static_cast<int>(value % static_cast<unsigned>(radix));
    out[--at] = static_cast<C>(digit < 10 ? '0' + digit : 'a' + digit - 10);
    value /= static_cast<unsigned>(radix);
  } while (value != 0);
  if (negative) out[--at] = '-';
  return at;
}

template <class C>
errno_t number_to(std::uint64_t value, bool negative, C* buffer, std::size_t size, int radix,
                  const char* function) {
  if (buffer == nullptr || size == 0 || radix < 2 || radix > 36) {
    invalid_parameter(function);
    return EINVAL;
  }
  C text[66];
  const std::size_t at = digits(value, negative, radix, text);
  if (66 - at > size) {
    buffer[0] = 0;
    invalid_parameter(function);
    return ERANGE;
  }
  RtlCopyMemory(buffer, text + at, (66 - at) * sizeof(C));
  return 0;
}

/// Only decimal numbers are shown with a sign.
template <class C, class Value>
errno_t signed_to(Value value, C* buffer, std::size_t size, int radix, const char* function) {
  const bool negative = value < 0 && radix == 10;
  const auto bits = static_cast<std::make_unsigned_t<Value>>(value);
  return number_to<C>(negative ? 0 - static_cast<std::uint64_t>(value) : bits, negative, buffer,
                      size, radix, function);
}

template <class C>
int compare(const C* left, const C* right, bool fold) {
  if (left == nullptr || right == nullptr) return (left != nullptr) - (right != nullptr);
  for (;; ++left, ++right) {
    const auto unit = [fold](C c) {
      const auto value = static_cast<char16_t>(
          static_cast<std::make_unsigned_t<std::conditional_t<sizeof(C) == 1, char, short>>>(c));
      return fold && (sizeof(C) == 2 || value < 0x80) ? kernel::lower(value) : value;
    };
    if (unit(*left) != unit(*right)) return unit(*left) < unit(*right) ? -1 : 1;
    if (*left == 0) return 0;
  }
}

template <class C>
C* append(C* to, const C* from) {
  if (to == nullptr || from == nullptr) return nullptr;
  RtlMoveMemory(to, from, (length_of(from) + 1) * sizeof(C));
  return to;
}

}  // namespace

extern "C" {

int WINAPI MultiByteToWideChar(UINT CodePage, DWORD dwFlags, LPCSTR lpMultiByteStr, int cbMultiByte,
                               LPWSTR lpWideCharStr, int cchWideChar) {
  const DWORD known = MB_PRECOMPOSED | MB_ERR_INVALID_CHARS;
  if (!known_page(CodePage, dwFlags, known, lpMultiByteStr, cbMultiByte)) return 0;
  const std::size_t bytes =
      cbMultiByte == -1 ? length_of(lpMultiByteStr) + 1 : static_cast<std::size_t>(cbMultiByte);
  bounded<wchar_t> out{lpWideCharStr, static_cast<std::size_t>(cchWideChar)};
  const bool whole =
      each_utf16(lpMultiByteStr, bytes, [&](char16_t c) { out(static_cast<wchar_t>(c)); });
  return converted(out, whole, (dwFlags & MB_ERR_INVALID_CHARS) != 0);
}

int WINAPI WideCharToMultiByte(UINT CodePage, DWORD dwFlags, LPCWSTR lpWideCharStr, int cchWideChar,
                               LPSTR lpMultiByteStr, int cbMultiByte, LPCSTR,
                               LPBOOL lpUsedDefaultChar) {
  const DWORD known = WC_NO_BEST_FIT_CHARS | WC_ERR_INVALID_CHARS;
  if (!known_page(CodePage, dwFlags, known, lpWideCharStr, cchWideChar)) return 0;
  const std::size_t units =
      cchWideChar == -1 ? length_of(lpWideCharStr) + 1 : static_cast<std::size_t>(cchWideChar);
  bounded<char> out{lpMultiByteStr, static_cast<std::size_t>(cbMultiByte)};
  const bool whole = each_utf8(lpWideCharStr, units, [&](char c) { out(c); });
  if (lpUsedDefaultChar != nullptr) *lpUsedDefaultChar = !whole;
  return converted(out, whole, (dwFlags & WC_ERR_INVALID_CHARS) != 0);
}

NTKERNELAPI size_t belay_crt_mbstowcs(wchar_t* to, const char* text, size_t count) {
  const std::size_t bytes = length_of(text);
  bounded<wchar_t> out{to, count};
  if (!each_utf16(text, bytes, [&](char16_t c) { out(static_cast<wchar_t>(c)); })) {
    errno = EILSEQ;
    return static_cast<size_t>(-1);
  }
  if (to == nullptr) return out.length;
  if (out.length < count) to[out.length] = 0;
  return out.length < count ? out.length : count;
}
NTKERNELAPI size_t belay_crt_wcstombs(char* to, const wchar_t* text, size_t count) {
  bounded<char> out{to, count};
  if (!each_utf8(text, length_of(text), [&](char c) { out(c); })) {
    errno = EILSEQ;
    return static_cast<size_t>(-1);
  }
  if (to == nullptr) return out.length;
  if (out.length < count) to[out.length] = '\0';
  return out.length < count ? out.length : count;
}

}  // extern "C"

namespace {

/// mbstowcs_s and wcstombs_s, once it is known how much there is.
template <class C>
errno_t secure(size_t* done, C* buffer, size_t size, std::size_t needed, size_t count,
               const char* function) {
  if (done != nullptr) *done = 0;
  if (needed == SIZE_MAX) {
    if (size != 0) buffer[0] = 0;
    return EILSEQ;
  }
  const std::size_t wanted = count < needed ? count : needed;
  if (buffer == nullptr) {
    if (done != nullptr) *done = needed + 1;
    return 0;
  }
  if (wanted >= size && count != _TRUNCATE) {
    buffer[0] = 0;
    invalid_parameter(function);
    return ERANGE;
  }
  const std::size_t kept = wanted < size ? wanted : size - 1;
  buffer[kept] = 0;
  if (done != nullptr) *done = kept + 1;
  return kept < needed && count == _TRUNCATE ? 80 : 0;
}

}  // namespace

extern "C" {

NTKERNELAPI errno_t mbstowcs_s(size_t* done, wchar_t* buffer, size_t size, const char* text,
                               size_t count) {
  if (text == nullptr || (buffer == nullptr) != (size == 0)) {
    invalid_parameter("mbstowcs_s");
    return EINVAL;
  }
  const std::size_t needed = belay_crt_mbstowcs(nullptr, text, 0);
  if (needed != SIZE_MAX && buffer != nullptr) belay_crt_mbstowcs(buffer, text, size);
  return secure(done, buffer, size, needed, count, "mbstowcs_s");
}
NTKERNELAPI errno_t wcstombs_s(size_t* done, char* buffer, size_t size, const wchar_t* text,
                               size_t count) {
  if (text == nullptr || (buffer == nullptr) != (size == 0)) {
    invalid_parameter("wcstombs_s");
    return EINVAL;
  }
  const std::size_t needed = belay_crt_wcstombs(nullptr, text, 0);
  if (needed != SIZE_MAX && buffer != nullptr) belay_crt_wcstombs(buffer, text, size);
  return secure(done, buffer, size, needed, count, "wcstombs_s");
}

/// `long` has the 32 bits of Windows in what they take, and 64 in the type they return.
NTKERNELAPI long belay_crt_wcstol(const wchar_t* text, wchar_t** end, int base) {
  return to_signed(text, end, base, INT32_MIN, INT32_MAX);
}
NTKERNELAPI unsigned long belay_crt_wcstoul(const wchar_t* text, wchar_t** end, int base) {
  return to_unsigned(text, end, base, UINT32_MAX);
}
NTKERNELAPI long long belay_crt_wcstoll(const wchar_t* text, wchar_t** end, int base) {
  return to_signed(text, end, base, INT64_MIN, INT64_MAX);
}
NTKERNELAPI unsigned long long belay_crt_wcstoull(const wchar_t* text, wchar_t** end, int base) {
  return to_unsigned(text, end, base, UINT64_MAX);
}
NTKERNELAPI long long _wcstoi64(const wchar_t* text, wchar_t** end, int base) {
  return belay_crt_wcstoll(text, end, base);
}
NTKERNELAPI unsigned long long _wcstoui64(const wchar_t* text, wchar_t** end, int base) {
  return belay_crt_wcstoull(text, end, base);
}
NTKERNELAPI int _wtoi(const wchar_t* text) {
  return static_cast<int>(to_signed(text, nullptr, 10, INT32_MIN, INT32_MAX));
}
NTKERNELAPI int _wtol(const wchar_t* text) { return _wtoi(text); }
NTKERNELAPI long long _wtoi64(const wchar_t* text) { return belay_crt_wcstoll(text, nullptr, 10); }

NTKERNELAPI errno_t _itoa_s(int value, char* buffer, size_t size, int radix) {
  return signed_to(value, buffer, size, radix, "_itoa_s");
}
NTKERNELAPI errno_t _ultoa_s(unsigned value, char* buffer, size_t size, int radix) {
  return number_to(value, false, buffer, size, radix, "_ultoa_s");
}
NTKERNELAPI errno_t _i64toa_s(long long value, char* buffer, size_t size, int radix) {
  return signed_to(value, buffer, size, radix, "_i64toa_s");
}
NTKERNELAPI errno_t _ui64toa_s(unsigned long long value, char* buffer, size_t size, int radix) {
  return number_to(value, false, buffer, size, radix, "_ui64toa_s");
}
NTKERNELAPI errno_t _itow_s(int value, wchar_t* buffer, size_t size, int radix) {
  return signed_to(value, buffer, size, radix, "_itow_s");
}
NTKERNELAPI char* _itoa(int value, char* buffer, int radix) {
  return _itoa_s(value, buffer, 66, radix), buffer;
}
NTKERNELAPI char* _ltoa(int value, char* buffer, int radix) { return _itoa(value, buffer, radix); }
NTKERNELAPI char* _ultoa(unsigned value, char* buffer, int radix) {
  return _ultoa_s(value, buffer, 66, radix), buffer;
}
NTKERNELAPI char* _i64toa(long long value, char* buffer, int radix) {
  return _i64toa_s(value, buffer, 66, radix), buffer;
}
NTKERNELAPI char* _ui64toa(unsigned long long value, char* buffer, int radix) {
  return _ui64toa_s(value, buffer, 66, radix), buffer;
}
NTKERNELAPI wchar_t* _itow(int value, wchar_t* buffer, int radix) {
  return _itow_s(value, buffer, 66, radix), buffer;
}

int WINAPI lstrlenA(LPCSTR text) { return text == nullptr ? 0 : static_cast<int>(length_of(text)); }
int WINAPI lstrlenW(LPCWSTR text) {
  return text == nullptr ? 0 : static_cast<int>(length_of(text));
}
int WINAPI lstrcmpA(LPCSTR left, LPCSTR right) { return compare(left, right, false); }
int WINAPI lstrcmpW(LPCWSTR left, LPCWSTR right) { return compare(left, right, false); }
int WINAPI lstrcmpiA(LPCSTR left, LPCSTR right) { return compare(left, right, true); }
int WINAPI lstrcmpiW(LPCWSTR left, LPCWSTR right) { return compare(left, right, true); }
LPSTR WINAPI lstrcpyA(LPSTR to, LPCSTR from) { return append(to, from); }
LPWSTR WINAPI lstrcpyW(LPWSTR to, LPCWSTR from) { return append(to, from); }
LPSTR WINAPI lstrcatA(LPSTR to, LPCSTR from) {
  return to == nullptr || append(to + length_of(to), from) == nullptr ? nullptr : to;
}
LPWSTR WINAPI lstrcatW(LPWSTR to, LPCWSTR from) {
  return to == nullptr || append(to + length_of(to), from) == nullptr ? nullptr : to;
}

}  // extern "C"
