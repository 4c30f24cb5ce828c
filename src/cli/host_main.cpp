// belay-host: what `belay run` starts. It holds the native library and loads drivers.
#include <memory>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/registry_content.hpp"
#include "cli/run_arguments.hpp"
#include "host/json_view.hpp"
#include "host/live_view.hpp"
#include "host/session.hpp"

namespace belay::cli {
namespace {

int host_drivers(int count, char** arguments) {
  const run_arguments parsed = run_arguments::read_again(count, arguments);
  if (parsed.folder.empty()) throw failure(wrong_use, "--mount is missing; use `belay run`");
  host::session_options options;
  options.drivers = parsed.drivers;
  options.folder = parsed.folder;
  options.registry = registry_content(parsed.registry);
  options.verifier = !parsed.no_verifier;
  options.fail_allocations = parsed.fail_allocations;
  options.patience = parsed.patience;
  std::unique_ptr<host::view> show;
  if (parsed.json) {
    show = std::make_unique<host::json_view>();
  } else if (!parsed.plain && host::live_view::possible()) {
    show = std::make_unique<host::live_view>();
  } else {
    show = std::make_unique<host::plain_view>();
  }
  return host::run(options, *show);
}

}  // namespace
}  // namespace belay::cli

int main(int count, char** arguments) {
  return belay::cli::guarded(&belay::cli::host_drivers, count, arguments);
}
