#include "explore/guest_image.hpp"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

struct segments {
  std::uintptr_t bias;
  bool found = false;
  std::uintptr_t low = UINTPTR_MAX, high = 0;
  std::uintptr_t code_start = 0, code_end = 0;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> writable;
};

// The writable segments less what is made read-only after relocation.
int collect(dl_phdr_info* info, std::size_t, void* argument) {
  auto& out = *static_cast<segments*>(argument);
  if (info->dlpi_addr != out.bias) return 0;
  out.found = true;
  std::uintptr_t relro_start = 0, relro_end = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& each = info->dlpi_phdr[i];
    const std::uintptr_t start = info->dlpi_addr + each.p_vaddr;
    const std::uintptr_t end = start + each.p_memsz;
    if (each.p_type == PT_LOAD) {
      out.low = std::min(out.low, start);
      out.high = std::max(out.high, end);
      if ((each.p_flags & PF_X) != 0) out.code_start = start, out.code_end = end;
      if ((each.p_flags & PF_W) != 0) out.writable.emplace_back(start, end);
    } else if (each.p_type == PT_GNU_RELRO) {
      constexpr std::uintptr_t page = 4096;
      relro_start = start & ~(page - 1);
      relro_end = end & ~(page - 1);
    }
  }
  for (auto& [start, end] : out.writable) {
    if (relro_start <= start && start < relro_end) start = std::min(relro_end, end);
  }
  return 1;
}

}  // namespace

void guest_image::call(const std::string& path) {
  name_ = std::filesystem::path(path).stem().string();
}

tl::expected<guest_image, refusal> guest_image::load(const std::string& path,
                                                     guest::guest_kind kind) {
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = dlerror();
    return tl::unexpected(
        refusal{2, path + ": cannot be loaded: " + (why != nullptr ? why : "unknown error") +
                       "; build it with `belay cc`"});
  }
  guest_image out;
  out.path_ = path;
  out.call(path);
  out.handle_ = handle;
  out.client_ = kind == guest::guest_kind::client;
  out.entry_ = dlsym(handle, "DriverEntry");
  if (out.entry_ == nullptr && !out.client_) {
    return tl::unexpected(
        refusal{2, path + ": no DriverEntry; is it a driver, built with `belay cc`?"});
  }
  link_map* map = nullptr;
  dlinfo(handle, RTLD_DI_LINKMAP, &map);
  segments found;
  found.bias = map->l_addr;
  dl_iterate_phdr(&collect, &found);
  out.bias_ = found.bias;
  out.low_ = found.low;
  out.high_ = found.high;
  out.code_start_ = found.code_start;
  out.code_end_ = found.code_end;
  std::uintptr_t low = UINTPTR_MAX, high = 0;
  for (const auto& [start, end] : found.writable) {
    if (start >= end) continue;
    range saved;
    saved.start = start;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(start);
    saved.content.assign(bytes, bytes + (end - start));
    out.writable_.push_back(std::move(saved));
    low = std::min(low, start);
    high = std::max(high, end);
  }
  if (high > low)
    sync::guest().add_image(low & ~std::uintptr_t{7}, high - (low & ~std::uintptr_t{7}));
  return out;
}

void* guest_image::symbol(const char* name) const { return dlsym(handle_, name); }

void guest_image::restore() const {
  for (const range& each : writable_) {
    std::memcpy(reinterpret_cast<void*>(each.start), each.content.data(), each.content.size());
  }
}

std::uint64_t guest_images::portable(std::uintptr_t address) const {
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (all_[i].contains(address)) return (address - all_[i].bias() + 1) | std::uint64_t{i} << 48;
  }
  return 0;
}

}  // namespace belay::inline BELAY_BUILD::explore
