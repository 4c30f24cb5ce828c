#include "host/mount_point.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

namespace belay::inline BELAY_BUILD::host {

namespace {

namespace fs = std::filesystem;

tl::unexpected<guest::refusal> refuse(int code, std::string message) {
  return tl::unexpected(guest::refusal{code, std::move(message)});
}

bool has_fusermount() {
  for (const char* place :
       {"/usr/bin/fusermount3", "/bin/fusermount3", "/usr/local/bin/fusermount3"}) {
    if (access(place, X_OK) == 0) return true;
  }
  return false;
}

}  // namespace

tl::expected<bool, guest::refusal> prepare_mount_point(const std::string& folder) {
  if (access("/dev/fuse", F_OK) != 0) {
    return refuse(77,
                  "there is no /dev/fuse: modprobe fuse as root, or start the container with "
                  "--device /dev/fuse --cap-add SYS_ADMIN");
  }
  if (geteuid() != 0 && !has_fusermount()) {
    return refuse(77, "mounting without being root needs fusermount3: apt install fuse3");
  }
  if (geteuid() != 0 && access("/dev/fuse", R_OK | W_OK) != 0) {
    return refuse(77, "/dev/fuse may not be opened: chmod 666 /dev/fuse as root");
  }
  struct stat about {};
  if (stat(folder.c_str(), &about) != 0) {
    if (errno == ENOTCONN) {
      return refuse(
          2, fmt::format("{}: a dead mount is there; run `fusermount3 -u {}`", folder, folder));
    }
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
      return refuse(2, fmt::format("{}: cannot be made: {}; choose another with --mount", folder,
                                   error.message()));
    }
    return true;
  }
  if (!S_ISDIR(about.st_mode)) {
    return refuse(2, fmt::format("{}: is no folder; choose another with --mount", folder));
  }
  struct stat above {};
  if (stat((folder + "/..").c_str(), &above) == 0 && above.st_dev != about.st_dev) {
    return refuse(2, fmt::format("{}: something is mounted there already; choose another with "
                                 "--mount, or run `fusermount3 -u {}`",
                                 folder, folder));
  }
  std::error_code error;
  if (!fs::is_empty(folder, error) || error) {
    return refuse(2, fmt::format("{}: is not empty; choose another with --mount", folder));
  }
  return false;
}

}  // namespace belay::inline BELAY_BUILD::host
