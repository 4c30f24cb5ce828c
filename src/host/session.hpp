// One run of `belay run`: drivers loaded, devices mounted, served, and all of it taken down.
//
//   main thread      waits for signals, keys and bug checks, draws the view, ends the process
//   system actor     loads, mounts, and on its way down unloads: what Windows does on system
//   threads FUSE's threads   the programs' requests
//
// Thread safety: run() once a process.
// Invariants: nothing of a driver runs on the main thread, so that whatever a driver does, somebody
// is left to answer its programs and take the mount away.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "guest/registry_file.hpp"
#include "host/device_files.hpp"
#include "host/driver_image.hpp"
#include "host/view.hpp"

namespace belay::inline BELAY_BUILD::host {

struct session_options {
  std::vector<std::string> drivers;              ///< driver.so files, in the order to load them
  std::string folder;                            ///< where to mount; made if it is not there
  std::vector<guest::registry_change> registry;  ///< what the drivers find there
  bool verifier = true;           ///< checks that Windows makes under Driver Verifier only
  bool fail_allocations = false;  ///< each call stack's first: allocation_faults.hpp
  unsigned patience = 10;         ///< seconds that a driver gets to end cancelled requests
};

/// Returns the exit code: 0 after a clean shutdown on SIGINT, SIGTERM or SIGHUP; 1 after a bug
/// check or a request that no cancel could end; 2 for bad input; 77 when the machine lacks
/// something.
int run(const session_options& options, view& show);

}  // namespace belay::inline BELAY_BUILD::host
