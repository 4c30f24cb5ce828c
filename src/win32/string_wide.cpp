// The wcs functions for 16-bit characters, as functions: for programs that take their address.
// Ordinary calls are inline (include/windows/parts/wide_string.h).
//
// Thread safety: any thread.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel/letters.hpp"
#include "win32/crt.hpp"

// clang-format off: last, because they define much.
#include <windows.h>

#include <parts/win32_crt.h>
// clang-format on

using namespace belay;
using namespace belay::win32;

namespace {

bool listed(wchar_t c, const wchar_t* in) {
  for (; *in != 0; ++in) {
    if (*in == c) return true;
  }
  return false;
}

std::size_t span(const wchar_t* text, const wchar_t* set, bool wanted) {
  std::size_t length = 0;
  while (text[length] != 0 && listed(text[length], set) == wanted) ++length;
  return length;
}

wchar_t lower(wchar_t c) { return static_cast<wchar_t>(kernel::lower(static_cast<char16_t>(c))); }
wchar_t upper(wchar_t c) { return static_cast<wchar_t>(kernel::upper(static_cast<char16_t>(c))); }

int compare(const wchar_t* left, const wchar_t* right, std::size_t count,
            wchar_t (*fold)(wchar_t)) {
  for (std::size_t i = 0; i < count; ++i) {
    const int a = fold != nullptr ? fold(left[i]) : left[i];
    const int b = fold != nullptr ? fold(right[i]) : right[i];
    if (a != b || a == 0) return a - b;
  }
  return 0;
}

constexpr std::size_t all = SIZE_MAX;

}  // namespace

