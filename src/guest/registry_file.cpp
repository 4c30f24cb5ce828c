#include "guest/registry_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace belay::inline BELAY_BUILD::guest {
namespace {

using changes = std::vector<registry_change>;

constexpr std::string_view first_line = "Windows Registry Editor Version 5.00";
constexpr std::uint32_t text_type = 1, binary_type = 3, number_type = 4, last_type = 11;
constexpr std::size_t longest_key = 255;

// The text of a value that this is not, in messages.
constexpr const char* data_forms =
    "\"text\", dword:0000002a, hex:01,ff, hex(0): to hex(b):, or - to delete the value";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool starts(std::string_view text, std::string_view with) {
  return same(text.substr(0, with.size()), with);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Hexadecimal digits, at most `most` of them.
std::optional<std::uint32_t> number_of(std::string_view digits, std::size_t most) {
  if (digits.empty() || digits.size() > most) return std::nullopt;
  std::uint32_t value = 0;
  for (const char each : digits) {
    const char c = lower(each);
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return value;
}

void append(std::vector<std::uint8_t>& to, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// ---- Unicode

// The next character; nullopt: none. Moves on past it.
std::optional<char32_t> next_of_utf8(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char head = byte(0);
  const std::size_t length = head < 0x80 ? 1 : head >> 5 == 6 ? 2 : head >> 4 == 14 ? 3 : 4;
  if (length > text.size() || (length == 4 && head >> 3 != 30)) return std::nullopt;
  char32_t value = length == 1 ? head : head & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) return std::nullopt;
    value = value << 6 | (byte(i) & 0x3fu);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
    return std::nullopt;
  text.remove_prefix(length);
  return value;
}

void put_utf8(std::string& to, char32_t c) {
  const auto put = [&](char32_t value) {
    to += static_cast<char>(static_cast<unsigned char>(value));
  };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xe0 | c >> 12);
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
    }
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

// ---- the file

class reader {
 public:
  reader(std::string_view content, const std::string& name) : rest_(content), name_(name) {}

  tl::expected<changes, std::string> read() {
    if (!next() || trimmed(line_) != first_line) {
      fail(fmt::format("a .reg file begins with the line \"{}\"", first_line));
    }
    while (error_.empty() && next()) {
      const std::string_view line = trimmed(line_);
      if (line.empty() || line.front() == ';') continue;
      if (line.front() == '[') {
        key_line(line);
      } else {
        value_line(line);
      }
    }
    if (!error_.empty()) return tl::unexpected(error_);
    return std::move(out_);
  }

 private:
  bool next() {
    if (rest_.empty()) return false;
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    ++number_;
    return true;
  }

  void fail(const std::string& what) {
    if (error_.empty()) error_ = fmt::format("{}:{}: {}", name_, std::max(number_, 1), what);
  }

  // What follows a value or a key.
  bool nothing_but_comment(std::string_view rest) {
    rest = trimmed(rest);
    return rest.empty() || rest.front() == ';';
  }

  void key_line(std::string_view line) {
    const std::size_t end = line.rfind(']');
    if (end == std::string_view::npos || !nothing_but_comment(line.substr(end + 1))) {
      return fail(
          "a key is written [HKEY_LOCAL_MACHINE\\…], on a line of its own; the ] is missing");
    }
    std::string_view path = line.substr(1, end - 1);
    const bool gone = path.starts_with('-');
    if (gone) path.remove_prefix(1);
    const std::string_view root = path.substr(0, path.find('\\'));
    if (!same(root, "HKEY_LOCAL_MACHINE") && !same(root, "HKLM")) {
      return fail(fmt::format(
          "[{}]: a driver's registry has keys below HKEY_LOCAL_MACHINE (HKLM) only", path));
    }
    path.remove_prefix(root.size());
    if (path.empty()) return fail("HKEY_LOCAL_MACHINE alone; a key below it is needed");
    std::u16string key = u"\\Registry\\Machine";
    while (!path.empty()) {
      path.remove_prefix(1);
      const std::string_view name = path.substr(0, path.find('\\'));
      path.remove_prefix(name.size());
      const auto wide = utf16_of(name).value_or(u"");
      if (wide.empty() || wide.size() > longest_key)
        return fail("the name of a key has 1 to 255 characters between two \\");
      key += u'\\' + wide;
    }
    key_ = gone ? u"" : key;
    using kind = registry_change::action_kind;
    out_.push_back({gone ? kind::delete_key : kind::make_key, key, {}, 0, {}});
  }

  // A quoted text at the front of `from`, which moves on past it.
  std::optional<std::u16string> quoted(std::string_view& from) {
    std::string text;
    for (std::size_t i = 1; i < from.size(); ++i) {
      if (from[i] == '"') {
        from.remove_prefix(i + 1);
        return utf16_of(text);
      }
      if (from[i] == '\\') {
        ++i;
        if (i == from.size() || (from[i] != '\\' && from[i] != '"')) {
          fail("in \"…\" a \\ is written \\\\ and a \" is written \\\"");
          return std::nullopt;
        }
      }
      text += from[i];
    }
    fail("the \" at the end is missing");
    return std::nullopt;
  }

  void value_line(std::string_view line) {
    registry_change change;
    change.action = registry_change::action_kind::set_value;
    change.key = key_;
    if (line.front() == '@') {
      line.remove_prefix(1);
    } else if (line.front() == '"') {
      const auto name = quoted(line);
      if (!name) return;
      change.name = *name;
    } else {
      return fail("a line is a [key], \"name\"=, @= for the default value, or begins with ; ");
    }
    line = trimmed(line);
    if (!line.starts_with('=')) return fail("a = is missing after the value's name");
    if (key_.empty()) return fail("a value needs a [key] before it that is not deleted");
    data(trimmed(line.substr(1)), change);
    if (error_.empty()) out_.push_back(std::move(change));
  }

  void data(std::string_view from, registry_change& to) {
    if (from.starts_with('"')) return text(from, to);
    if (starts(from, "dword:")) {
      from = trimmed(from.substr(6, from.substr(6).find(';')));
      const auto value = number_of(from, 8);
      if (!value) return fail("dword: is followed by one to eight hexadecimal digits");
      to.type = number_type;
      return append(to.data, *value, 4);
    }
    if (starts(from, "hex:")) {
      to.type = binary_type;
      return bytes(from.substr(4), to);
    }
    if (starts(from, "hex(")) {
      const std::size_t end = from.find("):");
      const auto type = number_of(from.substr(4, end == std::string_view::npos ? 0 : end - 4), 8);
      if (!type || *type > last_type) return fail("hex(…): has a type from 0 to b between ( and )");
      to.type = *type;
      return bytes(from.substr(end + 2), to);
    }
    if (from.starts_with('-') && nothing_but_comment(from.substr(1))) {
      to.action = registry_change::action_kind::delete_value;
      return;
    }
    fail(fmt::format("a value is {}", data_forms));
  }

  void text(std::string_view from, registry_change& to) {
    const auto wide = quoted(from);
    if (!wide) return;
    if (!nothing_but_comment(from)) return fail("there is something after the \" at the end");
    to.type = text_type;
    for (const char16_t each : *wide) append(to.data, each, 2);
    append(to.data, 0, 2);
  }

  // Bytes between commas; a \ at the end of a line goes on with the next one.
  void bytes(std::string_view from, registry_change& to) {
    bool more = true;
    while (more) {
      from = trimmed(from.substr(0, from.find(';')));
      more = from.ends_with('\\');
      if (more) from = trimmed(from.substr(0, from.size() - 1));
      while (!from.empty()) {
        const std::size_t end = std::min(from.find(','), from.size());
        const auto value = number_of(trimmed(from.substr(0, end)), 2);
        if (!value) {
          return fail(
              "hex: is followed by bytes of one or two hexadecimal digits, with commas between "
              "them; a \\ at the end goes on in the next line");
        }
        to.data.push_back(static_cast<std::uint8_t>(*value));
        from = trimmed(from.substr(std::min(end + 1, from.size())));
      }
      if (!more) return;
      if (!next()) return fail("the file ends after a \\, in the middle of a value");
      from = line_;
    }
  }

  std::string_view rest_, line_;
  const std::string& name_;
  int number_ = 0;
  std::string error_;
  std::u16string key_;  // empty: none, or one that was deleted
  changes out_;
};

}  // namespace

std::optional<std::u16string> utf16_of(std::string_view text) {
  std::u16string out;
  while (!text.empty()) {
    const auto c = next_of_utf8(text);
    if (!c) return std::nullopt;
    if (*c >= 0x10000) {
      out += static_cast<char16_t>(0xd7c0 + (*c >> 10));
      out += static_cast<char16_t>(0xdc00 | (*c & 0x3ff));
    } else {
      out += static_cast<char16_t>(*c);
    }
  }
  return out;
}

std::string utf8_of(std::u16string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char32_t c = text[i];
    if (c >> 11 == 0x1b) {
      const char32_t second = i + 1 < text.size() ? text[i + 1] : 0;
      const bool pair = c < 0xdc00 && second >> 10 == 0x37;
      c = pair ? 0x10000 + ((c & 0x3ff) << 10) + (second & 0x3ff) : 0xfffd;
      if (pair) ++i;
    }
    put_utf8(out, c);
  }
  return out;
}

