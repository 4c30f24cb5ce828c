#include "host/access_mode.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace belay::inline BELAY_BUILD::host {

namespace {

constexpr unsigned may_read = 4, may_write = 2;

// "GRGWGX", "FA" or "0x12019f": what of it is reading and writing.
unsigned rights_of(std::string_view text) {
  if (text.substr(0, 2) == "0x") {
    const auto mask =
        static_cast<std::uint32_t>(std::strtoul(std::string(text).c_str(), nullptr, 16));
    unsigned out = 0;
    if ((mask & 0x90000001u) != 0) out |= may_read;   // GENERIC_READ, GENERIC_ALL, FILE_READ_DATA
    if ((mask & 0x50000002u) != 0) out |= may_write;  // GENERIC_WRITE, GENERIC_ALL, FILE_WRITE_DATA
    return out;
  }
  unsigned out = 0;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const std::string_view one = text.substr(i, 2);
    if (one == "GA" || one == "FA") out |= may_read | may_write;
    if (one == "GR" || one == "FR") out |= may_read;
    if (one == "GW" || one == "FW") out |= may_write;
  }
  return out;
}

bool is_owner(std::string_view who) {
  return who == "SY" || who == "BA" || who == "CO" || who == "OW";
}
bool is_anybody(std::string_view who) {
  return who == "WD" || who == "AU" || who == "IU" || who == "BU" || who == "S-1-1-0";
}

std::vector<std::string_view> split(std::string_view entry) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t end = entry.find(';');
    fields.push_back(entry.substr(0, end));
    if (end == std::string_view::npos) return fields;
    entry.remove_prefix(end + 1);
  }
}

}  // namespace

unsigned access_mode(std::string_view sddl) {
  if (sddl.empty()) return 0666;
  unsigned owner = 0, others = 0, denied_owner = 0, denied_others = 0;
  const std::size_t list = sddl.find("D:");
  if (list == std::string_view::npos) return 0600;
  std::string_view rest = sddl.substr(list);
  const std::size_t audit = rest.find("S:");
  if (audit != std::string_view::npos) rest = rest.substr(0, audit);
  for (std::size_t open = rest.find('('); open != std::string_view::npos; open = rest.find('(')) {
    rest.remove_prefix(open + 1);
    const std::size_t close = rest.find(')');
    if (close == std::string_view::npos) break;
    const auto fields = split(rest.substr(0, close));
    rest.remove_prefix(close);
    if (fields.size() < 6) continue;
    const unsigned rights = rights_of(fields[2]);
    if (fields[0] == "A") {
      if (is_owner(fields[5])) owner |= rights & ~denied_owner;
      if (is_anybody(fields[5])) owner |= rights & ~denied_owner, others |= rights & ~denied_others;
    } else if (fields[0] == "D") {
      if (is_owner(fields[5]) || is_anybody(fields[5])) denied_owner |= rights;
      if (is_anybody(fields[5])) denied_others |= rights;
    }
  }
  // SYSTEM of a host that runs as its owner: a device for the kernel only (D:P) stays the owner's.
  if (owner == 0) owner = may_read | may_write;
  return owner << 6 | others << 3 | others;
}

}  // namespace belay::inline BELAY_BUILD::host
