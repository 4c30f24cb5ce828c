// What the scanner reads from, and the sets of characters that it takes.
//
// Thread safety: none; values of their user.
#pragma once

#include <cstdio>

#include "win32/crt.hpp"
#include "win32/stream.hpp"

namespace belay::inline BELAY_BUILD::win32 {

/// Where characters come from; -1 at the end.
class source {
 public:
  int peek() {
    if (!ahead_) {
      next_ = next();
      ahead_ = true;
    }
    return next_;
  }
  int take() {
    const int c = peek();
    ahead_ = false;
    if (c >= 0) ++taken_;
    return c;
  }
  int taken() const { return taken_; }

 protected:
  virtual int next() = 0;
  ~source() = default;
  bool ahead_ = false;
  int next_ = 0;

 private:
  int taken_ = 0;
};

template <class C>
class text_source final : public source {
 public:
  explicit text_source(const C* text) : at_(text), left_(length_of(text)) {}

 private:
  int next() override {
    if (left_ == 0) return -1;
    --left_;
    return sizeof(C) == 1 ? static_cast<unsigned char>(*at_++) : static_cast<char16_t>(*at_++);
  }
  const C* at_;
  std::size_t left_;
};

class file_source final : public source {
 public:
  explicit file_source(std::FILE* file) : file_(file) {}
  ~file_source() {
    if (ahead_ && next_ >= 0) unread_stream(file_, next_);
  }

 private:
  int next() override { return read_stream(file_); }
  std::FILE* file_;
};

inline bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline int digit_of(int c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

/// The characters that a %[ takes: those listed, or all others.
template <class C>
class char_set {
 public:
  /// Returns: what follows the ']'.
  const C* read(const C* at) {
    if (*at == '^') {
      inverted_ = true;
      ++at;
    }
    begin_ = at;
    if (*at == ']') ++at;
    while (*at != 0 && *at != ']') ++at;
    end_ = at;
    return *at == 0 ? at : at + 1;
  }
  bool has(int c) const {
    bool found = false;
    for (const C* at = begin_; at < end_; ++at) {
      if (at + 2 < end_ && at[1] == '-') {
        found |= c >= value(at[0]) && c <= value(at[2]);
        at += 2;
      } else {
        found |= c == value(*at);
      }
    }
    return found != inverted_;
  }

 private:
  static int value(C c) {
    return sizeof(C) == 1 ? static_cast<unsigned char>(c) : static_cast<char16_t>(c);
  }
  const C* begin_ = nullptr;
  const C* end_ = nullptr;
  bool inverted_ = false;
};

}  // namespace belay::inline BELAY_BUILD::win32
