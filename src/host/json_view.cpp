#include "host/json_view.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace belay::inline BELAY_BUILD::host {

namespace {

using json = nlohmann::ordered_json;

void say(const json& what) {
  // Drivers print what they like: bytes that are no UTF-8 become the replacement character.
  const std::string line = what.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

json json_of(const tally& totals) {
  return {{"arrived", totals.arrived},
          {"completed", totals.completed},
          {"cancelled", totals.cancelled},
          {"failed", totals.failed}};
}

std::string hexadecimal(std::uint64_t value) { return fmt::format("{:#x}", value); }

json json_of(const pending_view& each) {
  json out = {{"number", each.serial},
              {"device", each.device},
              {"operation", name_of(each.what)},
              {"bytes", each.size},
              {"process", each.process_id},
              {"program", program_name(each.process_id)},
              {"state", each.irp == nullptr ? "none" : each.state},
              {"cancel_requested", each.cancel_requested},
              {"cancel_routine", each.routine_armed},
              {"interrupted", each.interrupted}};
  if (each.what == operation::control) out["control_code"] = hexadecimal(each.control_code);
  if (each.irp != nullptr) out["irp"] = hexadecimal(reinterpret_cast<std::uint64_t>(each.irp));
  return out;
}

json snapshot_of(in_flight& table, std::vector<pending_view>& requests) {
  json list = json::array();
  const tally totals = table.totals();
  requests = table.snapshot();
  for (const pending_view& each : requests) list.push_back(json_of(each));
  return {{"event", "snapshot"}, {"totals", json_of(totals)}, {"in_flight", list}};
}

void say_snapshot(json what, const std::vector<pending_view>& requests) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    what["in_flight"][i]["age_ms"] = requests[i].age / 1'000'000;
  }
  say(what);
}

}  // namespace

void json_view::ready(const std::string& folder, const std::vector<device_file>& files) {
  json devices = json::array();
  for (const device_file& each : files) {
    devices.push_back({{"path", folder + "/" + each.name},
                       {"device", each.device},
                       {"mode", fmt::format("{:04o}", each.mode)}});
  }
  say({{"event", "ready"}, {"folder", folder}, {"process", getpid()}, {"devices", devices}});
}

void json_view::flush_printed() {
  const std::string text = printed_.take();
  if (!text.empty()) say({{"event", "print"}, {"text", text}});
}

void json_view::tick(in_flight& table) {
  flush_printed();
  std::vector<pending_view> requests;
  json what = snapshot_of(table, requests);
  std::string text = what.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text == last_) return;
  last_ = std::move(text);
  say_snapshot(std::move(what), requests);
}

void json_view::snapshot(in_flight& table) {
  flush_printed();
  std::vector<pending_view> requests;
  json what = snapshot_of(table, requests);
  say_snapshot(std::move(what), requests);
}

bool json_view::key(in_flight& table) {
  char buffer[256];
  const ssize_t got = read(input_, buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) {
    input_ = -1;
    return true;
  }
  pending_.append(buffer, static_cast<std::size_t>(got));
  for (;;) {
    const std::size_t end = pending_.find('\n');
    if (end == std::string::npos) break;
    command(table, pending_.substr(0, end));
    pending_.erase(0, end + 1);
  }
  return true;
}

void json_view::command(in_flight& table, const std::string& line) {
  if (line.empty()) return;
  char* end = nullptr;
  const std::string_view verb = "cancel ";
  const std::uint64_t number = line.compare(0, verb.size(), verb) == 0
                                   ? std::strtoull(line.c_str() + verb.size(), &end, 10)
                                   : 0;
  if (end == nullptr || *end != '\0' || number == 0) {
    say({{"event", "failed"}, {"text", "unknown command; there is: cancel NUMBER"}});
    return;
  }
  const bool found = table.cancel_serial(number, reason_kind::user);
  say({{"event", "cancel"}, {"number", number}, {"found", found}});
}

void json_view::stopping(const std::string& why) {
  flush_printed();
  say({{"event", "stopping"}, {"why", why}});
}

void json_view::bug_checked(const bug_check_report& report) {
  flush_printed();
  const bug_check& what = report.what;
  json parameters = json::array(), stack = json::array();
  for (const std::uint64_t each : what.parameter) parameters.push_back(hexadecimal(each));
  for (const driver_frame& each : report.stack) {
    stack.push_back({{"driver", each.driver},
                     {"function", each.function},
                     {"file", each.file},
                     {"line", each.line}});
  }
  say({{"event", "bug_check"},
       {"clause", what.clause},
       {"rule", what.rule},
       {"code", hexadecimal(what.code)},
       {"parameters", parameters},
       {"text", what.text},
       {"stack", stack},
       {"in_flight", what.in_flight}});
}

void json_view::failed(const std::string& what) {
  flush_printed();
  say({{"event", "failed"}, {"text", what}});
  std::fputs(("belay: " + what + "\n").c_str(), stderr);
}

void json_view::ended(const tally& totals) {
  flush_printed();
  say({{"event", "ended"}, {"totals", json_of(totals)}});
}

}  // namespace belay::inline BELAY_BUILD::host
