#include "guest/clauses.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "guest/installation.hpp"
#include "guest/toml_file.hpp"

namespace belay::inline BELAY_BUILD::guest {
namespace {

clause read_clause(toml_section& from) {
  clause to;
  from.text("id", to.id);
  from.text("title", to.title);
  from.text("text", to.text);
  from.text("source", to.source);
  from.text("status", to.status);
  from.text("rule", to.rule);
  from.text("bug_check", to.bug_check);
  from.text("fix", to.fix);
  from.text("reason", to.reason);
  from.texts("tests", to.tests);
  return to;
}

bool part_of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool holds_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !part_of_name(text[at - 1])) &&
        (end == text.size() || !part_of_name(text[end]))) {
      return true;
    }
  }
  return false;
}

}  // namespace

tl::expected<std::vector<clause>, std::string> load_clauses(const std::string& folder) {
  const std::string where = folder.empty() ? installed("contracts") : folder;
  std::error_code failed;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(where, failed)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path().string());
  }
  if (failed || files.empty()) {
    return tl::unexpected(
        std::string("Belay's contracts are not where they belong (../share/belay/contracts "
                    "seen from the program); install or build Belay again"));
  }
  std::sort(files.begin(), files.end());
  std::vector<clause> all;
  for (const std::string& file : files) {
    const auto table = parse_toml_file(file);
    if (!table) return tl::unexpected(table.error());
    std::string error;
    toml_section whole(*table, file, error);
    for (toml_section& one : whole.sections("clause")) all.push_back(read_clause(one));
    if (!error.empty()) return tl::unexpected(error);
  }
  return all;
}

const clause* find_clause(const std::vector<clause>& all, std::string_view id) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const clause& c) { return c.id == id; });
  return at == all.end() ? nullptr : &*at;
}

bool mentions(const clause& what, std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return holds_word(what.title, name) || holds_word(what.text, name) ||
         what.source.find("-" + lower + ".md") != std::string::npos;
}

}  // namespace belay::inline BELAY_BUILD::guest
