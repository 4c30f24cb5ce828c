#include "explore/source_text.hpp"

#include <filesystem>
#include <fstream>

namespace belay::inline BELAY_BUILD::explore {

namespace fs = std::filesystem;

const std::vector<std::string>& source_text::of(const std::string& file) {
  const auto [at, fresh] = files_.try_emplace(file);
  if (!fresh || file.empty()) return at->second;
  std::ifstream in(file, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    at->second.push_back(std::move(line));
  }
  return at->second;
}

const std::string& source_text::line(const std::string& file, int number) {
  static const std::string none;
  const auto& all = of(file);
  return number >= 1 && number <= static_cast<int>(all.size())
             ? all[static_cast<std::size_t>(number) - 1]
             : none;
}

std::string short_path(const std::string& path) {
  if (path.empty() || path[0] != '/') return path;
  std::error_code error;
  const fs::path here = fs::current_path(error);
  const std::string relative = fs::path(path).lexically_normal().lexically_relative(here).string();
  return error || relative.empty() || relative.compare(0, 2, "..") == 0 ? path : relative;
}

std::string file_and_line(const source_location& where) {
  if (where.file.empty()) return {};
  return fs::path(where.file).filename().string() + ":" + std::to_string(where.line);
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace belay::inline BELAY_BUILD::explore
