#include "host/loaded_drivers.hpp"

#include <fmt/format.h>

#include "host/allocation_faults.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

std::string words_of(std::int32_t status) {
  switch (static_cast<std::uint32_t>(status)) {
    case 0xC0000035:
      return "STATUS_OBJECT_NAME_COLLISION: another driver has a device or link of that name";
    case 0xC000009A:
      return "STATUS_INSUFFICIENT_RESOURCES";
    case 0xC000000D:
      return "STATUS_INVALID_PARAMETER";
    case 0xC0000001:
      return "STATUS_UNSUCCESSFUL";
    case 0xC00000BB:
      return "STATUS_NOT_SUPPORTED";
    case 0xC000000E:
      return "STATUS_NO_SUCH_DEVICE";
    default:
      return "see ntstatus.h";
  }
}

}  // namespace

tl::expected<void, guest::refusal> loaded_drivers::load_one(const std::string& path) {
  auto image = driver_image::load(path);
  if (!image) return tl::unexpected(image.error());
  for (const driver_image& each : images_) {
    if (each.entry == image->entry) {
      return tl::unexpected(guest::refusal{2, path + ": is loaded already"});
    }
  }
  images_.push_back(std::move(*image));
  const driver_image& made = images_.back();
  wdm::load_result loaded;
  std::size_t failed;
  do {  // where allocations fail, each attempt comes further than the one before
    failed = failed_allocations();
    loaded = wdm::load_driver(made.entry, made.service.c_str(), made.code());
  } while (loaded.driver == nullptr && failed != failed_allocations());
  if (loaded.driver == nullptr) {
    return tl::unexpected(guest::refusal{
        2, fmt::format("{}: DriverEntry failed with {:#010x} ({})", path,
                       static_cast<std::uint32_t>(loaded.status), words_of(loaded.status))});
  }
  objects_.push_back(loaded.driver);
  return {};
}

tl::expected<void, guest::refusal> loaded_drivers::load(const std::vector<std::string>& paths) {
  for (const std::string& each : paths) {
    if (auto loaded = load_one(each); !loaded) return loaded;
  }
  return {};
}

void loaded_drivers::unload() {
  for (; !objects_.empty(); objects_.pop_back()) wdm::unload_driver(objects_.back());
}

}  // namespace belay::inline BELAY_BUILD::host
