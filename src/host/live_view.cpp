#include "host/live_view.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/ioctl.h>

namespace belay::inline BELAY_BUILD::host {

namespace {

constexpr const char* hide_cursor = "\033[?25l";
constexpr const char* show_cursor = "\033[?25h";
constexpr const char* clear_below = "\033[J";

void write_all(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;  // the terminal is gone; SIGHUP ends us
    done += static_cast<std::size_t>(put);
  }
}

struct extent {
  std::size_t rows = 24, columns = 80;
};

extent terminal_extent() {
  winsize size{};
  extent out;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    return out;
  }
  return {size.ws_row, size.ws_col};
}

std::string age_of(sync::nanoseconds age) {
  const std::int64_t tenths = age / 100'000'000;
  if (tenths < 600) return fmt::format("{}.{} s", tenths / 10, tenths % 10);
  const std::int64_t seconds = tenths / 10;
  if (seconds < 3600) return fmt::format("{}:{:02} min", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02} h", seconds / 3600, seconds / 60 % 60);
}

// Escape sequences of a driver's or a program's text must not reach the terminal.
std::string tame(const std::string& text) {
  std::string out;
  for (const char each : text) {
    const auto code = static_cast<unsigned char>(each);
    if (each == '\r') continue;
    if (each == '\n' || each == '\t' || code >= ' ') {
      out += code == 0x7f ? '?' : each;
    } else {
      out += '?';
    }
  }
  return out;
}

bool in_foreground() { return isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp(); }

}  // namespace

bool live_view::possible() {
  const char* const kind = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1 && kind != nullptr &&
         std::strcmp(kind, "dumb") != 0;
}

live_view::live_view() {
  take_keys();
  write_all(hide_cursor);
  open_ = true;
}

// From the terminal's foreground only: who reads in the background is stopped.
void live_view::take_keys() {
  if (!in_foreground() || tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // a stopped host would leave the terminal as it is here
  if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0) input_ = STDIN_FILENO;
}

// The shell has had the terminal meanwhile, and has left it as it likes it.
void live_view::continued() {
  if (!open_) return;
  const bool had_keys = input_ >= 0;
  const termios first = before_;
  input_ = -1;
  take_keys();
  if (had_keys) before_ = first;
  shown_.clear();
  write_all(hide_cursor);
}

void live_view::close() {
  if (!open_) return;
  open_ = false;
  std::string out;
  erase(out);
  shown_.clear();
  write_all(out + printed_lines(true) + show_cursor);
  if (input_ >= 0) tcsetattr(input_, TCSANOW, &before_);
  input_ = -1;
}

// What has been printed: whole lines, or all of it.
std::string live_view::printed_lines(bool all) {
  unfinished_ += tame(printed_.take());
  const std::size_t end = unfinished_.rfind('\n');
  std::string out = end == std::string::npos ? "" : unfinished_.substr(0, end + 1);
  unfinished_.erase(0, out.size());
  if (all && !unfinished_.empty()) {
    out += unfinished_ + "\n";
    unfinished_.clear();
  }
  return out;
}

// To the region's first column and row, with nothing below.
void live_view::erase(std::string& out) const {
  if (shown_.empty()) return;
  const std::size_t columns = terminal_extent().columns;
  std::size_t rows = 0;
  for (const line& each : shown_) {
    rows += 1 + (each.text.empty() ? 0 : (each.text.size() - 1) / columns);  // narrower since
  }
  out += "\r";
  if (rows > 1) out += fmt::format("\033[{}A", rows - 1);
  out += clear_below;
}

void live_view::draw(const std::vector<line>& lines) {
  std::string out = "\033[?2026h";  // terminals that can, show all of it at once
  erase(out);
  out += printed_lines(false);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i != 0) out += "\n";
    const char* const style = lines[i].bold ? "\033[7m" : lines[i].dim ? "\033[2m" : "";
    out += style + lines[i].text + (*style != '\0' ? "\033[0m" : "");
  }
  shown_ = lines;
  write_all(out + "\033[?2026l");
}

// The chosen request, or the one `step` further; the first one when it is over.
void live_view::choose(const std::vector<pending_view>& requests, int step) {
  if (requests.empty()) {
    chosen_ = 0;
    return;
  }
  auto at = std::lower_bound(
      requests.begin(), requests.end(), chosen_,
      [](const pending_view& each, std::uint64_t serial) { return each.serial < serial; });
  if (at == requests.end()) --at;
  if (step > 0 && at + 1 != requests.end()) ++at;
  if (step < 0 && at != requests.begin()) --at;
  chosen_ = at->serial;
}

