// A driver's shared object, loaded into this process to stay.
//
// Thread safety: load() from one thread; the rest from any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "guest/refusal.hpp"
#include "guest/symbols.hpp"
#include "wdm/io_manager.hpp"

namespace belay::inline BELAY_BUILD::host {

struct driver_image {
  std::string path;
  std::string service;  ///< the file's name without its ending: "\Driver\" and this
  wdm::driver_entry entry = nullptr;
  std::uintptr_t low = 0, high = 0;             ///< where it lies
  std::shared_ptr<const guest::symbols> names;  ///< nullptr: no debug information

  bool contains(std::uintptr_t address) const { return address - low < high - low; }
  wdm::code_range code() const { return {reinterpret_cast<const void*>(low), high - low}; }

  /// Looks at the file first (guest::inspect), then loads it and runs its constructors.
  static tl::expected<driver_image, guest::refusal> load(const std::string& path);
};

}  // namespace belay::inline BELAY_BUILD::host
