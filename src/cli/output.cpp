#include "cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/failure.hpp"

namespace belay::cli {
namespace {

using file_handle = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

[[noreturn]] void lost(const std::string& what, int error) {
  const char* todo = error == ENOSPC ? "; make room or write elsewhere" : "";
  throw failure(wrong_use,
                fmt::format("{} cannot be written: {}{}", what, std::strerror(error), todo));
}

}  // namespace

void write_file(const std::string& path, const std::string& text) {
  if (path == "-") return print(text);
  file_handle file(std::fopen(path.c_str(), "wb"), &std::fclose);
  if (!file) lost(path, errno);
  if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0) {
    lost(path, errno);
  }
  if (std::fclose(file.release()) != 0) lost(path, errno);
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    lost("standard output", errno);
}

void finish_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    lost("standard output", errno != 0 ? errno : EIO);
  }
}

std::string read_file(const std::string& path) {
  const file_handle file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) throw failure(wrong_use, fmt::format("{}: {}", path, std::strerror(errno)));
  std::string text;
  char piece[65536];
  std::size_t got = 0;
  while ((got = std::fread(piece, 1, sizeof piece, file.get())) > 0) text.append(piece, got);
  if (std::ferror(file.get()) != 0) {
    throw failure(wrong_use, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return text;
}

// A message is one line, whatever a driver or a library put into it.
static std::string one_line(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.pop_back();
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
  return text;
}

int guarded(int (*body)(int, char**), int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is a write error like another
  int code = internal_error;
  try {
    code = body(count, arguments);
    finish_output();
    return code;
  } catch (const failure& why) {
    fmt::print(stderr, "belay: {}\n", one_line(why.what()));
    return why.code();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr,
               "belay: the memory given ran out; use smaller --clients, --requests or --bound\n");
    return inconclusive;
  } catch (const std::exception& why) {
    fmt::print(stderr, "belay: internal error: {}\n", why.what());
    return internal_error;
  }
}

}  // namespace belay::cli
