#include "guest/toml_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "guest/guest_file.hpp"

namespace belay::inline BELAY_BUILD::guest {

tl::expected<toml::table, std::string> parse_toml_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in || text.bad()) {
    return tl::unexpected(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  }
  toml::parse_result result = toml::parse(text.str(), path);
  if (!result) {
    return tl::unexpected(fmt::format("{}:{}: {}", path, result.error().source().begin.line,
                                      result.error().description()));
  }
  return std::move(result).table();
}

void toml_section::fail(const toml::node* at, const std::string& message) {
  if (!error_.empty()) return;
  const auto line = at != nullptr ? at->source().begin.line : table_.source().begin.line;
  error_ = fmt::format("{}:{}: {}", file_, line, message);
}

void toml_section::fail(const char* key, const std::string& message) {
  fail(table_.get(key), message);
}

void toml_section::only(std::initializer_list<const char*> known) {
  const std::vector<std::string> names(known.begin(), known.end());
  const toml::key* first = nullptr;
  for (auto&& [key, value] : table_) {
    const bool fine = std::find(names.begin(), names.end(), key.str()) != names.end();
    if (!fine && (first == nullptr || key.source().begin.line < first->source().begin.line))
      first = &key;
  }
  if (first == nullptr || !error_.empty()) return;
  const std::string near = nearest(first->str(), names);
  error_ =
      fmt::format("{}:{}: unknown key \"{}\"; {}", file_, first->source().begin.line, first->str(),
                  near.empty() ? fmt::format("known are {}", fmt::join(names, ", "))
                               : fmt::format("did you mean \"{}\"?", near));
}

void toml_section::text(const char* key, std::string& to) {
  const toml::node* at = table_.get(key);
  if (at == nullptr) return;
  const auto value = at->value_exact<std::string>();
  if (!value) return fail(at, fmt::format("\"{}\" should be a string in quotes", key));
  to = *value;
}

void toml_section::number(const char* key, std::int64_t least, std::int64_t most,
                          std::int64_t& to) {
  const toml::node* at = table_.get(key);
  if (at == nullptr) return;
  const auto value = at->value_exact<std::int64_t>();
  if (!value || *value < least || *value > most) {
    return fail(at, fmt::format("\"{}\" should be a whole number from {} to {}", key, least, most));
  }
  to = *value;
}

void toml_section::flag(const char* key, bool& to) {
  const toml::node* at = table_.get(key);
  if (at == nullptr) return;
  const auto value = at->value_exact<bool>();
  if (!value) return fail(at, fmt::format("\"{}\" should be true or false", key));
  to = *value;
}

void toml_section::texts(const char* key, std::vector<std::string>& to) {
  const toml::node* at = table_.get(key);
  if (at == nullptr) return;
  const toml::array* list = at->as_array();
  if (list == nullptr) return fail(at, fmt::format("\"{}\" should be a list of strings", key));
  for (const toml::node& one : *list) {
    const auto value = one.value_exact<std::string>();
    if (!value) return fail(&one, fmt::format("\"{}\" should be a list of strings", key));
    to.push_back(*value);
  }
}

std::optional<int> toml_section::word(const char* key, std::initializer_list<const char*> words) {
  const toml::node* at = table_.get(key);
  if (at == nullptr) return {};
  const auto value = at->value_exact<std::string>();
  int index = 0;
  for (const char* each : words) {
    if (value && *value == each) return index;
    ++index;
  }
  fail(at, fmt::format("\"{}\" should be one of \"{}\"", key, fmt::join(words, "\", \"")));
  return {};
}

std::vector<toml_section> toml_section::sections(const char* key) {
  std::vector<toml_section> result;
  const toml::node* at = table_.get(key);
  if (at == nullptr) return result;
  const toml::array* list = at->as_array();
  if (list == nullptr) {
    fail(at, fmt::format("\"{0}\" should be a table in double brackets: [[{0}]]", key));
    return result;
  }
  for (const toml::node& one : *list) {
    if (const toml::table* table = one.as_table()) {
      result.emplace_back(*table, file_, error_);
    } else {
      fail(&one, fmt::format("\"{0}\" should be tables in double brackets: [[{0}]]", key));
    }
  }
  return result;
}

}  // namespace belay::inline BELAY_BUILD::guest
