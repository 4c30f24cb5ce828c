// belay run: compiles if needed, then lets belay-host do the work, and cleans up if it dies.
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cli/check_arguments.hpp"
#include "cli/compiler.hpp"
#include "cli/failure.hpp"
#include "cli/host_program.hpp"
#include "cli/output.hpp"
#include "cli/process.hpp"
#include "cli/registry_content.hpp"
#include "cli/run_arguments.hpp"
#include "cli/verbs.hpp"
#include "guest/installation.hpp"

namespace belay::cli {

std::string host_program(const std::string& name) {
  const std::string folder = guest::program_folder();
  for (const char* place : {"/", "/../libexec/belay/"}) {
    if (access((folder + place + name).c_str(), X_OK) == 0) return folder + place + name;
  }
  throw failure(machine_lacks,
                fmt::format("{} is not beside belay in {}; it is built where libfuse3 is (apt "
                            "install libfuse3-dev fuse3), then build Belay again",
                            name, folder));
}

namespace {

std::string default_folder(const std::string& driver) {
  const std::string name = std::filesystem::path(driver).stem().string();
  if (geteuid() == 0) return "/run/belay/" + name;
  const char* const own = std::getenv("XDG_RUNTIME_DIR");
  if (own != nullptr) return fmt::format("{}/belay/{}", own, name);
  return fmt::format("{}/belay-{}/{}", std::filesystem::temp_directory_path().string(), geteuid(),
                     name);
}

// A host that was killed leaves a dead mount behind, and the terminal as the live view had it.
class remains {
 public:
  explicit remains(const std::string& folder) : folder_(folder) {
    std::error_code error;
    made_ = !std::filesystem::exists(folder, error);
    terminal_ = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0;
  }
  void clean_up() const {
    if (umount2(folder_.c_str(), MNT_DETACH) != 0) {
      run({"fusermount3", "-u", "-q", "-z", folder_}, true);
    }
    if (made_) rmdir(folder_.c_str());
    if (!terminal_ || tcgetpgrp(STDIN_FILENO) != getpgrp()) return;
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    if (isatty(STDOUT_FILENO) == 1) print("\n\033[?25h");
  }

 private:
  std::string folder_;
  bool made_ = false;
  bool terminal_ = false;
  termios before_{};
};

// Ends the host; SIGUSR1 shows what is in flight.
constexpr int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

sigset_t awaited_signals() {
  sigset_t out;
  sigemptyset(&out);
  for (const int each : handed_on) sigaddset(&out, each);
  sigaddset(&out, SIGQUIT);  // the host dies of it; somebody must clean up
  sigaddset(&out, SIGCHLD);
  return out;
}

// timeout(1) and its like signal their child and then the child's whole group, the child among it:
// what comes twice from one sender within an instant was meant once.
void pass_over_echo(const siginfo_t& heard) {
  if (heard.si_code > 0) return;
  sigset_t same;
  sigemptyset(&same);
  sigaddset(&same, heard.si_signo);
  sigaddset(&same, SIGCHLD);
  const timespec instant{0, 100'000'000};
  siginfo_t again{};
  const int which = sigtimedwait(&same, &again, &instant);
  if (which == SIGCHLD || (which == heard.si_signo && again.si_pid != heard.si_pid)) {
    kill(getpid(), which);
  }
}

// Waits for the child's end, and hands signals on that were sent to this process; those that keys
// send reach both, but of a terminal that is gone only its first process may hear. With each goes
// how many there were: the host may have had it from the sender, too, who meant the whole group.
int wait_for(pid_t child) {
  const sigset_t awaited = awaited_signals();
  int status = 0, times = 0;
  for (;;) {
    siginfo_t about{};
    const int which = sigwaitinfo(&awaited, &about);
    if (waitpid(child, &status, WNOHANG) == child) return status;
    if (which < 0 || which == SIGCHLD || which == SIGQUIT) continue;
    const bool by_terminal = about.si_code > 0;
    if (by_terminal && which != SIGHUP) continue;
    if (which != SIGUSR1 && (!by_terminal || times == 0)) ++times;
    sigval count{};
    count.sival_int = which == SIGUSR1 ? 0 : times;
    sigqueue(child, which, count);
    if (which != SIGUSR1 && times == 1) pass_over_echo(about);
  }
}

int supervise(const std::vector<std::string>& command, const std::string& folder) {
  const remains left(folder);
  const sigset_t awaited = awaited_signals();
  sigprocmask(SIG_BLOCK, &awaited, nullptr);
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child < 0) throw failure(internal_error, fmt::format("fork: {}", std::strerror(errno)));
  if (child == 0) {
    sigprocmask(SIG_UNBLOCK, &awaited, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != self) _exit(internal_error);
    become(command);
    _exit(internal_error);
  }
  const int status = wait_for(child);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  left.clean_up();
  throw failure(internal_error,
                fmt::format("the host was killed by {}; its mount {} has been taken away",
                            strsignal(WTERMSIG(status)), folder));
}

}  // namespace

namespace {

// The .so of a source, or what is one already.
std::string compiled(const run_arguments& arguments, const std::string& path, bool client) {
  if (!is_source(path)) return path;
  compile_job job;
  job.sources = {path};
  for (const std::string& define : arguments.defines) job.options.push_back("-D" + define);
  for (const std::string& folder : arguments.include_folders) job.options.push_back("-I" + folder);
  job.with = find_compiler(arguments.compiler);
  job.client = client;
  return compile_cached(std::move(job));
}

}  // namespace

int run_driver(int count, char** arguments) {
  CLI::App app("Hosts drivers: each device is a file that programs open, read, write and cancel.",
               "belay run");
  run_arguments parsed;
  parsed.add_to(app);
  int code = verified;
  if (!parse(app, count, arguments, code)) return code;
  registry_content(parsed.registry);  // say what is wrong before compiling
  const bool together = !parsed.client.empty();
  if (parsed.folder.empty()) parsed.folder = default_folder(parsed.drivers.front());
  std::vector<std::string> command = {host_program(together ? "belay-together" : "belay-host")};
  for (const std::string& each : parsed.drivers) command.push_back(compiled(parsed, each, false));
  if (together) command.push_back("--client=" + compiled(parsed, parsed.client, true));
  for (std::string& option : parsed.repeated()) command.push_back(std::move(option));
  finish_output();
  if (together) {
    become(command);
    throw failure(internal_error, command[0] + " cannot be started");
  }
  return supervise(command, parsed.folder);
}

}  // namespace belay::cli
