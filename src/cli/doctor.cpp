// belay doctor: what this machine has and what it lacks.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "cli/check_arguments.hpp"
#include "cli/compiler.hpp"
#include "cli/explorer.hpp"
#include "cli/failure.hpp"
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
  bool complete() const { return complete_; }

 private:
  static void add(const char* mark, const std::string& what, const std::string& how) {
    print(fmt::format("{:<6} {:<22} {}\n", mark, what, how));
  }
  bool complete_ = true;
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
  if (access("/dev/fuse", R_OK | W_OK) == 0)
    to.good("/dev/fuse", "for hosting drivers");
  else
    to.optional("/dev/fuse", "only for hosting drivers: modprobe fuse");
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
  if (to.complete()) {
    print("all that `belay check` needs is here\n");
    return verified;
  }
  finish_output();
  throw failure(machine_lacks,
                "this machine lacks what is marked LACKS above; each line says how to get it");
}

}  // namespace belay::cli
