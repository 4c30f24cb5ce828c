// belay cc: compiles and links guest source, with what a driver needs taken care of.
#include <algorithm>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "cli/compiler.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "guest/guest_file.hpp"

namespace belay::cli {
namespace {

constexpr const char* usage =
    "Usage: belay cc [compiler option]... source... [-o driver.so] [--client] [--cc "
    "gcc|clang|PROGRAM]\n\n"
    "Compiles the source of a Windows driver, unmodified, into a driver.so for `belay check`. The "
    "flags\n"
    "that it needs, the Windows headers and the case of their names are taken care of; all other "
    "options\n"
    "(-D, -I, -std, -W, ...) go to the compiler, which is --cc, or $CC, or gcc. With --client it "
    "is "
    "a\n"
    "Windows program, for `belay check driver.c --client`.\n";

// Options of compilers whose value is the next argument.
constexpr std::string_view with_value[] = {"-I",       "-D",      "-U",         "-include",
                                           "-isystem", "-iquote", "-idirafter", "-imacros",
                                           "-x",       "-Xclang", "-mllvm",     "--param"};

bool is_linked(std::string_view argument) {
  return argument.starts_with("-Wl,") || argument.starts_with("-l") || argument.starts_with("-L") ||
         argument.ends_with(".o") || argument.ends_with(".a");
}

}  // namespace

int cc(int count, char** arguments) {
  compile_job job;
  std::string with;
  for (int i = 0; i < count; ++i) {
    const std::string argument = arguments[i];
    const auto value = [&] {
      if (i + 1 == count) throw failure(wrong_use, argument + " needs a value");
      return std::string(arguments[++i]);
    };
    if (argument == "--help" || argument == "-h") {
      print(usage);
      return verified;
    }
    if (argument == "-o") {
      job.output = value();
    } else if (argument == "--cc") {
      with = value();
    } else if (argument.starts_with("--cc=")) {
      with = argument.substr(5);
    } else if (argument == "--client") {
      job.client = true;
    } else if (argument == "-c" || argument == "-E" || argument == "-S") {
      throw failure(wrong_use,
                    argument + ": belay cc makes whole drivers; give all sources at once");
    } else if (std::find(std::begin(with_value), std::end(with_value), argument) !=
               std::end(with_value)) {
      job.options.push_back(argument);
      job.options.push_back(value());
    } else if (is_linked(argument)) {
      job.linked.push_back(argument);
    } else if (argument.starts_with("-")) {
      job.options.push_back(argument);
    } else if (is_source(argument)) {
      job.sources.push_back(argument);
    } else {
      throw failure(wrong_use, argument + ": is neither C nor C++ source (.c, .cpp, .cc, .cxx)");
    }
  }
  if (job.sources.empty())
    throw failure(wrong_use, "no source given; `belay cc --help` shows the usage");
  if (job.output.empty())
    job.output =
        std::filesystem::path(job.sources.front()).stem().string() + (job.client ? "" : ".so");
  job.with = find_compiler(with);
  compile(job);
  return verified;
}

}  // namespace belay::cli
