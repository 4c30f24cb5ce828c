// belay explain: a clause in words.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "cli/check_arguments.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "guest/clauses.hpp"
#include "guest/guest_file.hpp"

namespace belay::cli {
namespace {

std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::string out;
  std::string line(indent, ' ');
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find_first_of(" \n", at);
    if (end == std::string::npos) end = text.size();
    const std::string word = text.substr(at, end - at);
    if (!word.empty()) {
      if (line.size() > indent && line.size() + 1 + word.size() > width) {
        out += line + "\n";
        line.assign(indent, ' ');
      }
      if (line.size() > indent) line += ' ';
      line += word;
    }
    at = end + 1;
  }
  return out + line + "\n";
}

void add_part(std::string& out, const char* heading, const std::string& text) {
  if (!text.empty()) out += fmt::format("\n{}\n{}", heading, wrapped(text, 2, 90));
}

// The ids nearest to what was asked: of the same group, or spelled alike.
std::string near_ids(const std::vector<guest::clause>& all, const std::string& id) {
  std::vector<std::string> ids;
  for (const auto& each : all) ids.push_back(each.id);
  std::vector<std::string> found;
  while (found.size() < 3 && !ids.empty()) {
    const std::string near = guest::nearest(id, ids);
    if (near.empty()) break;
    found.push_back(near);
    ids.erase(std::find(ids.begin(), ids.end(), near));
  }
  return found.empty() ? "`belay list clauses` shows all"
                       : fmt::format("the nearest are {}", fmt::join(found, ", "));
}

}  // namespace

int explain(int count, char** arguments) {
  CLI::App app(
      "Prints a clause: what it demands, where that is stated, what Windows would show and how "
      "to fix a violation.",
      "belay explain");
  std::string id;
  app.add_option("clause", id, "such as WDM-CANCEL-012")->required();
  int code = verified;
  if (!parse(app, count, arguments, code)) return code;
  std::transform(id.begin(), id.end(), id.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });

  const auto all = guest::load_clauses();
  if (!all) throw failure(machine_lacks, all.error());
  const guest::clause* c = guest::find_clause(*all, id);
  if (c == nullptr)
    throw failure(wrong_use, fmt::format("{}: no such clause; {}", id, near_ids(*all, id)));

  std::string out = fmt::format("{}: {}\n", c->id, c->title);
  add_part(out, "The contract", c->text);
  add_part(out, "What Windows shows", c->bug_check.empty() ? "" : "bug check " + c->bug_check);
  add_part(out, "Known to Windows' tools as", c->rule);
  add_part(out, "How to fix", c->fix);
  add_part(out, "Source", c->source);
  add_part(out, "In Belay", c->status + (c->reason.empty() ? "" : "; " + c->reason));
  add_part(out, "Shown by", fmt::format("{}", fmt::join(c->tests, ", ")));
  print(out);
  return verified;
}

}  // namespace belay::cli
