// What clients do to a driver while its interleavings are explored.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>
#include <string>
#include <vector>

#include "guest/registry_file.hpp"
#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::explore {

enum class operation : std::uint8_t { read, write, control };
enum class cancel_when : std::uint8_t {
  any,    ///< at any scheduling point, or never
  never,
};

struct request_plan {
  operation op = operation::read;
  std::uint32_t code = 0;            ///< control code
  std::uint32_t length = 64;         ///< bytes read, or of output
  std::vector<std::uint8_t> input;   ///< bytes written, or of input
  cancel_when cancel = cancel_when::any;
  int client = 0;                    ///< 0: every client; else only that one, from 1

  friend bool operator==(const request_plan&, const request_plan&) = default;
};

/// Clients open the device, issue the requests of the plan in order without waiting (overlapped),
/// close their handle at any time from then on, and end, which cancels what is still pending. Then the
/// drivers are unloaded, the last one loaded first.
struct scenario {
  std::string client;                     ///< file of a program to run in place of the clients below
  std::string client_arguments;           ///< of its command line, separated by spaces
  std::vector<std::string> with_drivers;  ///< files of drivers to load before the one under test
  std::string device;  ///< name or link; empty: the first named device of the driver under test, or
                       ///< if it has none, of the driver that was loaded before it
  std::vector<std::string> client_devices;  ///< of client 1, 2, …; empty or absent: `device`
  int clients = 2;
  int requests = 1;                   ///< of each plan entry, by each client it concerns
  std::vector<request_plan> plan;     ///< empty: one entry of each kind that the driver serves
  int cpus = 0;                       ///< 0: one an actor
  bool shared_handle = false;         ///< all clients use the first one's handle
  std::vector<guest::registry_change> registry;  ///< made before the drivers are loaded

  friend bool operator==(const scenario&, const scenario&) = default;
};

/// Reads a scenario file. The error names the file, the line, what is wrong and the nearest known key.
tl::expected<scenario, std::string> load_scenario(const std::string& path);

}  // namespace belay::inline BELAY_BUILD::explore
