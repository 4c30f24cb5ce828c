// Turning driver source into a driver.so that the explorer can follow.
#pragma once

#include <string>
#include <vector>

namespace belay::cli {

struct compiler {
  std::string c;    ///< program for C
  std::string cpp;  ///< program for C++; empty: not there
  bool clang = false;
  std::string identity;  ///< "gcc 12.2.0"
};

/// `name`: gcc, clang, or the program itself; empty: $CC, else gcc. Throws failure when it is not
/// there.
compiler find_compiler(const std::string& name);

struct compile_job {
  std::vector<std::string> sources;
  std::vector<std::string> options;  ///< passed to the compiler, in order
  std::vector<std::string> linked;   ///< objects and linker options
  std::string output;
  compiler with;
  bool client = false;  ///< a program, not a driver
};

/// Whether the job makes an executable that speaks to hosted drivers: a client whose output is no
/// .so.
bool is_program(const compile_job& job);

/// Whether the name ends like source of C or C++.
bool is_source(const std::string& path);
bool is_cpp_source(const std::string& path);

/// The compiler's own messages go to standard error. Throws failure when nothing was made;
/// otherwise `output` is there, whole. Returns the files that it was made of.
std::vector<std::string> compile(const compile_job& job);

/// Compiles into the cache unless what is there is younger than all it was made of; returns the
/// path of the driver.so. `output` of the job is left alone.
std::string compile_cached(compile_job job);

/// ${XDG_CACHE_HOME:-~/.cache}/belay, made if needed.
std::string cache_folder();

}  // namespace belay::cli
