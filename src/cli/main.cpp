// belay: a front. Each verb is a file; `check` and `replay` hand over to belay-explore.
#include <fmt/format.h>

#include <cstring>
#include <string>
#include <vector>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "guest/guest_file.hpp"
#include "guest/version.hpp"

namespace belay::cli {

int version(int, char**) {
  print(fmt::format("belay {} (guest ABI {})\n", guest::version, guest::guest_abi));
  return verified;
}

namespace {

struct verb {
  const char* name;
  int (*run)(int, char**);
  const char* help;
};

constexpr verb verbs[] = {
    {"cc", cc, "[compiler option]... driver.c... -o driver.so   compile a driver's source"},
    {"check", check,
     "driver.c|driver.so [option]...   explore it; verdict, counter-example, reports"},
    {"replay", replay, "trace.json   run the one interleaving of a counter-example again"},
    {"run", run_driver, "driver.c|driver.so...   host them: device files, Ctrl-C, live view"},
    {"explain", explain,
     "WDM-CANCEL-012   a clause: what it demands, what Windows shows, how to fix"},
    {"list", list, "[clauses]   what Windows functions Belay has; its clauses"},
    {"doctor", doctor, "  what this machine has and what it lacks"},
    {"version", version, ""},
};

std::string usage() {
  std::string text = "Checks how Windows drivers handle cancellation, on Linux.\n\n";
  for (const verb& each : verbs) text += fmt::format("  belay {} {}\n", each.name, each.help);
  return text +
         "\nbelay VERB --help tells more. Exit codes: 0 holds, 1 violation, 2 wrong use, 3 "
         "inconclusive,\n"
         "4 internal error, 77 this machine lacks something.\n";
}

int run_verb(int count, char** arguments) {
  if (count < 2) throw failure(wrong_use, "no verb given; `belay --help` shows them");
  const std::string name = arguments[1];
  if (name == "--help" || name == "-h" || name == "help") {
    print(usage());
    return verified;
  }
  if (name == "--version") return version(0, nullptr);
  std::vector<std::string> names;
  for (const verb& each : verbs) {
    if (name == each.name) return each.run(count - 2, arguments + 2);
    names.emplace_back(each.name);
  }
  const std::string near = guest::nearest(name, names);
  throw failure(wrong_use, near.empty()
                               ? fmt::format("unknown verb {}; `belay --help` shows them", name)
                               : fmt::format("unknown verb {}; did you mean {}?", name, near));
}

}  // namespace
}  // namespace belay::cli

int main(int count, char** arguments) {
  return belay::cli::guarded(&belay::cli::run_verb, count, arguments);
}
