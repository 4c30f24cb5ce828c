// Drivers under a scenario, as a program to explore.
//
// One "system" actor starts the I/O manager, loads the drivers, starts the clients, waits for them
// and unloads the drivers, the last one first. Each request has a canceller: an optional actor that
// may call IoCancelIrp at any time while the request is outstanding, or never.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "explore/execution.hpp"
#include "explore/guest_image.hpp"
#include "explore/scenario.hpp"

namespace belay::inline BELAY_BUILD::explore {

class driver_program final : public program {
 public:
  driver_program(const guest_images& images, scenario what);

  void start() override;
  void finish() override;

  /// After an execution: what the last DriverEntry returned that ran, the place of that driver
  /// among the images, and which kinds of request the drivers serve.
  std::int32_t load_status() const { return load_status_; }
  std::size_t loaded_last() const { return loaded_last_; }
  bool serves_read() const { return serves_read_; }
  bool serves_write() const { return serves_write_; }
  bool serves_control() const { return serves_control_; }
  /// The device that the clients opened; empty when there is none that they can name.
  const std::string& device() const { return device_; }
  /// The first of the scenario's client_devices that is no device; empty: all are.
  const std::string& unknown_device() const { return unknown_device_; }
  std::uint32_t device_type() const { return device_type_; }
  /// What the dispatch routine returned for each request of client 1, in order.
  const std::vector<std::int32_t>& answers() const { return answers_; }
  std::int32_t open_status() const { return open_status_; }
  void keep_answers(bool on) { keep_answers_ = on; }
  void set_scenario(scenario what) { scenario_ = std::move(what); }
  const scenario& what() const { return scenario_; }

 private:
  struct client;
  struct loaded;
  void run_system();
  void run_clients();
  void run_program();
  int run_main();
  void run_client(client& self);
  bool load_all(loaded& to);
  void* find_device(const loaded& drivers, const std::string& wanted);
  void choose_devices(const loaded& drivers);

  const guest_images& images_;
  scenario scenario_;
  std::int32_t load_status_ = 0;
  std::int32_t open_status_ = 0;
  bool serves_read_ = false, serves_write_ = false, serves_control_ = false;
  std::size_t loaded_last_ = 0;
  std::string device_, unknown_device_;
  std::uint32_t device_type_ = 0;
  std::vector<std::int32_t> answers_;
  bool keep_answers_ = false;
  void* device_object_ = nullptr;
  std::vector<void*> client_devices_;
};

}  // namespace belay::inline BELAY_BUILD::explore
