// The drivers' shared objects in this process, and their writable data put back before each
// execution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "guest/guest_file.hpp"
#include "guest/refusal.hpp"
#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::explore {

using guest::refusal;

class guest_image {
 public:
  /// Loads the file, runs its constructors and remembers its writable data. Callers: once a
  /// process.
  static tl::expected<guest_image, refusal> load(
      const std::string& path, guest::guest_kind kind = guest::guest_kind::driver);

  /// Puts the writable data back to what it was after loading.
  void restore() const;

  bool is_client() const { return client_; }
  void* entry() const { return entry_; }         ///< a driver's DriverEntry
  void* symbol(const char* name) const;          ///< nullptr: not there
  std::uintptr_t bias() const { return bias_; }  ///< what to subtract for addresses in the file
  bool contains(std::uintptr_t address) const { return address - low_ < high_ - low_; }
  /// Its executable code.
  std::pair<std::uintptr_t, std::uintptr_t> code() const { return {code_start_, code_end_}; }
  const std::string& path() const { return path_; }
  /// The file's name without folder and ending: what its service would be called.
  const std::string& name() const { return name_; }
  /// As if it had been loaded from `path`.
  void call(const std::string& path);

 private:
  struct range {
    std::uintptr_t start;
    std::vector<unsigned char> content;
  };

  std::string path_, name_;
  bool client_ = false;
  void* handle_ = nullptr;
  void* entry_ = nullptr;
  std::uintptr_t bias_ = 0, low_ = 0, high_ = 0;
  std::uintptr_t code_start_ = 0, code_end_ = 0;
  std::vector<range> writable_;
};

/// The drivers of one exploration, in the order in which they are loaded; the last is the one under
/// test. A client program comes first.
class guest_images {
 public:
  static constexpr std::size_t most = 8;

  void add(guest_image one) { all_.push_back(std::move(one)); }
  void call_under_test(const std::string& path) { all_.back().call(path); }
  const std::vector<guest_image>& all() const { return all_; }
  const guest_image& under_test() const { return all_.back(); }
  void restore() const {
    for (const guest_image& each : all_) each.restore();
  }
  /// A number for the address that is the same in every process; 0: it is in none of them.
  std::uint64_t portable(std::uintptr_t address) const;

 private:
  std::vector<guest_image> all_;
};

}  // namespace belay::inline BELAY_BUILD::explore
