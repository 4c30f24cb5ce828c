// What somebody sees of a running host.
//
// Thread safety: called from the main thread only, but for print().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/bug_check.hpp"
#include "host/device_files.hpp"
#include "host/in_flight.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::host {

/// What a view is told of a driver that was stopped.
struct bug_check_report {
  const bug_check& what;
  std::vector<driver_frame> stack;  ///< the drivers' frames, innermost first
  std::string screen;               ///< screen_of()
};

class view {
 public:
  virtual ~view() = default;
  /// The devices are there.
  virtual void ready(const std::string& folder, const std::vector<device_file>& files) = 0;
  /// Every tenth of a second while serving.
  virtual void tick(in_flight& table) = 0;
  /// Somebody wants to see what is in flight (SIGUSR1).
  virtual void snapshot(in_flight& table) = 0;
  /// The descriptor to read keys from; -1: none. key() is called when it is readable.
  virtual int keys() const { return -1; }
  /// Returns: false to end the host.
  virtual bool key(in_flight&) { return true; }
  /// The host was stopped by a signal, and goes on.
  virtual void continued() {}
  /// A driver's text (DbgPrint). Any thread, any IRQL; shown with the next tick at the latest.
  virtual void print(const char* text) = 0;
  /// Stopping: why, in one line.
  virtual void stopping(const std::string& why) = 0;
  virtual void bug_checked(const bug_check_report& report) = 0;
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
  void snapshot(in_flight& table) override;
  void print(const char* text) override;
  void stopping(const std::string& why) override;
  void bug_checked(const bug_check_report& report) override;
  void failed(const std::string& what) override;
  void ended(const tally& totals) override;
};

/// Drivers' text on its way from their threads to the main thread.
class printed_text {
 public:
  void add(const char* text);
  std::string take();
  bool empty() const;

 private:
  mutable sync::inner_lock lock_;
  std::string text_;
};

/// A program's name, from /proc; empty: it is gone.
std::string program_name(int process_id);
/// "read", "ioctl 0x222003".
std::string words_of(const pending_view& request);
/// "armed, cancel requested": in words, what the driver has done with it.
std::string state_of(const pending_view& request);
/// A line for each: number, device, operation, program, age, state.
std::string lines_of(const std::vector<pending_view>& requests);
/// "3 requests: 1 completed, …"
std::string words_of(const tally& totals);

}  // namespace belay::inline BELAY_BUILD::host
