// belay run: compiles if needed, then lets belay-host do the work, and cleans up if it dies.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cli/check_arguments.hpp"
#include "cli/compiler.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/process.hpp"
#include "cli/run_arguments.hpp"
#include "cli/verbs.hpp"
#include "guest/installation.hpp"

namespace belay::cli {
namespace {

std::string host_program() {
  const std::string folder = guest::program_folder();
  for (const char* place : {"/belay-host", "/../libexec/belay/belay-host"}) {
    if (access((folder + place).c_str(), X_OK) == 0) return folder + place;
  }
  throw failure(machine_lacks,
                fmt::format("belay-host is not beside belay in {}; it is built where libfuse3 is "
                            "(apt install libfuse3-dev fuse3), then build Belay again",
                            folder));
}

std::string default_folder(const std::string& driver) {
  const std::string name = std::filesystem::path(driver).stem().string();
  if (geteuid() == 0) return "/run/belay/" + name;
  const char* const own = std::getenv("XDG_RUNTIME_DIR");
  if (own != nullptr) return fmt::format("{}/belay/{}", own, name);
  return fmt::format("{}/belay-{}/{}", std::filesystem::temp_directory_path().string(), geteuid(),
                     name);
}

// A host that was killed leaves a dead mount behind.
void clean_up(const std::string& folder) {
  run({"fusermount3", "-u", "-q", "-z", folder}, true);
  if (folder == default_folder(folder)) rmdir(folder.c_str());
}

int supervise(const std::vector<std::string>& command, const std::string& folder) {
  // Signals are the host's affair; this process lives as long as it does.
  for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) signal(each, SIG_IGN);
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child < 0) throw failure(internal_error, fmt::format("fork: {}", std::strerror(errno)));
  if (child == 0) {
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) signal(each, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != self) _exit(internal_error);
    become(command);
    _exit(internal_error);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  clean_up(folder);
  throw failure(internal_error,
                fmt::format("the host was killed by {}; its mount {} has been taken away",
                            strsignal(WTERMSIG(status)), folder));
}

}  // namespace

int run_driver(int count, char** arguments) {
  CLI::App app("Hosts drivers: each device is a file that programs open, read, write and cancel.",
               "belay run");
  run_arguments parsed;
  parsed.add_to(app);
  int code = verified;
  if (!parse(app, count, arguments, code)) return code;
  if (parsed.folder.empty()) parsed.folder = default_folder(parsed.drivers.front());
  std::vector<std::string> command = {host_program()};
  for (const std::string& each : parsed.drivers) {
    if (!is_source(each)) {
      command.push_back(each);
      continue;
    }
    compile_job job;
    job.sources = {each};
    for (const std::string& define : parsed.defines) job.options.push_back("-D" + define);
    for (const std::string& folder : parsed.include_folders) job.options.push_back("-I" + folder);
    job.with = find_compiler(parsed.compiler);
    command.push_back(compile_cached(std::move(job)));
  }
  for (std::string& option : parsed.repeated()) command.push_back(std::move(option));
  finish_output();
  return supervise(command, parsed.folder);
}

}  // namespace belay::cli
