// Writing results so that a full disk or a closed pipe is noticed.
#pragma once

#include <string>

namespace belay::cli {

/// Writes the whole of `text` to a file, or to standard output for "-". Throws failure when it is
/// not all there in the end.
void write_file(const std::string& path, const std::string& text);

/// Standard output.
void print(const std::string& text);
/// Flushes standard output; throws failure if anything printed was lost.
void finish_output();

std::string read_file(const std::string& path);

/// Runs `body`, prints what it throws as one line, and returns the exit code.
int guarded(int (*body)(int, char**), int count, char** arguments);

}  // namespace belay::cli
