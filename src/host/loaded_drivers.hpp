// The drivers of a host, from their files to their driver objects and back.
//
// Thread safety: load() and unload() belong to the actor that called wdm::start().
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "guest/refusal.hpp"
#include "host/driver_image.hpp"
#include "wdm/io_manager.hpp"

namespace belay::inline BELAY_BUILD::host {

class loaded_drivers {
 public:
  /// Loads the files and calls each DriverEntry, in this order, until one is refused or fails.
  /// Those before it stay loaded.
  tl::expected<void, guest::refusal> load(const std::vector<std::string>& paths);
  /// Unloads them, the last one first.
  void unload();

  const std::vector<driver_image>& images() const { return images_; }
  const std::vector<_DRIVER_OBJECT*>& objects() const { return objects_; }

 private:
  tl::expected<void, guest::refusal> load_one(const std::string& path);

  std::vector<driver_image> images_;  // stay when their drivers are unloaded
  std::vector<_DRIVER_OBJECT*> objects_;
};

}  // namespace belay::inline BELAY_BUILD::host