extern "C" {

NTKERNELAPI size_t belay_crt_wcslen(const wchar_t* text) { return length_of(text); }
NTKERNELAPI size_t belay_crt_wcsnlen(const wchar_t* text, size_t most) {
  return length_up_to(text, most);
}
NTKERNELAPI wchar_t* belay_crt_wcscpy(wchar_t* to, const wchar_t* from) {
  RtlCopyMemory(to, from, (length_of(from) + 1) * sizeof(wchar_t));
  return to;
}
NTKERNELAPI wchar_t* belay_crt_wcsncpy(wchar_t* to, const wchar_t* from, size_t count) {
  const std::size_t length = length_up_to(from, count);
  RtlCopyMemory(to, from, length * sizeof(wchar_t));
  RtlZeroMemory(to + length, (count - length) * sizeof(wchar_t));
  return to;
}
NTKERNELAPI wchar_t* belay_crt_wcscat(wchar_t* to, const wchar_t* from) {
  belay_crt_wcscpy(to + length_of(to), from);
  return to;
}
NTKERNELAPI wchar_t* belay_crt_wcsncat(wchar_t* to, const wchar_t* from, size_t count) {
  wchar_t* const end = to + length_of(to);
  const std::size_t length = length_up_to(from, count);
  RtlCopyMemory(end, from, length * sizeof(wchar_t));
  end[length] = 0;
  return to;
}
NTKERNELAPI int belay_crt_wcscmp(const wchar_t* left, const wchar_t* right) {
  return compare(left, right, all, nullptr);
}
NTKERNELAPI int belay_crt_wcsncmp(const wchar_t* left, const wchar_t* right, size_t count) {
  return compare(left, right, count, nullptr);
}
NTKERNELAPI int belay_crt_wcscasecmp(const wchar_t* left, const wchar_t* right) {
  return compare(left, right, all, &lower);
}
NTKERNELAPI int belay_crt_wcsncasecmp(const wchar_t* left, const wchar_t* right, size_t count) {
  return compare(left, right, count, &lower);
}
NTKERNELAPI wchar_t* belay_crt_wcschr(const wchar_t* text, wchar_t wanted) {
  for (;; ++text) {
    if (*text == wanted) return const_cast<wchar_t*>(text);
    if (*text == 0) return nullptr;
  }
}
NTKERNELAPI wchar_t* belay_crt_wcsrchr(const wchar_t* text, wchar_t wanted) {
  const wchar_t* found = nullptr;
  for (;; ++text) {
    if (*text == wanted) found = text;
    if (*text == 0) return const_cast<wchar_t*>(found);
  }
}
NTKERNELAPI wchar_t* belay_crt_wcsstr(const wchar_t* text, const wchar_t* wanted) {
  const std::size_t length = length_of(wanted);
  for (;; ++text) {
    if (compare(text, wanted, length, nullptr) == 0) return const_cast<wchar_t*>(text);
    if (*text == 0) return nullptr;
  }
}
NTKERNELAPI size_t belay_crt_wcsspn(const wchar_t* text, const wchar_t* set) {
  return span(text, set, true);
}
NTKERNELAPI size_t belay_crt_wcscspn(const wchar_t* text, const wchar_t* set) {
  return span(text, set, false);
}
NTKERNELAPI wchar_t* belay_crt_wcspbrk(const wchar_t* text, const wchar_t* set) {
  const wchar_t* const found = text + span(text, set, false);
  return *found != 0 ? const_cast<wchar_t*>(found) : nullptr;
}
NTKERNELAPI wchar_t* wcstok_s(wchar_t* text, const wchar_t* delimiters, wchar_t** context) {
  wchar_t* start = text != nullptr ? text : *context;
  if (start == nullptr) return nullptr;
  start += span(start, delimiters, true);
  if (*start == 0) {
    *context = start;
    return nullptr;
  }
  wchar_t* const end = start + span(start, delimiters, false);
  *context = *end != 0 ? end + 1 : end;
  *end = 0;
  return start;
}
NTKERNELAPI wchar_t* belay_crt_wcstok(wchar_t* text, const wchar_t* delimiters, wchar_t** context) {
  return wcstok_s(text, delimiters, context);
}

NTKERNELAPI wchar_t* belay_crt_wmemcpy(wchar_t* to, const wchar_t* from, size_t count) {
  RtlCopyMemory(to, from, count * sizeof(wchar_t));
  return to;
}
NTKERNELAPI wchar_t* belay_crt_wmemmove(wchar_t* to, const wchar_t* from, size_t count) {
  RtlMoveMemory(to, from, count * sizeof(wchar_t));
  return to;
}
NTKERNELAPI wchar_t* belay_crt_wmemset(wchar_t* to, wchar_t value, size_t count) {
  if (count != 0) sync::touch(to, count * sizeof(wchar_t), sync::access_kind::write);
  std::fill(to, to + count, value);
  return to;
}
NTKERNELAPI int belay_crt_wmemcmp(const wchar_t* left, const wchar_t* right, size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  }
  return 0;
}
NTKERNELAPI wchar_t* belay_crt_wmemchr(const wchar_t* at, wchar_t wanted, size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (at[i] == wanted) return const_cast<wchar_t*>(at + i);
  }
  return nullptr;
}

NTKERNELAPI wchar_t* _wcslwr(wchar_t* text) {
  for (wchar_t* at = text; *at != 0; ++at) *at = lower(*at);
  return text;
}
NTKERNELAPI wchar_t* _wcsupr(wchar_t* text) {
  for (wchar_t* at = text; *at != 0; ++at) *at = upper(*at);
  return text;
}
NTKERNELAPI char* _strlwr(char* text) {
  for (char* at = text; *at != 0; ++at) {
    if (*at >= 'A' && *at <= 'Z') *at = static_cast<char>(*at + ('a' - 'A'));
  }
  return text;
}
NTKERNELAPI char* _strupr(char* text) {
  for (char* at = text; *at != 0; ++at) {
    if (*at >= 'a' && *at <= 'z') *at = static_cast<char>(*at - ('a' - 'A'));
  }
  return text;
}
NTKERNELAPI char* _strrev(char* text) {
  std::reverse(text, text + length_of(text));
  return text;
}
NTKERNELAPI errno_t strerror_s(char* buffer, size_t size, int error) {
  if (buffer == nullptr || size == 0) {
    invalid_parameter("strerror_s");
    return EINVAL;
  }
  const char* const text = std::strerror(error);
  const std::size_t length = std::min(length_of(text), size - 1);
  RtlCopyMemory(buffer, text, length);
  buffer[length] = '\0';
  return 0;
}

}  // extern "C"
