// Upper and lower case of the letters that names are made of: Latin, Greek, Cyrillic.
#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::kernel {

constexpr bool paired_latin(char16_t c) {
  return (c >= 0x100 && c <= 0x12f) || (c >= 0x132 && c <= 0x137) || (c >= 0x14a && c <= 0x177);
}
constexpr bool paired_latin_odd(char16_t c) {
  return (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
}

constexpr char16_t upper(char16_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? static_cast<char16_t>(c - 32) : c;
  if (c >= 0xe0 && c <= 0xfe && c != 0xf7) return static_cast<char16_t>(c - 32);
  if (c == 0xff) return 0x178;
  if (paired_latin(c)) return static_cast<char16_t>(c & ~1);
  if (paired_latin_odd(c)) return (c & 1) == 0 ? static_cast<char16_t>(c - 1) : c;
  if (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) return static_cast<char16_t>(c - 32);
  if (c >= 0x430 && c <= 0x44f) return static_cast<char16_t>(c - 32);
  if (c >= 0x450 && c <= 0x45f) return static_cast<char16_t>(c - 80);
  return c;
}

constexpr char16_t lower(char16_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? static_cast<char16_t>(c + 32) : c;
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return static_cast<char16_t>(c + 32);
  if (c == 0x178) return 0xff;
  if (paired_latin(c)) return static_cast<char16_t>(c | 1);
  if (paired_latin_odd(c)) return (c & 1) != 0 ? static_cast<char16_t>(c + 1) : c;
  if (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) return static_cast<char16_t>(c + 32);
  if (c >= 0x410 && c <= 0x42f) return static_cast<char16_t>(c + 32);
  if (c >= 0x400 && c <= 0x40f) return static_cast<char16_t>(c + 80);
  return c;
}

}  // namespace belay::inline BELAY_BUILD::kernel
