// One callback of a driver by itself, as a program to explore, and all of them in turn.
//
// One "system" actor starts the I/O manager with a model in place of the drivers beneath, loads the
// driver, makes the one call, gives everybody else the time to come to rest, and ends the execution
// there: the driver is not unloaded, except where that is the callback.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explore/callback.hpp"
#include "explore/execution.hpp"
#include "explore/guest_image.hpp"
#include "explore/scenario.hpp"
#include "explore/search.hpp"
#include "explore/trace.hpp"

namespace belay::inline BELAY_BUILD::explore {

class callback_program final : public program {
 public:
  callback_program(const guest_images& images, const std::vector<guest::registry_change>& registry)
      : images_(images), registry_(registry) {}
  void set(const callback& what) { what_ = what; }
  void start() override;

  /// After an execution: what DriverEntry returned, the driver's callbacks once it and AddDevice
  /// had run, how the call ended, and how often the model was asked.
  std::int32_t load_status() const { return load_status_; }
  const wdm::driver_callbacks& found() const { return found_; }
  bool has_device() const { return has_device_; }
  std::uint32_t device_type() const { return device_type_; }
  const wdm::callback_answer& answer() const { return answer_; }
  std::uint32_t lower_calls() const { return lower_calls_; }

 private:
  void run_system();
  void run_driver();
  void call(_DRIVER_OBJECT* driver);
  void dispatch(_DRIVER_OBJECT* driver);

  const guest_images& images_;
  const std::vector<guest::registry_change>& registry_;
  callback what_;
  std::int32_t load_status_ = 0;
  wdm::driver_callbacks found_;
  bool has_device_ = false;
  std::uint32_t device_type_ = 0;
  wdm::callback_answer answer_;
  std::uint32_t lower_calls_ = 0;
};

/// What is known of one callback, over all answers of the drivers beneath.
struct callback_result {
  callback of;  ///< where something was found, with what led to it
  verdict what = verdict::inconclusive;
  std::string why;
  std::uint64_t executions = 0;
  std::optional<trace> example;  ///< for a violation
  std::string trace_file;        ///< where the trace was written; empty: nowhere
  std::string html_file;         ///< and the page
};

struct callbacks_result {
  std::int32_t load_status = 0;
  std::vector<callback_result> all;
};

/// Explores each callback. A device is started, and a file opened, before the callbacks that
/// come later in a life, if that went well when it was looked at by itself. `registry` is what the
/// driver finds there.
callbacks_result explore_callbacks(const guest_images& images, const search_options& options,
                                   const std::vector<guest::registry_change>& registry);

}  // namespace belay::inline BELAY_BUILD::explore
