#include "cli/process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>

namespace belay::cli {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& arguments) {
  std::vector<char*> result;
  for (const std::string& each : arguments) result.push_back(const_cast<char*>(each.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

finished_process run(const std::vector<std::string>& arguments, bool capture) {
  int ends[2] = {-1, -1};
  if (capture && pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (capture) posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = -1;
  auto raw = pointers(arguments);
  const int failed = posix_spawnp(&child, raw[0], &actions, nullptr, raw.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  finished_process result;
  if (capture) {
    close(ends[1]);
    char piece[4096];
    ssize_t got = 0;
    while (failed == 0 &&
           ((got = read(ends[0], piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR))) {
      if (got > 0) result.output.append(piece, static_cast<std::size_t>(got));
    }
    close(ends[0]);
  }
  if (failed != 0) return result;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

void become(const std::vector<std::string>& arguments) {
  auto raw = pointers(arguments);
  execvp(raw[0], raw.data());
}

std::string find_program(const std::vector<std::string>& names) {
  const char* path = std::getenv("PATH");
  for (const std::string& name : names) {
    if (name.find('/') != std::string::npos) {
      if (access(name.c_str(), X_OK) == 0) return name;
      continue;
    }
    std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
      const std::string candidate = folder + "/" + name;
      if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
  }
  return {};
}

}  // namespace belay::cli
