// The contracts as data: what a clause demands, in words, for reports and for `belay explain`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::guest {

/// One `[[clause]]`; contracts/README.md explains the fields. An absent one is empty.
struct clause {
  std::string id, title, text, source, status, rule, bug_check, fix, reason;
  std::vector<std::string> tests;
};

/// All clauses of the *.toml files in `folder`, in the order of the files' names; empty `folder`:
/// the contracts that belong to this program.
tl::expected<std::vector<clause>, std::string> load_clauses(const std::string& folder = {});

const clause* find_clause(const std::vector<clause>& all, std::string_view id);

/// Whether the clause speaks of a function or field of that name.
bool mentions(const clause& what, std::string_view name);

}  // namespace belay::inline BELAY_BUILD::guest
