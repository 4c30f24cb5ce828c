// What a driver is to find in the registry, from a file in Windows' own text format (.reg).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::guest {

/// One step; in the order of kernel::registry_action.
struct registry_change {
  enum class action_kind : std::uint8_t { make_key, delete_key, set_value, delete_value };
  action_kind action = action_kind::make_key;
  std::u16string key;   ///< "\Registry\Machine\…"
  std::u16string name;  ///< of the value; empty: the default one
  std::uint32_t type = 0;
  std::vector<std::uint8_t> data;

  friend bool operator==(const registry_change&, const registry_change&) = default;
};

/// Reads a file. The error is one line: file, line, what is wrong, and what is accepted.
tl::expected<std::vector<registry_change>, std::string> load_registry_file(const std::string& path);
/// The same for its content, UTF-8 or, with a byte order mark, UTF-16LE. `name` is for messages.
tl::expected<std::vector<registry_change>, std::string> parse_registry(std::string_view content,
                                                                       const std::string& name);

/// nullopt for bytes that are no UTF-8.
std::optional<std::u16string> utf16_of(std::string_view text);
/// What is no UTF-16 becomes U+FFFD.
std::string utf8_of(std::u16string_view text);

}  // namespace belay::inline BELAY_BUILD::guest
