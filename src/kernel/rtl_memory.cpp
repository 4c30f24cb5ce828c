// Bulk memory access of guests: the check, then the bytes. This file must not see the Windows
// headers, which turn memcpy into these very functions.
#include <cstdint>
#include <cstring>

#include "kernel/executive.hpp"

namespace belay::inline BELAY_BUILD::kernel {

void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (bytes != 0) std::memmove(to, from, bytes);  // of nothing, either may be nullptr
}
void fill_bytes(void* at, int value, std::size_t bytes) { std::memset(at, value, bytes); }

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;

namespace {
void reads(const void* at, std::size_t bytes) {
  if (bytes != 0) sync::touch(at, bytes, sync::access_kind::read);
}
void writes(void* at, std::size_t bytes) {
  if (bytes != 0) sync::touch(at, bytes, sync::access_kind::write);
}
}  // namespace

#define BELAY_EXPORTED __attribute__((visibility("default")))

extern "C" {

BELAY_EXPORTED void RtlCopyMemory(void* Destination, const void* Source, std::size_t Length) {
  reads(Source, Length);
  writes(Destination, Length);
  std::memmove(Destination, Source, Length);
}
BELAY_EXPORTED void RtlMoveMemory(void* Destination, const void* Source, std::size_t Length) {
  reads(Source, Length);
  writes(Destination, Length);
  std::memmove(Destination, Source, Length);
}
BELAY_EXPORTED void RtlCopyMemoryNonTemporal(void* Destination, const void* Source,
                                             std::size_t Length) {
  reads(Source, Length);
  writes(Destination, Length);
  std::memmove(Destination, Source, Length);
}
BELAY_EXPORTED void RtlFillMemory(void* Destination, std::size_t Length, int Fill) {
  writes(Destination, Length);
  std::memset(Destination, Fill, Length);
}
BELAY_EXPORTED void RtlZeroMemory(void* Destination, std::size_t Length) {
  writes(Destination, Length);
  std::memset(Destination, 0, Length);
}
/// Returns how many bytes at the start are equal.
BELAY_EXPORTED std::size_t RtlCompareMemory(const void* Source1, const void* Source2,
                                            std::size_t Length) {
  reads(Source1, Length);
  reads(Source2, Length);
  const auto* const a = static_cast<const unsigned char*>(Source1);
  const auto* const b = static_cast<const unsigned char*>(Source2);
  std::size_t same = 0;
  while (same < Length && a[same] == b[same]) ++same;
  return same;
}
/// Returns how many bytes at the start are made of the 32-bit pattern.
BELAY_EXPORTED std::size_t RtlCompareMemoryUlong(void* Source, std::size_t Length,
                                                 std::uint32_t Pattern) {
  reads(Source, Length);
  const auto* const words = static_cast<const std::uint32_t*>(Source);
  std::size_t same = 0;
  while (same < Length / 4 && words[same] == Pattern) ++same;
  return same * 4;
}

}  // extern "C"
