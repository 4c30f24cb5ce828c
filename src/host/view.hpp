// What somebody sees of a running host.
//
// Thread safety: called from the main thread only.
#pragma once

#include <string>
#include <vector>

#include "host/device_files.hpp"
#include "host/in_flight.hpp"

namespace belay::inline BELAY_BUILD::host {

class view {
 public:
  virtual ~view() = default;
  /// The devices are there.
  virtual void ready(const std::string& folder, const std::vector<device_file>& files) = 0;
  /// Every tenth of a second while serving, and once at the end.
  virtual void tick(in_flight& table) = 0;
  /// The descriptor to read keys from; -1: none. key() is called when it is readable.
  virtual int keys() const { return -1; }
  /// Returns: false to end the host.
  virtual bool key(in_flight& table) = 0;
  /// A driver's text (DbgPrint). Any thread.
  virtual void print(const char* text) = 0;
  /// Stopping: why, in one line.
  virtual void stopping(const std::string& why) = 0;
  /// The screen of bug_check.hpp.
  virtual void bug_check(const struct bug_check& what, const std::string& screen) = 0;
  /// An error: one line.
  virtual void failed(const std::string& what) = 0;
  /// The clean end.
  virtual void ended(const tally& totals) = 0;
};

/// Lines on standard output and error: what a script wants.
class plain_view : public view {
 public:
  void ready(const std::string& folder, const std::vector<device_file>& files) override;
  void tick(in_flight&) override {}
  bool key(in_flight&) override { return true; }
  void print(const char* text) override;
  void stopping(const std::string& why) override;
  void bug_check(const struct bug_check& what, const std::string& screen) override;
  void failed(const std::string& what) override;
  void ended(const tally& totals) override;
};

}  // namespace belay::inline BELAY_BUILD::host