tl::expected<changes, std::string> parse_registry(std::string_view content,
                                                  const std::string& name) {
  std::string converted;
  if (content.starts_with("\xff\xfe")) {
    std::u16string wide;
    for (std::size_t i = 2; i + 1 < content.size(); i += 2) {
      wide += static_cast<char16_t>(static_cast<unsigned char>(content[i]) |
                                    static_cast<unsigned char>(content[i + 1]) << 8);
    }
    converted = utf8_of(wide);
    content = converted;
  } else if (content.starts_with("\xef\xbb\xbf")) {
    content.remove_prefix(3);
  }
  std::string_view rest = content;
  while (!rest.empty()) {
    if (next_of_utf8(rest)) continue;
    const auto line =
        1 +
        std::count(content.begin(), content.end() - static_cast<std::ptrdiff_t>(rest.size()), '\n');
    return tl::unexpected(fmt::format(
        "{}:{}: this is no text in UTF-8, nor in UTF-16LE with a byte order mark", name, line));
  }
  return reader(content, name).read();
}

tl::expected<changes, std::string> load_registry_file(const std::string& path) {
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored))
    return tl::unexpected(fmt::format("{}: is a folder; a .reg file is needed", path));
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in || text.bad()) {
    return tl::unexpected(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  }
  return parse_registry(text.str(), path);
}

}  // namespace belay::inline BELAY_BUILD::guest
