// The service control manager, as far as programs load their driver by it: who does the loading.
//
// Thread safety: the hook is called by any thread at PASSIVE_LEVEL, one call at a time for a
// service. Contract: WIN32-SERVICE-001
#pragma once

#include <cstdint>

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::win32 {

enum class service_request : std::uint8_t {
  exists,  ///< is it known without having been created: a driver that is there already?
  load,    ///< StartService
  unload,  ///< ControlService with SERVICE_CONTROL_STOP
};
enum class service_answer : std::uint8_t {
  done,       ///< for `exists`: it is not known
  already,    ///< `exists`: yes, and it runs; `load`: ERROR_SERVICE_ALREADY_RUNNING
  not_found,  ///< ERROR_FILE_NOT_FOUND: no such driver
  failed,     ///< the driver said no: ERROR_GEN_FAILURE
};

/// Loads and unloads drivers. `path`: the service's binary, an empty text for `exists`.
using service_loader = service_answer (*)(service_request what, const char16_t* name,
                                          const char16_t* path);
/// nullptr: there are no drivers to load; StartService fails with ERROR_FILE_NOT_FOUND. Callers:
/// set-up.
void set_service_loader(service_loader hook);

}  // namespace belay::inline BELAY_BUILD::win32
