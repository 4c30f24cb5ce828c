#include "explore/expectation.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "explore/report_text.hpp"
#include "guest/toml_file.hpp"

namespace belay::inline BELAY_BUILD::explore {

tl::expected<expectation, std::string> load_expectation(const std::string& path) {
  const auto table = guest::parse_toml_file(path);
  if (!table) return tl::unexpected(table.error());
  expectation to;
  std::string error;
  guest::toml_section from(*table, path, error);
  from.only({"verdict", "clauses", "max_preemptions"});
  const auto what = from.word("verdict", {"holds", "violation"});
  if (what)
    to.what = static_cast<verdict>(*what);
  else
    from.fail("verdict", "\"verdict\" should be \"holds\" or \"violation\"");
  from.texts("clauses", to.clauses);
  from.number("max_preemptions", 0, 1000, to.max_preemptions);
  if (!error.empty()) return tl::unexpected(error);
  return to;
}

std::string differs(const expectation& expected, const check_result& result) {
  const search_result& got = result.search;
  if (got.what != expected.what) {
    return fmt::format(
        "expected {}{}, got {}{}", name_of(expected.what),
        expected.clauses.empty() ? "" : fmt::format(" of {}", fmt::join(expected.clauses, " or ")),
        name_of(got.what), got.found ? " of " + got.found->clause : "");
  }
  if (got.what != verdict::violation || !got.found) return {};
  const auto& fine = expected.clauses;
  if (!fine.empty() && std::find(fine.begin(), fine.end(), got.found->clause) == fine.end()) {
    return fmt::format("expected a violation of {}, got {}", fmt::join(fine, " or "),
                       got.found->clause);
  }
  if (got.preemptions > expected.max_preemptions) {
    return fmt::format("expected at most {} preemptions, got {}", expected.max_preemptions,
                       got.preemptions);
  }
  return {};
}

}  // namespace belay::inline BELAY_BUILD::explore
