#include "cli/fold_includes.hpp"

#include <algorithm>
#include <cctype>
#include <deque>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/failure.hpp"

namespace belay::cli {
namespace {

namespace fs = std::filesystem;

struct include_line {
  std::string name;
  bool quoted;
};

std::vector<include_line> includes_of(const fs::path& file) {
  std::vector<include_line> result;
  std::ifstream in(file, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    std::size_t at = line.find_first_not_of(" \t\xEF\xBB\xBF");
    if (at == std::string::npos || line[at] != '#') continue;
    at = line.find_first_not_of(" \t", at + 1);
    if (at == std::string::npos || line.compare(at, 7, "include") != 0) continue;
    at = line.find_first_not_of(" \t", at + 7);
    if (at == std::string::npos || (line[at] != '"' && line[at] != '<')) continue;
    const bool quoted = line[at] == '"';
    const std::size_t end = line.find(quoted ? '"' : '>', at + 1);
    if (end != std::string::npos) result.push_back({line.substr(at + 1, end - at - 1), quoted});
  }
  return result;
}

bool same_but_for_case(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

// The file `name` below `folder` as Windows would find it; empty: none.
fs::path find_folded(const fs::path& folder, const std::string& name) {
  fs::path at = folder;
  std::string parts = name;
  std::replace(parts.begin(), parts.end(), '\\', '/');
  std::istringstream split(parts);
  std::error_code ignored;
  for (std::string part; std::getline(split, part, '/');) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || fs::exists(at / part, ignored)) {
      at /= part;
      continue;
    }
    fs::path match;
    for (const auto& entry : fs::directory_iterator(at, ignored)) {
      if (same_but_for_case(entry.path().filename().string(), part)) match = entry.path();
    }
    if (match.empty()) return {};
    at = match;
  }
  return fs::is_regular_file(at, ignored) ? fs::absolute(at) : fs::path{};
}

// GCC looks for the name as it is spelled, Clang for the one with slashes; make both.
void write_forwarder(const fs::path& folder, const std::string& name, const fs::path& to) {
  std::string slashes = name;
  std::replace(slashes.begin(), slashes.end(), '\\', '/');
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  for (const std::string& spelling : {name, slashes}) {
    const fs::path at = folder / spelling;
    fs::create_directories(at.parent_path(), ignored);
    std::ofstream out(at, std::ios::binary);
    out << "#include \"" << to.string() << "\"\n";
    out.close();
    if (!out) {
      throw failure(wrong_use, at.string() + " cannot be written; make room in the cache folder");
    }
  }
}

}  // namespace

folded_includes fold_includes(const std::vector<std::string>& sources,
                              const std::vector<std::string>& include_folders,
                              const std::string& windows_folder, const std::string& into) {
  // Four levels deep, so that a name that begins with ../ stays below `into`.
  const fs::path user = fs::path(into) / "user" / "1" / "2" / "3" / "4";
  const fs::path windows = fs::path(into) / "windows" / "1" / "2" / "3" / "4";
  folded_includes result;
  std::deque<fs::path> pending;
  std::set<fs::path> seen;
  for (const std::string& source : sources) pending.push_back(fs::absolute(source));
  while (!pending.empty()) {
    const fs::path file = pending.front();
    pending.pop_front();
    if (!seen.insert(file.lexically_normal()).second) continue;
    for (const include_line& line : includes_of(file)) {
      std::vector<fs::path> folders;
      if (line.quoted) folders.push_back(file.parent_path());
      folders.insert(folders.end(), include_folders.begin(), include_folders.end());
      fs::path found;
      bool exact = false;
      std::error_code ignored;
      for (const fs::path& folder : folders) {
        exact = fs::is_regular_file(folder / line.name, ignored);
        found = exact ? fs::absolute(folder / line.name) : find_folded(folder, line.name);
        if (!found.empty()) break;
      }
      if (!found.empty()) {
        pending.push_back(found);
        if (exact) continue;
        write_forwarder(user, line.name, found);
        result.user = user.string();
        continue;
      }
      if (fs::is_regular_file(fs::path(windows_folder) / line.name, ignored)) continue;
      found = find_folded(windows_folder, line.name);
      if (found.empty()) continue;
      write_forwarder(windows, line.name, found);
      result.windows = windows.string();
    }
  }
  return result;
}

}  // namespace belay::cli
