// A process for each test of the C runtime, and what it prints.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "win32/crt.hpp"
#include "win32/process.hpp"

namespace win32_tests {

inline std::string printed;
inline std::string complained;

class crt_test : public testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    printed.clear();
    complained.clear();
    belay::win32::set_console_sink(&take);
    belay::win32::start();
  }
  void TearDown() override {
    belay::win32::stop();
    belay::win32::set_console_sink(nullptr);
  }

 private:
  static void take(belay::win32::console_stream stream, const char* text, std::size_t length) {
    auto& to = stream == belay::win32::console_stream::error ? complained : printed;
    to.append(text, length);
  }
};

}  // namespace win32_tests
