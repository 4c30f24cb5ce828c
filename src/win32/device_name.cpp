// Names of devices, as Win32 writes them.
//
// Thread safety: none is needed.
// Contract: WIN32-FILE-002
#include "win32/device_name.hpp"

#include <winerror.h>

namespace belay::inline BELAY_BUILD::win32 {

namespace {

bool is_slash(char16_t c) { return c == u'\\' || c == u'/'; }
char16_t upper(char16_t c) {
  return c >= u'a' && c <= u'z' ? static_cast<char16_t>(c - u'a' + u'A') : c;
}

// Whether `name` begins with `what`, without regard to case.
bool begins(const char16_t* name, const char16_t* what) {
  for (; *what != 0; ++name, ++what) {
    if (upper(*name) != *what) return false;
  }
  return true;
}

// A bare reserved name, with or without a colon: how long it is, else 0.
std::size_t reserved(const char16_t* name) {
  std::size_t length = 0;
  if (begins(name, u"COM") || begins(name, u"LPT")) {
    if (name[3] >= u'1' && name[3] <= u'9') length = 4;
  } else if (begins(name, u"NUL") || begins(name, u"CON") || begins(name, u"AUX") ||
             begins(name, u"PRN")) {
    length = 3;
  }
  const char16_t* const rest = name + length;
  return length != 0 && (rest[0] == 0 || (rest[0] == u':' && rest[1] == 0)) ? length : 0;
}

}  // namespace

std::uint32_t device_name::take(const char16_t* prefix, const char16_t* rest, bool tidy) {
  std::size_t length = 0;
  for (; *prefix != 0; ++prefix) text_[length++] = *prefix;
  const std::size_t start = length;
  for (; *rest != 0; ++rest) {
    if (length == longest) return ERROR_FILENAME_EXCED_RANGE;
    text_[length++] = tidy && *rest == u'/' ? u'\\' : *rest;
  }
  while (tidy && length > start && (text_[length - 1] == u'.' || text_[length - 1] == u' ')) {
    --length;
  }
  text_[length] = 0;
  return length == start ? ERROR_PATH_NOT_FOUND : 0;
}

std::uint32_t device_name::set(const char16_t* name) {
  if (name == nullptr || *name == 0) return ERROR_PATH_NOT_FOUND;
  const bool literal = begins(name, u"\\\\?\\");
  if (literal || (is_slash(name[0]) && is_slash(name[1]) && name[2] == u'.' && is_slash(name[3]))) {
    const char16_t* const rest = name + 4;
    if (begins(rest, u"GLOBALROOT\\")) return take(u"\\", rest + 11, !literal);
    return take(u"\\??\\", rest, !literal);
  }
  if (begins(name, u"\\??\\")) return take(u"\\??\\", name + 4, false);
  if (const std::size_t length = reserved(name)) {
    const std::uint32_t error = take(u"\\??\\", name, false);
    text_[4 + length] = 0;  // without the colon
    return error;
  }
  return ERROR_FILE_NOT_FOUND;
}

}  // namespace belay::inline BELAY_BUILD::win32
