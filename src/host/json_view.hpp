// `belay run --json`: one JSON object a line on standard output, commands on standard input.
//
//   {"event":"ready", "folder", "process", "devices":[{"path","device","mode"}]}
//   {"event":"snapshot", "totals":{…}, "in_flight":[{"number", "device", "operation", …}]}
//                                 when something has changed, ten times a second at most; on
//                                 SIGUSR1
//   {"event":"print", "text"}     what a driver printed
//   {"event":"cancel", "number", "found"}                the answer to the line "cancel NUMBER"
//   {"event":"stopping", "why"}
//   {"event":"bug_check", "clause", "rule", "code", "parameters", "text", "stack", "in_flight"}
//   {"event":"failed", "text"}    with the same text on standard error
//   {"event":"ended", "totals"}
//
// Thread safety: as view.
#pragma once

#include <string>

#include "host/view.hpp"

namespace belay::inline BELAY_BUILD::host {

class json_view : public view {
 public:
  void ready(const std::string& folder, const std::vector<device_file>& files) override;
  void tick(in_flight& table) override;
  void snapshot(in_flight& table) override;
  int keys() const override { return input_; }
  bool key(in_flight& table) override;
  void print(const char* text) override { printed_.add(text); }
  void stopping(const std::string& why) override;
  void bug_checked(const bug_check_report& report) override;
  void failed(const std::string& what) override;
  void ended(const tally& totals) override;

 private:
  void flush_printed();
  void command(in_flight& table, const std::string& line);

  printed_text printed_;
  std::string last_;     ///< the last snapshot, without what only ages
  int input_ = 0;        ///< -1 once it has ended
  std::string pending_;  ///< the beginning of a command
};

}  // namespace belay::inline BELAY_BUILD::host
