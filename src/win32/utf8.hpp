// UTF-8 and UTF-16, a unit at a time. What is broken becomes U+FFFD.
//
// Thread safety: none; a value of its user's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

inline constexpr char32_t not_a_character = 0xfffd;

/// Bytes in, code points out.
class utf8_decoder {
 public:
  /// Returns: how many code points came out, at `out`; two when a sequence broke off.
  int feed(unsigned char byte, char32_t (&out)[2]) {
    int count = 0;
    if (left_ != 0 && (byte & 0xc0) != 0x80) {
      left_ = 0;
      broken_ = true;
      out[count++] = not_a_character;
    }
    if (left_ != 0) {
      value_ = value_ << 6 | (byte & 0x3f);
      if (--left_ == 0) out[count++] = checked();
    } else if (byte < 0x80) {
      out[count++] = byte;
    } else if (byte >= 0xc2 && byte <= 0xf4) {
      left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      least_ = left_ == 1 ? 0x80 : left_ == 2 ? 0x800 : 0x1'0000;
      value_ = byte & (0x3f >> left_);
    } else {
      broken_ = true;
      out[count++] = not_a_character;
    }
    return count;
  }
  /// The text is over. Returns: true if a sequence broke off, which is one more U+FFFD.
  bool finish() {
    const bool open = left_ != 0;
    broken_ |= open;
    left_ = 0;
    return open;
  }
  bool broken() const { return broken_; }

 private:
  char32_t checked() {
    if (value_ >= least_ && value_ <= 0x10'ffff && (value_ < 0xd800 || value_ > 0xdfff))
      return value_;
    broken_ = true;
    return not_a_character;
  }
  char32_t value_ = 0;
  char32_t least_ = 0;
  int left_ = 0;
  bool broken_ = false;
};

/// UTF-16 units in, code points out.
class utf16_decoder {
 public:
  int feed(char16_t unit, char32_t (&out)[2]) {
    int count = 0;
    if (high_ != 0) {
      const char32_t high = high_;
      high_ = 0;
      if (unit >= 0xdc00 && unit <= 0xdfff) {
        out[count++] = 0x1'0000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
        return count;
      }
      broken_ = true;
      out[count++] = not_a_character;
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
      high_ = unit;
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
      broken_ = true;
      out[count++] = not_a_character;
    } else {
      out[count++] = unit;
    }
    return count;
  }
  bool finish() {
    const bool open = high_ != 0;
    broken_ |= open;
    high_ = 0;
    return open;
  }
  bool broken() const { return broken_; }

 private:
  char16_t high_ = 0;
  bool broken_ = false;
};

/// Returns: the number of bytes.
inline int to_utf8(char32_t c, char (&out)[4]) {
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  const int more = c < 0x800 ? 1 : c < 0x1'0000 ? 2 : 3;
  for (int i = more; i > 0; --i) {
    out[i] = static_cast<char>(0x80 | (c & 0x3f));
    c >>= 6;
  }
  out[0] = static_cast<char>((0xff80 >> more & 0xff) | c);
  return more + 1;
}

/// Returns: the number of units.
inline int to_utf16(char32_t c, char16_t (&out)[2]) {
  if (c < 0x1'0000) {
    out[0] = static_cast<char16_t>(c);
    return 1;
  }
  c -= 0x1'0000;
  out[0] = static_cast<char16_t>(0xd800 + (c >> 10));
  out[1] = static_cast<char16_t>(0xdc00 + (c & 0x3ff));
  return 2;
}

/// Hands the UTF-16 of `bytes` at `text` to `put`, a unit at a time. Returns: whether all was well
/// formed.
template <class Put>
bool each_utf16(const char* text, std::size_t bytes, Put put) {
  utf8_decoder decoder;
  char32_t points[2];
  char16_t units[2];
  const auto give = [&](char32_t point) {
    const int count = to_utf16(point, units);
    for (int i = 0; i < count; ++i) put(units[i]);
  };
  for (std::size_t i = 0; i < bytes; ++i) {
    const int count = decoder.feed(static_cast<unsigned char>(text[i]), points);
    for (int k = 0; k < count; ++k) give(points[k]);
  }
  if (decoder.finish()) give(not_a_character);
  return !decoder.broken();
}

/// The same with the UTF-8 of UTF-16. `C` is a character of two bytes.
template <class C, class Put>
bool each_utf8(const C* text, std::size_t units, Put put) {
  utf16_decoder decoder;
  char32_t points[2];
  char bytes[4];
  const auto give = [&](char32_t point) {
    const int count = to_utf8(point, bytes);
    for (int i = 0; i < count; ++i) put(bytes[i]);
  };
  for (std::size_t i = 0; i < units; ++i) {
    const int count = decoder.feed(static_cast<char16_t>(text[i]), points);
    for (int k = 0; k < count; ++k) give(points[k]);
  }
  if (decoder.finish()) give(not_a_character);
  return !decoder.broken();
}

}  // namespace belay::inline BELAY_BUILD::win32
