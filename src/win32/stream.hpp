// Standard streams of a program: the console, or a file of the C library.
//
// Thread safety: any thread.
#pragma once

#include <cstddef>
#include <cstdio>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

/// Returns: false when it could not all be written.
bool write_stream(std::FILE* file, const char* text, std::size_t length);
/// A byte, or EOF. In explored programs standard input is empty.
int read_stream(std::FILE* file);
void unread_stream(std::FILE* file, int c);

}  // namespace belay::inline BELAY_BUILD::win32
