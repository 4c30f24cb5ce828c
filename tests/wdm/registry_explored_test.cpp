// The registry in every interleaving: each execution begins with the same one, and each call is a
// step that others may come before or after.
#include <set>

#include <gtest/gtest.h>

#include "explore/explore.hpp"
#include "kernel/executive.hpp"

// clang-format off: last, because it defines `try` and the like.
#include <ntifs.h>
// clang-format on

namespace belay::test {
namespace {

constexpr WCHAR service[] = L"Explored";

ULONG read_value() {
  ULONG value = 0;
  RTL_QUERY_REGISTRY_TABLE table[2] = {};
  table[0].Flags = RTL_QUERY_REGISTRY_DIRECT;
  table[0].Name = const_cast<PWSTR>(L"Count");
  table[0].EntryContext = &value;
  RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, service, table, nullptr, nullptr);
  return value;
}

void write_value(ULONG value) {
  RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, service, L"Count", REG_DWORD, &value, sizeof value);
}

// Two drivers count in the registry, each by reading and writing: one count may get lost.
TEST(registry_explored, every_execution_begins_with_the_same_registry) {
  sync::guest().forget();
  explore::program_under_test program;
  program.check_races(false);
  bool clean = true;
  std::set<ULONG> ends;
  program.actor("user", [&] {
    kernel::start();
    clean = clean && RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, const_cast<PWSTR>(service)) ==
                         STATUS_OBJECT_NAME_NOT_FOUND;
    write_value(0);
    const sync::actor_id other = sync::spawn(
        {.name = "other"},
        [](void*) {
          write_value(read_value() + 1);
          kernel::retire();
        },
        nullptr);
    write_value(read_value() + 1);
    sync::join(other);
    ends.insert(read_value());
  });
  const auto all = explore::exhaust(program, {.bound = 2});
  EXPECT_TRUE(all.holds()) << all.text();
  EXPECT_GT(all.executions, 2u);
  EXPECT_TRUE(clean);
  EXPECT_EQ(ends, (std::set<ULONG>{1, 2}));
}

}  // namespace
}  // namespace belay::test
