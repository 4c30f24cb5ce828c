// Reading small TOML files with errors that name file, line and the nearest known key.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::guest {

/// One table of a file. The first error is kept; what is read after it keeps its default.
class toml_section {
 public:
  toml_section(const toml::table& of, std::string file, std::string& error)
      : table_(of), file_(std::move(file)), error_(error) {}

  /// Refuses every key that is not among `known`.
  void only(std::initializer_list<const char*> known);

  void text(const char* key, std::string& to);
  void number(const char* key, std::int64_t least, std::int64_t most, std::int64_t& to);
  template <class T>
  void number(const char* key, std::int64_t least, std::int64_t most, T& to) {
    auto value = static_cast<std::int64_t>(to);
    number(key, least, most, value);
    to = static_cast<T>(value);
  }
  void flag(const char* key, bool& to);
  void texts(const char* key, std::vector<std::string>& to);
  /// The index among `words`, or nothing.
  std::optional<int> word(const char* key, std::initializer_list<const char*> words);

  bool has(const char* key) const { return table_.contains(key); }
  /// The sub-tables of `[[key]]`.
  std::vector<toml_section> sections(const char* key);
  void fail(const char* key, const std::string& message);
  void fail(const toml::node* at, const std::string& message);

 private:
  const toml::table& table_;
  std::string file_;
  std::string& error_;
};

/// The whole file; the error is one line.
tl::expected<toml::table, std::string> parse_toml_file(const std::string& path);

}  // namespace belay::inline BELAY_BUILD::guest
