// Lines of the guest's source, for reports. A file that is gone gives empty lines.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "explore/trace.hpp"

namespace belay::inline BELAY_BUILD::explore {

class source_text {
 public:
  /// The line, from 1, without its end.
  const std::string& line(const std::string& file, int number);
  int lines(const std::string& file) { return static_cast<int>(of(file).size()); }

 private:
  const std::vector<std::string>& of(const std::string& file);
  std::map<std::string, std::vector<std::string>> files_;
};

/// The path as seen from the current folder when it lies in it, else as it is.
std::string short_path(const std::string& path);
/// "driver.c:12".
std::string file_and_line(const source_location& where);
/// Without what stands around it.
std::string trimmed(const std::string& text);

}  // namespace belay::inline BELAY_BUILD::explore
