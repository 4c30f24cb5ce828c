// Drivers and a Windows program in one process, natively: no device files, real threads, real time.
//
// What the way through device files cannot carry works here: handles in a request's buffers, a path
// behind a device's name, how a device is opened. What the explorer cannot have works, too: a
// program that reads its keyboard.
//
// Thread safety: run_together() once a process.
#pragma once

#include <string>
#include <vector>

#include "guest/registry_file.hpp"
#include "host/driver_image.hpp"

namespace belay::inline BELAY_BUILD::host {

struct together_options {
  std::vector<std::string> drivers;              ///< driver.so files, in the order to load them
  std::string program;                           ///< a .so by `belay cc --client`
  std::vector<std::string> arguments;            ///< the program's, without its name
  std::vector<guest::registry_change> registry;  ///< what the drivers find there
  bool verifier = true;
};

/// Loads the drivers, runs the program to its end, unloads the drivers.
///
/// Returns: the program's exit code; 1 after a bug check, whose screen goes to standard error; 2
/// for
///          bad input, which is said in one line there.
int run_together(const together_options& options);

}  // namespace belay::inline BELAY_BUILD::host
