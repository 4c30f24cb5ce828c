// A narrow string as UTF-16, for the length of a call.
#pragma once

#include <cstddef>

#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::win32 {

class wide_text {
 public:
  /// `text` is UTF-8, the code page of these programs.
  explicit wide_text(const char* text);
  wide_text(const wide_text&) = delete;
  wide_text& operator=(const wide_text&) = delete;
  ~wide_text() { sync::deallocate(text_); }

  /// nullptr when `text` was.
  const char16_t* get() const { return text_; }

 private:
  char16_t* text_ = nullptr;
};

}  // namespace belay::inline BELAY_BUILD::win32
