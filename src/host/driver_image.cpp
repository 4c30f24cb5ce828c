#include "host/driver_image.hpp"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <filesystem>

#include "guest/guest_file.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

struct extent {
  std::uintptr_t bias = 0;
  std::uintptr_t low = UINTPTR_MAX, high = 0;
};

int measure(dl_phdr_info* info, std::size_t, void* argument) {
  auto& out = *static_cast<extent*>(argument);
  if (info->dlpi_addr != out.bias) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& each = info->dlpi_phdr[i];
    if (each.p_type != PT_LOAD) continue;
    out.low = std::min<std::uintptr_t>(out.low, info->dlpi_addr + each.p_vaddr);
    out.high = std::max<std::uintptr_t>(out.high, info->dlpi_addr + each.p_vaddr + each.p_memsz);
  }
  return 1;
}

}  // namespace

tl::expected<driver_image, guest::refusal> driver_image::load(const std::string& path) {
  const auto looked_at = guest::inspect(path);
  if (!looked_at) return tl::unexpected(looked_at.error());
  const std::string whole = std::filesystem::absolute(path).string();
  void* const handle = dlopen(whole.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = dlerror();
    return tl::unexpected(guest::refusal{
        2, path + ": cannot be loaded: " + (why != nullptr ? why : "unknown error")});
  }
  driver_image out;
  out.path = path;
  out.service = std::filesystem::path(path).stem().string();
  out.entry = reinterpret_cast<wdm::driver_entry>(dlsym(handle, looked_at->entry.c_str()));
  if (out.entry == nullptr) {
    return tl::unexpected(guest::refusal{2, path + ": no " + looked_at->entry});
  }
  link_map* map = nullptr;
  dlinfo(handle, RTLD_DI_LINKMAP, &map);
  extent found;
  found.bias = map->l_addr;
  dl_iterate_phdr(&measure, &found);
  out.low = found.low;
  out.high = found.high;
  auto names = guest::symbols::open(whole, found.bias);
  if (names) out.names = std::make_shared<const guest::symbols>(std::move(*names));
  return out;
}

}  // namespace belay::inline BELAY_BUILD::host
