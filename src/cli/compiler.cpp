#include "cli/compiler.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "cli/failure.hpp"
#include "cli/fold_includes.hpp"
#include "cli/process.hpp"
#include "guest/guest_file.hpp"
#include "guest/installation.hpp"
#include "guest/version.hpp"

namespace belay::cli {
namespace {

namespace fs = std::filesystem;

// What every guest is compiled with. The user's options come after it.
constexpr const char* common_flags[] = {
    "-O1", "-g", "-fPIC", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls",
    "-fno-strict-aliasing", "-fwrapv", "-fno-stack-protector", "-fcommon",
    // Windows' types and language.
    "-fshort-wchar", "-fms-extensions", "-Ulinux", "-Uunix", "-U_FORTIFY_SOURCE", "-D_AMD64_=1",
    "-D_M_AMD64=100", "-D_M_X64=100", "-D_WIN64=1",
    // Usual in drivers, and harmless.
    "-Wno-multichar", "-Wno-unknown-pragmas", "-Wno-attributes", "-Wno-address-of-packed-member"};
// What the explorer follows. A program for hosted drivers does without.
constexpr const char* followed_flags[] = {"-fsanitize=thread"};
constexpr const char* driver_flags[] = {"-DDBG=1", "-D_KERNEL_MODE=1"};
// Calls of the C runtime reach Belay's by other names, which the compiler may not undo.
constexpr const char* client_flags[] = {"-D_CONSOLE=1", "-fno-builtin"};
constexpr const char* c_flags[] = {"-Werror=implicit-function-declaration"};
constexpr const char* cpp_flags[] = {"-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics",
                                     "-Wno-write-strings"};
constexpr const char* gcc_flags[] = {"--param", "tsan-distinguish-volatile=1", "--param",
                                     "tsan-instrument-func-entry-exit=0"};
constexpr const char* clang_flags[] = {
    "-mllvm", "-tsan-distinguish-volatile=1", "-mllvm", "-tsan-instrument-func-entry-exit=0",
    "-Wno-microsoft", "-Wno-ignored-attributes", "-Wno-pragma-pack",
    // Errors of Clang only, warnings for GCC and Microsoft's compiler.
    "-Wno-error=incompatible-function-pointer-types", "-Wno-error=int-conversion"};
constexpr const char* link_flags[] = {"-shared",
                                      "-nodefaultlibs",
                                      "-Wl,-Bsymbolic",
                                      "-Wl,-z,now,-z,relro",
                                      "-Wl,--build-id=sha1",
                                      "-Wl,--hash-style=gnu"};

template <std::size_t N>
void append(std::vector<std::string>& to, const char* const (&what)[N]) {
  to.insert(to.end(), std::begin(what), std::end(what));
}

std::string extension_of(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

std::string version_in(const std::string& text, bool clang) {
  const std::string line = text.substr(0, text.find('\n'));
  std::string version;
  if (const auto at = line.find("version "); clang && at != std::string::npos) {
    version = line.substr(at + 8, line.find_first_of(" (-", at + 8) - at - 8);
  } else {
    version = line.substr(line.rfind(' ') + 1);
  }
  return version;
}

// The C++ program that goes with a C program: gcc-12 and g++-12, clang-19 and clang++-19.
std::string cpp_beside(const std::string& c, bool clang) {
  const fs::path path(c);
  std::string name = path.filename().string();
  const std::string_view from = clang ? "clang" : "gcc";
  const auto at = name.find(from);
  if (at == std::string::npos) return name == "cc" ? (path.parent_path() / "c++").string() : "";
  name.replace(at, from.size(), clang ? "clang++" : "g++");
  const std::string candidate = (path.parent_path() / name).string();
  return access(candidate.c_str(), X_OK) == 0 ? candidate : "";
}

/// A folder of our own until the end of the scope.
class scratch_folder {
 public:
  explicit scratch_folder(const std::string& near) : path_(near + "/building-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) {
      throw failure(
          wrong_use,
          fmt::format("{} cannot be written; set XDG_CACHE_HOME to a folder that can", near));
    }
  }
  ~scratch_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void write_text(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw failure(wrong_use, path + " cannot be written; make room, or set XDG_CACHE_HOME");
}

// Where libbelay-client.so is.
std::string client_library_folder() {
  const std::string folder = guest::program_folder();
  for (const char* place : {"", "/../lib/belay", "/../lib"}) {
    if (access((folder + place + "/libbelay-client.so").c_str(), R_OK) == 0) return folder + place;
  }
  throw failure(machine_lacks,
                fmt::format("libbelay-client.so is not beside belay in {}; it is built where "
                            "liburing is (apt install liburing-dev), then build Belay again",
                            folder));
}

std::string windows_folder() {
  const std::string folder = guest::installed("include/windows");
  if (folder.empty()) {
    throw failure(machine_lacks,
                  "Belay's Windows headers are not where they belong "
                  "(../share/belay/include/windows seen from belay); install Belay again");
  }
  return folder;
}

// Names after the colon of a makefile rule, as compilers write them with -MD.
std::vector<std::string> dependencies(const std::string& file) {
  std::ifstream in(file);
  std::stringstream all;
  all << in.rdbuf();
  const std::string text = all.str();
  std::vector<std::string> result;
  std::string word;
  for (std::size_t i = text.find(':') + 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size() && (text[i + 1] == '\n' || text[i + 1] == ' ')) {
      if (text[++i] == ' ')
        word += ' ';
      else if (!word.empty())
        result.push_back(std::exchange(word, {}));
    } else if (c == ' ' || c == '\n') {
      if (!word.empty()) result.push_back(std::exchange(word, {}));
    } else {
      word += c;
    }
  }
  return result;
}

std::vector<std::string> include_folders(const std::vector<std::string>& options) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < options.size(); ++i) {
    for (const std::string_view flag : {"-I", "-iquote", "-isystem"}) {
      if (options[i].compare(0, flag.size(), flag) != 0) continue;
      const std::string joined = options[i].substr(flag.size());
      if (!joined.empty())
        result.push_back(joined);
      else if (i + 1 < options.size())
        result.push_back(options[i + 1]);
    }
  }
  return result;
}

}  // namespace

