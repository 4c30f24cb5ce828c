// Windows' format language: %I64d, %Iu, %wZ, %ws, %S, %Z; `l` and `long` have 32 bits.
#pragma once

#include <cstdarg>
#include <cstddef>

#include "kernel/executive.hpp"

namespace belay::inline BELAY_BUILD::kernel {

/// Takes one character: UTF-16, or a byte of narrow text, which a sink that knows no encoding takes
/// as the character of that number.
struct character_sink {
  virtual void put(char16_t c) = 0;
  virtual void put_byte(unsigned char c) { put(c); }

 protected:
  ~character_sink() = default;
};

/// Writes `format` with `arguments` to `out`. In the wide form %s is a wide string and %S a narrow
/// one, in the narrow form the reverse. Strings are read as the guest would read them.
void format_text(character_sink& out, const char* format, va_list arguments);
void format_text(character_sink& out, const wchar_t* format, va_list arguments);

}  // namespace belay::inline BELAY_BUILD::kernel
