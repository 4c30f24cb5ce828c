// belay-together: what `belay run DRIVER --client PROGRAM` starts. It holds the native library with
// both of its sides.
#include <sstream>

#include "cli/output.hpp"
#include "cli/registry_content.hpp"
#include "cli/run_arguments.hpp"
#include "host/together/together.hpp"

namespace belay::cli {
namespace {

int run_both(int count, char** arguments) {
  const run_arguments parsed = run_arguments::read_again(count, arguments);
  host::together_options options;
  options.drivers = parsed.drivers;
  options.program = parsed.client;
  options.registry = registry_content(parsed.registry);
  options.verifier = !parsed.no_verifier;
  std::istringstream words(parsed.client_arguments);
  for (std::string each; words >> each;) options.arguments.push_back(each);
  return host::run_together(options);
}

}  // namespace
}  // namespace belay::cli

int main(int count, char** arguments) {
  return belay::cli::guarded(&belay::cli::run_both, count, arguments);
}
