// belay list: the Windows functions that Belay has, and its clauses.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "cli/check_arguments.hpp"
#include "cli/explorer.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "guest/clauses.hpp"
#include "guest/guest_file.hpp"

namespace belay::cli {
namespace {

std::string clauses_text(const std::vector<guest::clause>& all) {
  std::string out;
  for (const auto& each : all)
    out += fmt::format("{:<18} {:<12} {}\n", each.id, each.status, each.title);
  return out;
}

// What is Windows' among the names that the explorer exports: they begin with a capital.
std::string functions_text(const std::vector<guest::clause>& all) {
  std::string out;
  std::size_t known = 0;
  for (const std::string& name : guest::exported_names(explorer_program())) {
    if (std::isupper(static_cast<unsigned char>(name[0])) == 0) continue;
    std::vector<std::string> ids;
    for (const auto& each : all) {
      if (guest::mentions(each, name)) ids.push_back(each.id);
    }
    const bool more = ids.size() > 4;
    if (more) ids.resize(4);
    out += fmt::format("{:<42} implemented  {}{}\n", name, fmt::join(ids, " "), more ? " …" : "");
    ++known;
  }
  return out +
         fmt::format("{} functions and variables; what is not listed is planned or not Windows'\n",
                     known);
}

}  // namespace

int list(int count, char** arguments) {
  CLI::App app("Lists the Windows functions that drivers can call, or the clauses.", "belay list");
  std::string what = "functions";
  app.add_option("what", what, "functions or clauses")
      ->check(CLI::IsMember({"functions", "clauses"}));
  int code = verified;
  if (!parse(app, count, arguments, code)) return code;
  const auto all = guest::load_clauses();
  if (!all) throw failure(machine_lacks, all.error());
  print(what == "clauses" ? clauses_text(*all) : functions_text(*all));
  return verified;
}

}  // namespace belay::cli
