// The same driver as C++, with the standard library before and after.

#include <cstring>
#include <new>
#include <utility>
//
#include "usage.c"
//
#include <algorithm>
#include <cwchar>
#include <string_view>

namespace {

class spin_guard {
 public:
  explicit spin_guard(PKSPIN_LOCK lock) : lock_(lock) { KeAcquireSpinLock(lock_, &irql_); }
  ~spin_guard() { KeReleaseSpinLock(lock_, irql_); }
  spin_guard(const spin_guard&) = delete;
  spin_guard& operator=(const spin_guard&) = delete;

 private:
  PKSPIN_LOCK lock_;
  KIRQL irql_;
};

}  // namespace

ULONG usage_in_cpp(PUSAGE_EXTENSION extension, const char* text) {
  spin_guard guard(&extension->Lock);
  char copy[8];
  std::memcpy(copy, text, sizeof(copy));
  return GUID_USAGE == GUID{} ? 0u : std::max<ULONG>(1u, (ULONG)copy[0]);
}
