// What takes formatted text: UTF-8 from the narrow sink, UTF-16 from the wide one, whatever was
// put.
//
// Thread safety: none; a value of its user's.
#pragma once

#include "kernel/format.hpp"
#include "win32/utf8.hpp"

namespace belay::inline BELAY_BUILD::win32 {

/// Turns characters and bytes into bytes of UTF-8.
class narrow_sink : public kernel::character_sink {
 public:
  void put(char16_t c) final {
    char32_t points[2];
    const int count = decoder_.feed(c, points);
    for (int i = 0; i < count; ++i) give(points[i]);
  }
  void put_byte(unsigned char c) final { take(static_cast<char>(c)); }
  void finish() {
    if (decoder_.finish()) give(not_a_character);
  }

 protected:
  virtual void take(char c) = 0;
  ~narrow_sink() = default;

 private:
  void give(char32_t point) {
    char bytes[4];
    const int count = to_utf8(point, bytes);
    for (int i = 0; i < count; ++i) take(bytes[i]);
  }
  utf16_decoder decoder_;
};

/// Turns them into UTF-16.
class wide_sink : public kernel::character_sink {
 public:
  void put(char16_t c) final { take(static_cast<wchar_t>(c)); }
  void put_byte(unsigned char c) final {
    char32_t points[2];
    const int count = decoder_.feed(c, points);
    for (int i = 0; i < count; ++i) give(points[i]);
  }
  void finish() {
    if (decoder_.finish()) give(not_a_character);
  }

 protected:
  virtual void take(wchar_t c) = 0;
  ~wide_sink() = default;

 private:
  void give(char32_t point) {
    char16_t units[2];
    const int count = to_utf16(point, units);
    for (int i = 0; i < count; ++i) take(static_cast<wchar_t>(units[i]));
  }
  utf8_decoder decoder_;
};

template <class C>
struct sink_of;
template <>
struct sink_of<char> {
  using type = narrow_sink;
};
template <>
struct sink_of<wchar_t> {
  using type = wide_sink;
};

}  // namespace belay::inline BELAY_BUILD::win32
