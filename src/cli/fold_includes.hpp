// Windows does not tell upper from lower case in file names, nor / from \ between them. Source that
// was written there includes <Ntddk.h> or "..\Inc\shared.h". For each spelling that Linux would not
// find, a small file of exactly that name includes the one that is meant.
#pragma once

#include <string>
#include <vector>

namespace belay::cli {

struct folded_includes {
  std::string user;     ///< to search like -I, after the user's own; empty: not needed
  std::string windows;  ///< to search like -isystem, before Belay's headers; empty: not needed
};

/// Looks at the #include lines of `sources` and of what they include, in the sources' folders and
/// in `include_folders` (the user's -I) and `windows_folder`. Writes below `into`.
folded_includes fold_includes(const std::vector<std::string>& sources,
                              const std::vector<std::string>& include_folders,
                              const std::string& windows_folder, const std::string& into);

}  // namespace belay::cli
