// How a verb gives up: an exception that main turns into one line and an exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace belay::cli {

enum exit_code : int {
  verified = 0,
  violated = 1,
  wrong_use = 2,
  inconclusive = 3,
  internal_error = 4,
  machine_lacks = 77,
};

class failure : public std::runtime_error {
 public:
  failure(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

}  // namespace belay::cli
