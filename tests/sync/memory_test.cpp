// Native memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "sync/sync.hpp"

namespace {

namespace sync = belay::sync;

TEST(memory, is_aligned_zeroed_and_knows_its_size) {
  for (const std::size_t bytes : {0, 1, 15, 16, 100, 5'000, 1 << 20}) {
    auto* const block = static_cast<unsigned char*>(sync::allocate(bytes, sync::memory_use::guest));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0u);
    EXPECT_EQ(sync::size_of(block), bytes);
    for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(block[i], 0);
    std::memset(block, 0xff, bytes);
    sync::deallocate(block);
  }
  sync::deallocate(nullptr);
}

TEST(memory, refuses_what_cannot_be) {
  EXPECT_EQ(sync::allocate(SIZE_MAX, sync::memory_use::internal), nullptr);
  EXPECT_EQ(sync::allocate(SIZE_MAX - 16, sync::memory_use::internal), nullptr);
}

TEST(memory, notices_what_is_no_block) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  alignas(16) unsigned char other[64] = {};
  EXPECT_DEATH(sync::deallocate(other + 32), "no block");
}

TEST(memory, poison_comes_and_goes) {
  auto* const block = static_cast<char*>(sync::allocate(64, sync::memory_use::guest));
  sync::poison(block, 64, sync::memory_state::completed);
  EXPECT_EQ(block[0], 0) << "a completed packet stays readable to us";
  sync::poison(block, 64, sync::memory_state::freed);
#if defined(__SANITIZE_ADDRESS__)
  EXPECT_DEATH(EXPECT_EQ(*const_cast<volatile char*>(block), 1), "use-after-poison");
#endif
  sync::poison(block, 64, sync::memory_state::addressable);
  EXPECT_EQ(block[63], 0);
  sync::deallocate(block);
}

}  // namespace