bool is_cpp_source(const std::string& path) {
  const std::string e = extension_of(path);
  return e == ".cpp" || e == ".cc" || e == ".cxx";
}

bool is_source(const std::string& path) {
  return extension_of(path) == ".c" || is_cpp_source(path);
}

std::string cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (cache != nullptr && *cache == '/')
    folder = cache;
  else if (home != nullptr && *home == '/')
    folder = fs::path(home) / ".cache";
  else
    folder = fs::temp_directory_path();
  folder /= "belay";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw failure(wrong_use,
                  fmt::format("{} cannot be made: {}; set XDG_CACHE_HOME to a folder that can be "
                              "written",
                              folder.string(), error.message()));
  }
  return folder.string();
}

compiler find_compiler(const std::string& name) {
  const char* environment = std::getenv("CC");
  std::string wanted = !name.empty() ? name : environment != nullptr ? environment : "";
  if (wanted.empty()) wanted = "gcc";
  compiler result;
  if (wanted == "clang") {
    result.c = find_program(
        {"clang-19", "clang", "clang-20", "clang-18", "clang-17", "clang-16", "clang-14"});
  } else {
    result.c = find_program({wanted});
  }
  if (result.c.empty()) {
    throw failure(machine_lacks,
                  fmt::format("the compiler {} is not on this machine; install it (apt install "
                              "{}) or name another with --cc",
                              wanted, wanted == "clang" ? "clang-19" : "gcc g++"));
  }
  const finished_process asked = run({result.c, "--version"}, true);
  if (asked.status != 0) {
    throw failure(machine_lacks,
                  fmt::format("{} does not run; name another compiler with --cc", result.c));
  }
  result.clang = asked.output.find("clang") != std::string::npos;
  result.cpp = cpp_beside(result.c, result.clang);
  result.identity =
      fmt::format("{} {}", result.clang ? "clang" : "gcc", version_in(asked.output, result.clang));
  return result;
}

namespace {

// Links a Windows program with the library by which it finds hosted drivers.
void link_program(const compile_job& job, const std::vector<std::string>& objects, bool cpp) {
  const std::string folder = client_library_folder();
  std::vector<std::string> command = {cpp ? job.with.cpp : job.with.c};
  command.insert(command.end(), objects.begin(), objects.end());
  command.insert(command.end(), job.linked.begin(), job.linked.end());
  command.insert(command.end(), {"-Wl,--wrap=main", "-L" + folder, "-lbelay-client-entry",
                                 "-lbelay-client", "-Wl,-rpath," + folder, "-o", job.output});
  if (run(command, false).status != 0) {
    throw failure(wrong_use,
                  fmt::format("{} compiles, but does not link; the linker's messages are above",
                              job.sources.front()));
  }
}

}  // namespace

bool is_program(const compile_job& job) { return job.client && extension_of(job.output) != ".so"; }

