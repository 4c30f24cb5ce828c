// `belay run` on a terminal: a region at the bottom, redrawn in place, that shows what is in
// flight; what drivers print scrolls above it.
//
//   /run/belay/own_queue: Relay
//   3 requests: 1 completed, 0 cancelled, 0 failed; 1 in flight
//      #  DEVICE  OPERATION    BYTES  PROGRAM      AGE  IRP
//   >  3  Relay   read        131072  4242 cat   2.1 s  queued, cancel routine set
//   up, down: choose   c: cancel it   q: end
//
// Thread safety: as view.
// Invariants: the terminal is as it was found when close() returns. The region's last line has no
// end, so that a screen of its height never scrolls.
#pragma once

#include <termios.h>

#include <string>
#include <vector>

#include "host/view.hpp"

namespace belay::inline BELAY_BUILD::host {

class live_view : public view {
 public:
  /// Whether standard output and error are a terminal that knows how to move the cursor.
  static bool possible();

  live_view();
  ~live_view() override { close(); }
  live_view(const live_view&) = delete;
  live_view& operator=(const live_view&) = delete;

  void ready(const std::string& folder, const std::vector<device_file>& files) override;
  void tick(in_flight& table) override;
  void snapshot(in_flight& table) override { tick(table); }
  int keys() const override { return input_; }
  bool key(in_flight& table) override;
  void continued() override;
  void print(const char* text) override { printed_.add(text); }
  void stopping(const std::string& why) override;
  void bug_checked(const bug_check_report& report) override;
  void failed(const std::string& what) override;
  void ended(const tally& totals) override;

 private:
  struct line {
    std::string text;
    bool bold = false;
    bool dim = false;
  };

  std::vector<line> region(const std::vector<pending_view>& requests, const tally& totals,
                           std::size_t rows, std::size_t columns);
  void draw(const std::vector<line>& lines);
  void erase(std::string& out) const;
  void choose(const std::vector<pending_view>& requests, int step);
  bool pressed(in_flight& table, const std::string& key);
  std::string printed_lines(bool all);
  void say_below(const std::string& text);
  void take_keys();
  void close();

  std::string folder_;
  std::string names_;         ///< of the devices
  std::uint64_t chosen_ = 0;  ///< the serial number of a request; 0: none
  std::string message_;       ///< what a key did
  std::vector<line> shown_;   ///< what the region shows
  std::size_t shown_width_ = 0;
  printed_text printed_;
  std::string unfinished_;  ///< printed without an end of line yet
  int input_ = -1;
  bool open_ = false;
  termios before_{};
};

}  // namespace belay::inline BELAY_BUILD::host
