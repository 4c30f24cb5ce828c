#include "guest/installation.hpp"

#include <filesystem>

#ifndef BELAY_SOURCE_FOLDER
#define BELAY_SOURCE_FOLDER ""
#endif

namespace belay::inline BELAY_BUILD::guest {

namespace fs = std::filesystem;

std::string program_folder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string installed(std::string_view relative) {
  std::error_code error;
  const fs::path share = fs::path(program_folder()).parent_path() / "share" / "belay" / relative;
  if (fs::exists(share, error)) return share.string();
  const fs::path source = fs::path(BELAY_SOURCE_FOLDER) / relative;
  if (*BELAY_SOURCE_FOLDER != 0 && fs::exists(source, error)) return source.string();
  return {};
}

}  // namespace belay::inline BELAY_BUILD::guest