std::vector<std::string> compile(const compile_job& job) {
  std::string names;
  for (const std::string& source : job.sources) {
    if (std::error_code ignored; !fs::is_regular_file(source, ignored)) {
      throw failure(wrong_use, fmt::format("{}: no such file; give the driver's source", source));
    }
    names += (names.empty() ? "" : " ") + source;
  }
  const scratch_folder scratch(cache_folder());
  const std::string windows = windows_folder();
  const folded_includes folded =
      fold_includes(job.sources, include_folders(job.options), windows, scratch.path());

  std::vector<std::string> objects;
  std::vector<std::string> made_of;
  for (const std::string& source : job.sources) {
    const bool cpp = is_cpp_source(source);
    if (cpp && job.with.cpp.empty()) {
      throw failure(machine_lacks,
                    fmt::format("{}: there is no C++ compiler beside {}; install it (apt install "
                                "{})",
                                source, job.with.c, job.with.clang ? "clang-19" : "g++"));
    }
    std::vector<std::string> command = {cpp ? job.with.cpp : job.with.c};
    if (!is_program(job)) append(command, followed_flags);
    append(command, common_flags);
    if (job.client) {
      append(command, client_flags);
      command.insert(command.end(), {"-include", windows + "/parts/client.h"});
    } else {
      append(command, driver_flags);
    }
    cpp ? append(command, cpp_flags) : append(command, c_flags);
    if (job.with.clang)
      append(command, clang_flags);
    else
      append(command, gcc_flags);
    command.insert(command.end(), job.options.begin(), job.options.end());
    if (!folded.user.empty()) command.push_back("-I" + folded.user);
    if (!folded.windows.empty()) command.insert(command.end(), {"-isystem", folded.windows});
    const std::string object = fmt::format("{}/{}.o", scratch.path(), objects.size());
    const std::string depends = fmt::format("{}/{}.d", scratch.path(), objects.size());
    command.insert(command.end(),
                   {"-isystem", windows, "-MD", "-MF", depends, "-c", source, "-o", object});
    if (run(command, false).status != 0) {
      throw failure(wrong_use,
                    fmt::format("{} does not compile with {}; the compiler's messages are above",
                                source, job.with.identity));
    }
    objects.push_back(object);
    for (std::string& file : dependencies(depends)) {
      if (file.compare(0, scratch.path().size(), scratch.path()) != 0)
        made_of.push_back(std::move(file));
    }
  }

  const bool any_cpp = std::any_of(job.sources.begin(), job.sources.end(), is_cpp_source);
  if (is_program(job)) {
    link_program(job, objects, any_cpp);
    return made_of;
  }
  const std::string note = scratch.path() + "/note.s";
  const std::string text = guest::guest_note(job.with.identity, guest::version);
  write_text(note, fmt::format("\t.section .note.belay,\"a\",@note\n\t.balign 4\n\t.long 6, {}, 1\n"
                               "\t.asciz \"Belay\"\n\t.balign 4\n\t.ascii \"{}\"\n\t.balign 4\n"
                               "\t.section .note.GNU-stack,\"\",@progbits\n",
                               text.size(), text));
  std::vector<std::string> command = {any_cpp ? job.with.cpp : job.with.c};
  append(command, link_flags);
  command.insert(command.end(), objects.begin(), objects.end());
  command.push_back(note);
  command.insert(command.end(), job.linked.begin(), job.linked.end());
  const std::string made = scratch.path() + "/driver.so";
  command.insert(command.end(), {"-lgcc", "-o", made});
  if (run(command, false).status != 0) {
    throw failure(
        wrong_use,
        fmt::format("{} compiles, but does not link; the linker's messages are above", names));
  }
  if (!guest::seal(made)) {
    throw failure(wrong_use, made + " cannot be written; make room, or set XDG_CACHE_HOME");
  }
  std::error_code error;
  fs::rename(made, job.output, error);
  if (error) fs::copy_file(made, job.output, fs::copy_options::overwrite_existing, error);
  if (error) {
    throw failure(wrong_use, fmt::format("{} cannot be written: {}", job.output, error.message()));
  }
  return made_of;
}

std::string compile_cached(compile_job job) {
  std::string identity =
      fmt::format("{} {} {} {}", job.with.c, job.with.identity, guest::guest_abi, windows_folder());
  for (const std::string& source : job.sources) identity += " " + fs::absolute(source).string();
  for (const std::string& option : job.options) identity += " " + option;
  for (const std::string& option : job.linked) identity += " " + option;
  identity += " " + fs::current_path().string();
  if (job.client) identity += " client";
  std::uint64_t hash = 14695981039346656037u;
  for (const unsigned char c : identity) hash = (hash ^ c) * 1099511628211u;

  const std::string stem = fs::path(job.sources.front()).stem().string();
  const fs::path folder = fs::path(cache_folder()) / fmt::format("{}-{:016x}", stem, hash);
  const fs::path list = folder / "made_of";
  job.output = (folder / (stem + ".so")).string();

  std::error_code missing;
  const auto made = fs::last_write_time(job.output, missing);
  // A driver that another build of Belay made may carry another mark, or come of other flags.
  const auto own = fs::last_write_time("/proc/self/exe", missing);
  bool fresh = !missing && own < made && fs::exists(list, missing);
  if (fresh) {
    std::ifstream in(list);
    for (std::string file; fresh && std::getline(in, file);) {
      const auto changed = fs::last_write_time(file, missing);
      fresh = !missing && changed < made;
    }
  }
  if (fresh) return job.output;
  fs::create_directories(folder, missing);
  const auto made_of = compile(job);
  std::string text;
  for (const std::string& file : made_of) text += file + "\n";
  write_text(list.string(), text);
  return job.output;
}

}  // namespace belay::cli
