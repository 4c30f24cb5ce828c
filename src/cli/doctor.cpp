// belay doctor: what this machine has and what it lacks.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "cli/check_arguments.hpp"
#include "cli/compiler.hpp"
#include "cli/explorer.hpp"
#include "cli/failure.hpp"
#include "cli/host_program.hpp"
#include "cli/output.hpp"
#include "cli/process.hpp"
#include "cli/verbs.hpp"
#include "guest/clauses.hpp"
#include "guest/installation.hpp"

namespace belay::cli {
namespace {

class report {
 public:
  void good(const std::string& what, const std::string& how) { add("ok", what, how); }
  void optional(const std::string& what, const std::string& how) { add("none", what, how); }
  void bad(const std::string& what, const std::string& how) {
    add("LACKS", what, how);
    complete_ = false;
  }
  /// What only `belay run` needs.
  void host_good(const std::string& what, const std::string& how) { add("ok", what, how); }
  void host_lacks(const std::string& what, const std::string& how) {
    add("lacks", what, how);
    can_host_ = false;
  }
  bool complete() const { return complete_; }
  bool can_host() const { return can_host_; }

 private:
  static void add(const char* mark, const std::string& what, const std::string& how) {
    print(fmt::format("{:<6} {:<22} {}\n", mark, what, how));
  }
  bool complete_ = true;
  bool can_host_ = true;
};

void compilers(report& to) {
  int found = 0;
  for (const char* name : {"gcc", "clang"}) {
    try {
      const compiler with = find_compiler(name);
      to.good(name,
              fmt::format("{} ({}{})", with.identity, with.c, with.cpp.empty() ? ", no C++" : ""));
      ++found;
    } catch (const failure& why) {
      to.optional(name, why.what());
    }
  }
  if (found == 0) to.bad("a compiler", "apt install gcc g++");
}

void machine(report& to) {
  utsname names{};
  uname(&names);
  if (std::strcmp(names.machine, "x86_64") == 0)
    to.good("processor", names.machine);
  else
    to.bad("processor", fmt::format("{}; Belay needs x86_64", names.machine));
}

// The explorer's memory lies at a fixed place, so that addresses are the same in every run.
void address_space(report& to) {
  constexpr std::uintptr_t base = 0x200000000000;
  constexpr std::size_t size = std::size_t{1} << 30;
  void* const at = mmap(reinterpret_cast<void*>(base), size, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (at == reinterpret_cast<void*>(base)) {
    to.good("address space", fmt::format("{:#x} is free", base));
    munmap(at, size);
    return;
  }
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  to.bad("address space",
         limit.rlim_cur != RLIM_INFINITY
             ? "the limit of virtual memory is too low; run `ulimit -v unlimited`"
             : fmt::format("{:#x} cannot be reserved: {}; run outside of valgrind and the like",
                           base, std::strerror(errno)));
}

void own_files(report& to) {
  try {
    to.good("explorer", explorer_program());
  } catch (const failure& why) {
    to.bad("explorer", why.what());
  }
  const std::string headers = guest::installed("include/windows");
  if (headers.empty())
    to.bad("Windows headers", "are not where they belong; install Belay again");
  else
    to.good("Windows headers", headers);
  if (const auto clauses = guest::load_clauses()) {
    to.good("contracts", fmt::format("{} clauses", clauses->size()));
  } else {
    to.bad("contracts", clauses.error());
  }
  try {
    const std::string cache = cache_folder();
    if (access(cache.c_str(), W_OK) == 0)
      to.good("cache", cache);
    else
      to.bad("cache", cache + " cannot be written; set XDG_CACHE_HOME");
  } catch (const failure& why) {
    to.bad("cache", why.what());
  }
}

void extras(report& to) {
  const std::string debugger = find_program({"gdb"});
  if (!debugger.empty())
    to.good("gdb", debugger + ", for `belay replay --debug`");
  else
    to.optional("gdb", "only for `belay replay --debug`: apt install gdb");
}

bool has_capability_to_mount() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr int sys_admin = 21;
    if (line.compare(0, 7, "CapEff:") != 0) continue;
    return (std::strtoull(line.c_str() + 7, nullptr, 16) >> sys_admin & 1) != 0;
  }
  return false;
}

// What `belay run` needs.
void hosting(report& to) {
  const bool root = geteuid() == 0;
  try {
    to.host_good("belay-host", host_program());
  } catch (const failure& why) {
    to.host_lacks("belay-host", why.what());
  }
  if (access("/dev/fuse", F_OK) != 0) {
    to.host_lacks("/dev/fuse", "modprobe fuse; in a container: start it with --device /dev/fuse");
  } else if (const int device = open("/dev/fuse", O_RDWR | O_CLOEXEC); device >= 0) {
    close(device);
    to.host_good("/dev/fuse", "can be opened");
  } else {
    to.host_lacks("/dev/fuse",
                  fmt::format("cannot be opened: {}; as root: chmod 666 /dev/fuse, and in a "
                              "container: start it with --device /dev/fuse",
                              std::strerror(errno)));
  }
  const std::string helper = find_program({"fusermount3"});
  if (root && has_capability_to_mount()) {
    to.host_good("mounting", "as root");
  } else if (helper.empty()) {
    to.host_lacks("mounting", root ? "CAP_SYS_ADMIN is missing; start the container with "
                                     "--cap-add SYS_ADMIN"
                                   : "apt install fuse3, which has fusermount3");
  } else if (struct stat about{}; !root && (stat(helper.c_str(), &about) != 0 ||
                                            about.st_uid != 0 || (about.st_mode & S_ISUID) == 0)) {
    to.host_lacks("mounting",
                  fmt::format("{} has no set-user-id bit; as root: chmod u+s {}", helper, helper));
  } else if (root) {
    to.host_lacks("mounting",
                  "CAP_SYS_ADMIN is missing; start the container with --cap-add SYS_ADMIN");
  } else {
    to.host_good("mounting", helper);
  }
  std::ifstream configuration("/etc/fuse.conf");
  bool allowed = root;
  for (std::string line; std::getline(configuration, line);) {
    if (line.compare(0, 16, "user_allow_other") == 0) allowed = true;
  }
  if (!allowed) {
    to.optional("other users",
                "only you can open the devices; for others: a line user_allow_other "
                "in /etc/fuse.conf");
  }
}

}  // namespace

int doctor(int count, char** arguments) {
  CLI::App app("Says what this machine has and what it lacks.", "belay doctor");
  int code = verified;
  if (!parse(app, count, arguments, code)) return code;
  report to;
  machine(to);
  address_space(to);
  compilers(to);
  own_files(to);
  extras(to);
  print("for `belay run`:\n");
  hosting(to);
  print(to.can_host() ? "all that `belay run` needs is here\n"
                      : "`belay run` lacks what is marked so; each line says how to get it\n");
  if (to.complete()) {
    print("all that `belay check` needs is here\n");
    return verified;
  }
  finish_output();
  throw failure(machine_lacks,
                "this machine lacks what is marked LACKS above; each line says how to get it");
}

}  // namespace belay::cli
