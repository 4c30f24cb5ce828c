// An executive for each test, and drivers' threads beside it.
#pragma once

#ifndef DBG
#define DBG 1
#endif

#include <gtest/gtest.h>

#include "kernel/executive.hpp"
#include "sync/sync.hpp"

#include <ntifs.h>

namespace kernel_tests {

/// Starts and stops the executive. What is left at the end fails the test by check_unload.
class executive_test : public testing::Test {
 protected:
  void SetUp() override {
    // A violation ends a process of its own: the workers of this one do not survive a fork.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    belay::kernel::start();
  }
  void TearDown() override {
    belay::kernel::check_unload(nullptr, 0);
    belay::kernel::stop();
  }
};

/// A client's thread; joins at the end of the scope.
class actor {
 public:
  actor(void (*run)(void*), void* argument) : run_(run), argument_(argument) {
    id_ = belay::sync::spawn({}, &main, this);
  }
  ~actor() { belay::sync::join(id_); }
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;

 private:
  static void main(void* self) {
    auto* const me = static_cast<actor*>(self);
    me->run_(me->argument_);
    belay::kernel::retire();
  }
  void (*run_)(void*);
  void* argument_;
  belay::sync::actor_id id_;
};

inline LARGE_INTEGER units(LONGLONG value) {
  LARGE_INTEGER result;
  result.QuadPart = value;
  return result;
}
inline LARGE_INTEGER milliseconds(LONGLONG value) { return units(value * -10'000); }

inline NTSTATUS wait(void* object) {
  return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, nullptr);
}
inline NTSTATUS poll(void* object) {
  LARGE_INTEGER none = units(0);
  return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &none);
}

}  // namespace kernel_tests

/// The statement breaks `clause` with bug check `code` (as printed, "0x0000000F").
#define EXPECT_VIOLATION(statement, clause, code) \
  EXPECT_EXIT(statement, testing::ExitedWithCode(1), clause "(.|\n)*" code)
