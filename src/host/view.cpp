#include "host/view.hpp"

#include <cstdio>
#include <fstream>

#include <fmt/format.h>

#include "kernel/executive.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

void say(std::FILE* to, const std::string& text) {
  std::fputs(text.c_str(), to);
  std::fflush(to);
}

}  // namespace

void printed_text::add(const char* text) {
  const kernel::guard hold(lock_);
  text_ += text;
}

std::string printed_text::take() {
  const kernel::guard hold(lock_);
  return std::exchange(text_, {});
}

bool printed_text::empty() const {
  const kernel::guard hold(lock_);
  return text_.empty();
}

std::string program_name(int process_id) {
  std::string name;
  std::getline(std::ifstream(fmt::format("/proc/{}/comm", process_id)), name);
  for (char& each : name) {
    if (static_cast<unsigned char>(each) < ' ' || each == 0x7f) each = '?';
  }
  return name;
}

std::string words_of(const pending_view& request) {
  if (request.what != operation::control) return name_of(request.what);
  return fmt::format("ioctl {:#010x}", request.control_code);
}

std::string state_of(const pending_view& request) {
  std::string out = request.irp == nullptr ? "no IRP" : request.state;
  if (out == "armed") out = "queued";
  if (request.routine_armed) out += ", cancel routine set";
  if (request.cancel_requested) out += ", cancel requested";
  if (request.interrupted) out += ", given up by its program";
  return out;
}

std::string lines_of(const std::vector<pending_view>& requests) {
  std::string out;
  for (const pending_view& each : requests) {
    out += fmt::format("  {} {} {} {} bytes, {} {}, {:.1f} s: {}\n", each.serial, each.device,
                       words_of(each), each.size, each.process_id, program_name(each.process_id),
                       static_cast<double>(each.age) / 1e9, state_of(each));
  }
  return out;
}

std::string words_of(const tally& totals) {
  return fmt::format("{} requests: {} completed, {} cancelled, {} failed", totals.arrived,
                     totals.completed, totals.cancelled, totals.failed);
}

void plain_view::ready(const std::string& folder, const std::vector<device_file>& files) {
  std::string text;
  for (const device_file& each : files) text += fmt::format("{}/{}\n", folder, each.name);
  say(stdout, text);
  say(stderr, "belay: serving; Ctrl-C ends it\n");
}
void plain_view::snapshot(in_flight& table) {
  say(stderr, fmt::format("belay: {}\n{}", words_of(table.totals()), lines_of(table.snapshot())));
}
void plain_view::print(const char* text) { say(stderr, text); }
void plain_view::stopping(const std::string& why) { say(stderr, "belay: " + why + "\n"); }
void plain_view::bug_checked(const bug_check_report& report) { say(stderr, report.screen); }
void plain_view::failed(const std::string& what) { say(stderr, "belay: " + what + "\n"); }
void plain_view::ended(const tally& totals) {
  say(stderr, fmt::format("belay: {}\n", words_of(totals)));
}

}  // namespace belay::inline BELAY_BUILD::host
