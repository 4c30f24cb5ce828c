// From addresses in a loaded driver to what its author wrote: file, line, column, function,
// variable.
//
// Thread safety: none; one thread uses an instance.
// Invariants: reads the driver's own file only, never the network; what was looked up is
// remembered.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "guest/source_location.hpp"

namespace belay::inline BELAY_BUILD::guest {

class symbols {
 public:
  /// `load_bias` is what the loader added to the addresses in the file (`dlpi_addr`).
  static tl::expected<symbols, std::string> open(const std::string& path, std::uint64_t load_bias);

  symbols(symbols&&) noexcept;
  symbols& operator=(symbols&&) noexcept;
  ~symbols();

  /// The frames of a return address, innermost inlined
  /// function first, so that the call itself is found and not what follows it. One frame with
  /// nothing but an empty location when the address is not the driver's.
  std::vector<stack_frame> frames(std::uint64_t return_address) const;

  /// The same for a stack, innermost first. Frames outside the driver are left out.
  std::vector<stack_frame> stack(const std::vector<std::uint64_t>& return_addresses) const;

  /// The innermost location of a return address that is the author's: an inline function of Belay's
  /// Windows headers counts as the line that calls it. The first address of a function is that
  /// function's.
  source_location where(std::uint64_t return_address) const;

  /// Which of the driver's variables or functions lies at `address`: "DevExt", "Table+0x10"; empty:
  /// none.
  std::string name_of(std::uint64_t address) const;

  /// Whether `address` lies in the driver's image.
  bool contains(std::uint64_t address) const;

 private:
  struct state;
  explicit symbols(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

/// Whether a location lies in the Windows headers that come with Belay.
bool of_our_headers(const source_location& where);

}  // namespace belay::inline BELAY_BUILD::guest
