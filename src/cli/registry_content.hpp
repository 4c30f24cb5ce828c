// What the files given by --registry say.
#pragma once

#include <string>
#include <vector>

#include "cli/failure.hpp"
#include "guest/registry_file.hpp"

namespace belay::cli {

/// One after the other. Throws failure.
inline std::vector<guest::registry_change> registry_content(const std::vector<std::string>& files) {
  std::vector<guest::registry_change> content;
  for (const std::string& each : files) {
    const auto one = guest::load_registry_file(each);
    if (!one) throw failure(wrong_use, one.error());
    content.insert(content.end(), one->begin(), one->end());
  }
  return content;
}

}  // namespace belay::cli
