#include "explore/scenario.hpp"

#include <cctype>
#include <filesystem>

#include "guest/toml_file.hpp"

namespace belay::inline BELAY_BUILD::explore {
namespace {

bool bytes_of(const std::string& text, std::vector<std::uint8_t>& to) {
  std::string digits;
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) != 0) {
      digits += c;
    } else if (c != ' ') {
      return false;
    }
  }
  if (digits.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    to.push_back(static_cast<std::uint8_t>(std::strtoul(digits.substr(i, 2).c_str(), nullptr, 16)));
  }
  return true;
}

request_plan read_request(guest::toml_section& from, int clients) {
  request_plan to;
  from.only({"op", "code", "length", "input", "cancel", "client"});
  const auto op = from.word("op", {"read", "write", "control"});
  if (!from.has("op"))
    from.fail("op", "a [[request]] needs op = \"read\", \"write\" or \"control\"");
  if (op) to.op = static_cast<operation>(*op);
  from.number("code", 0, UINT32_MAX, to.code);
  if (op && to.op == operation::control && !from.has("code")) {
    from.fail("op", "a control request needs code = 0x…, the driver's control code");
  }
  if (op && to.op != operation::control && from.has("code")) {
    from.fail("code", "\"code\" is for op = \"control\" only");
  }
  from.number("length", 0, 1 << 20, to.length);
  std::string input;
  from.text("input", input);
  if (!bytes_of(input, to.input)) {
    from.fail("input", "\"input\" should be hexadecimal digits in pairs, such as \"01 ff\"");
  }
  if (const auto when = from.word("cancel", {"any", "never"}))
    to.cancel = static_cast<cancel_when>(*when);
  from.number("client", 0, 62, to.client);
  if (to.client > clients) {
    from.fail("client", "\"client\" is greater than the number of clients");
  }
  return to;
}

void read_registry(guest::toml_section& from, const std::string& path, scenario& to,
                   std::string& error) {
  std::vector<std::string> files;
  from.texts("registry", files);
  for (const std::string& each : files) {
    auto content =
        guest::load_registry_file((std::filesystem::path(path).parent_path() / each).string());
    if (content) {
      to.registry.insert(to.registry.end(), content->begin(), content->end());
    } else if (error.empty()) {
      error = content.error();
    }
  }
}

}  // namespace

tl::expected<scenario, std::string> load_scenario(const std::string& path) {
  auto table = guest::parse_toml_file(path);
  if (!table) return tl::unexpected(table.error());
  std::string error;
  scenario to;
  guest::toml_section from(*table, path, error);
  from.only({"client_program", "client_arguments", "with_drivers", "device", "clients", "requests",
             "cpus", "registry", "shared_handle", "client", "request"});
  from.text("client_program", to.client);
  if (!to.client.empty())
    to.client = (std::filesystem::path(path).parent_path() / to.client).string();
  from.text("client_arguments", to.client_arguments);
  from.texts("with_drivers", to.with_drivers);
  for (std::string& each : to.with_drivers)
    each = (std::filesystem::path(path).parent_path() / each).string();
  from.text("device", to.device);
  from.number("clients", 1, 16, to.clients);
  from.number("requests", 1, 16, to.requests);
  from.number("cpus", 0, 64, to.cpus);
  from.flag("shared_handle", to.shared_handle);
  read_registry(from, path, to, error);
  for (guest::toml_section& one : from.sections("client")) {
    one.only({"device"});
    one.text("device", to.client_devices.emplace_back());
  }
  if (static_cast<int>(to.client_devices.size()) > to.clients)
    from.fail("client", "there are more [[client]] sections than clients");
  if (!to.client_devices.empty() && to.shared_handle)
    from.fail("shared_handle", "clients that share a handle have no device of their own");
  for (guest::toml_section& one : from.sections("request"))
    to.plan.push_back(read_request(one, to.clients));
  if (!error.empty()) return tl::unexpected(error);
  return to;
}

}  // namespace belay::inline BELAY_BUILD::explore
