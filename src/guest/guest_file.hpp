// A driver's file, looked at before it is loaded: is it one, who built it, and is all there that it
// needs?
//
// Thread safety: none needed; functions without state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "guest/refusal.hpp"

namespace belay::inline BELAY_BUILD::guest {

/// What `belay cc` and this library must agree upon: flags, headers, structure layouts, the set of
/// callbacks. Raised when a guest that was built before would no longer run right.
inline constexpr int guest_abi = 1;

struct guest_file {
  std::string path;
  std::string build_id;       ///< hexadecimal
  std::string compiler;       ///< "gcc 12.2.0", "clang 19.1.7"
  std::string belay_version;  ///< of the `belay cc` that made it
  int abi = 0;
  std::string entry = "DriverEntry";  ///< exported function to begin with
  std::vector<std::string> imports;   ///< what the loader must find for it
};

/// What a guest is: the names that it has to export.
enum class guest_kind {
  driver,  ///< DriverEntry
  client,  ///< main, or wmain
};

/// Reads and checks the file at `path`: ELF of this machine, built by `belay cc` of this ABI,
/// instrumented, exports what a guest of that kind does, and imports only what this program exports
/// (and a few harmless functions of the C library). Does not load it. Each refusal says what to do.
tl::expected<guest_file, refusal> inspect(const std::string& path,
                                          guest_kind kind = guest_kind::driver);

/// Functions and variables that the ELF file at `path` exports, sorted; empty when it cannot be
/// read.
std::vector<std::string> exported_names(const std::string& path);

/// The descriptor of the note that `belay cc` puts into a guest; `inspect` reads it.
std::string guest_note(std::string_view compiler, std::string_view belay_version);

/// Writes into the finished file at `path` what `inspect` uses to see that not a byte has changed.
/// False: it has no note, or cannot be written.
bool seal(const std::string& path);

/// The candidate nearest to `name` by edit distance, without regard to case; empty when none is
/// near.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace belay::inline BELAY_BUILD::guest
