// UTF-8 to UTF-16, for the length of a call.
//
// Thread safety: none is needed.
#include "win32/text.hpp"

#include "win32/utf8.hpp"

namespace belay::inline BELAY_BUILD::win32 {

wide_text::wide_text(const char* text) {
  if (text == nullptr) return;
  std::size_t bytes = 0;
  while (text[bytes] != '\0') ++bytes;
  text_ = static_cast<char16_t*>(
      sync::allocate((bytes + 1) * sizeof(char16_t), sync::memory_use::internal));
  if (text_ == nullptr) return;
  char16_t* to = text_;
  each_utf16(text, bytes, [&](char16_t unit) { *to++ = unit; });
  *to = 0;
}

}  // namespace belay::inline BELAY_BUILD::win32