std::vector<live_view::line> live_view::region(const std::vector<pending_view>& requests,
                                               const tally& totals, std::size_t rows,
                                               std::size_t columns) {
  std::vector<line> out;
  out.push_back({fmt::format("{}: {}", folder_, names_), false, false});
  out.push_back({fmt::format("{}; {} in flight", words_of(totals), requests.size()), false, false});
  std::size_t device = 6, operation = 9, program = 7, number = 1;
  for (const pending_view& each : requests) {
    device = std::max(device, std::min<std::size_t>(each.device.size(), 24));
    operation = std::max(operation, words_of(each).size());
    number = std::max(number, std::to_string(each.serial).size());
    program = std::max(
        program, std::to_string(each.process_id).size() + 1 + program_name(each.process_id).size());
  }
  const std::size_t fixed = 4;  // two lines above, the table's head, the keys
  const std::size_t room = rows > fixed + 1 ? rows - fixed : 1;
  if (!requests.empty()) {
    out.push_back(
        {fmt::format("  {:>{}}  {:<{}}  {:<{}}  {:>9}  {:<{}}  {:>8}  {}", "#", number, "DEVICE",
                     device, "OPERATION", operation, "BYTES", "PROGRAM", program, "AGE", "IRP"),
         false, true});
  }
  const auto chosen = std::find_if(requests.begin(), requests.end(), [&](const pending_view& each) {
    return each.serial == chosen_;
  });
  const auto place = static_cast<std::size_t>(chosen - requests.begin());
  const std::size_t shown = std::min(room, requests.size());
  std::size_t from = place >= shown ? place - shown + 1 : 0;
  from = std::min(from, requests.size() - shown);
  for (std::size_t i = from; i < from + shown; ++i) {
    const pending_view& each = requests[i];
    const bool is_chosen = each.serial == chosen_;
    out.push_back({fmt::format("{} {:>{}}  {:<{}.24}  {:<{}}  {:>9}  {:<{}}  {:>8}  {}",
                               is_chosen ? '>' : ' ', each.serial, number, each.device, device,
                               words_of(each), operation, each.size,
                               fmt::format("{} {}", each.process_id, program_name(each.process_id)),
                               program, age_of(each.age), state_of(each)),
                   is_chosen, false});
  }
  const std::string more =
      shown < requests.size() ? fmt::format("   {} more", requests.size() - shown) : "";
  out.push_back({(message_.empty() ? "" : message_ + "   ") +
                     (input_ < 0         ? "Ctrl-C ends it"
                      : requests.empty() ? "q: end"
                                         : "up, down: choose   c: cancel it   q: end") +
                     more,
                 false, true});
  if (out.size() > rows) out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(rows));
  for (line& each : out) {
    each.text = tame(each.text);
    if (each.text.size() >= columns) each.text.resize(columns - 1);
  }
  return out;
}

void live_view::ready(const std::string& folder, const std::vector<device_file>& files) {
  folder_ = folder;
  for (const device_file& each : files) names_ += (names_.empty() ? "" : ", ") + each.name;
}

void live_view::tick(in_flight& table) {
  if (!open_) return;
  const std::vector<pending_view> requests = table.snapshot();
  choose(requests, 0);
  const extent size = terminal_extent();
  const std::vector<line> lines = region(requests, table.totals(), size.rows, size.columns);
  const bool same =
      size.columns == shown_width_ && lines.size() == shown_.size() &&
      std::equal(lines.begin(), lines.end(), shown_.begin(),
                 [](const line& a, const line& b) { return a.text == b.text && a.bold == b.bold; });
  shown_width_ = size.columns;
  if (same && printed_.empty()) return;
  draw(lines);
}

bool live_view::pressed(in_flight& table, const std::string& key) {
  message_.clear();
  if (key == "q" || key == "Q") return false;
  if (key == "j" || key == "\033[B" || key == "\033OB") choose(table.snapshot(), 1);
  if (key == "k" || key == "\033[A" || key == "\033OA") choose(table.snapshot(), -1);
  if (key == "c" || key == "\n" || key == "\r") {
    if (chosen_ != 0 && table.cancel_serial(chosen_, reason_kind::user)) {
      message_ = fmt::format("asked to cancel {}", chosen_);
    } else {
      message_ = "there is nothing to cancel";
    }
  }
  return true;
}

bool live_view::key(in_flight& table) {
  if (!in_foreground()) {
    input_ = -1;  // until we go on there
    return true;
  }
  char buffer[64];
  const ssize_t got = read(input_, buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) {
    input_ = -1;  // the terminal is gone; SIGHUP ends us
    return true;
  }
  const std::string all(buffer, static_cast<std::size_t>(got));
  for (std::size_t i = 0; i < all.size();) {
    const std::size_t size = all[i] == '\033' ? std::min<std::size_t>(3, all.size() - i) : 1;
    if (!pressed(table, all.substr(i, size))) return false;
    i += size;
  }
  return true;
}

void live_view::say_below(const std::string& text) {
  close();
  write_all(text);
}
void live_view::stopping(const std::string& why) { message_ = why + "; again: by force"; }
void live_view::bug_checked(const bug_check_report& report) { say_below(report.screen); }
void live_view::failed(const std::string& what) { say_below("belay: " + what + "\n"); }
void live_view::ended(const tally& totals) {
  say_below(fmt::format("belay: {}\n", words_of(totals)));
}

}  // namespace belay::inline BELAY_BUILD::host
