#include "host/view.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "host/bug_check.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

void say(std::FILE* to, const std::string& text) {
  std::fputs(text.c_str(), to);
  std::fflush(to);
}

}  // namespace

void plain_view::ready(const std::string& folder, const std::vector<device_file>& files) {
  std::string text;
  for (const device_file& each : files) text += fmt::format("{}/{}\n", folder, each.name);
  say(stdout, text);
  say(stderr, "belay: serving; Ctrl-C ends it\n");
}
void plain_view::print(const char* text) { say(stderr, text); }
void plain_view::stopping(const std::string& why) { say(stderr, "belay: " + why + "\n"); }
void plain_view::bug_check(const struct bug_check&, const std::string& screen) {
  say(stderr, screen);
}
void plain_view::failed(const std::string& what) { say(stderr, "belay: " + what + "\n"); }
void plain_view::ended(const tally& totals) {
  say(stderr, fmt::format("belay: {} requests: {} completed, {} cancelled, {} failed\n",
                          totals.arrived, totals.completed, totals.cancelled, totals.failed));
}

}  // namespace belay::inline BELAY_BUILD::host
