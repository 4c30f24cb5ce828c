#include "explore/check.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <sys/resource.h>

#include "explore/control_codes.hpp"
#include "explore/driver_program.hpp"
#include "explore/guest_image.hpp"
#include "explore/memory_fault.hpp"
#include "explore/recording.hpp"
#include "guest/guest_file.hpp"
#include "guest/version.hpp"
#include "kernel/executive.hpp"
#include "sync/sync.hpp"
#include "win32/crt.hpp"
#include "win32/services.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

std::string printed;
bool keep_prints = false;

void on_print(const char* text) {
  constexpr std::size_t most = 64 * 1024;
  if (keep_prints && printed.size() < most) printed += text;
}

// The drivers are there before the program comes: whichever service it installs, its driver is.
win32::service_answer find_loaded_driver(win32::service_request what, const char16_t*,
                                         const char16_t*) {
  return what == win32::service_request::exists ? win32::service_answer::already
                                                : win32::service_answer::done;
}

std::size_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

/// The drivers ready to be explored.
struct subject {
  std::vector<guest::guest_file> files;
  guest_images images;

  const guest::guest_file& under_test() const { return files.back(); }
  /// Says in the trace what it is of.
  void name_in(trace& to) const;
};

void subject::name_in(trace& to) const {
  to.belay_version = guest::version;
  to.driver = under_test().path;
  to.build_id = under_test().build_id;
  to.compiler = under_test().compiler;
  for (const guest::guest_file& each : files) {
    if (&each != &under_test()) to.with_drivers.push_back({each.path, each.build_id});
  }
}

// `client`: the first path is a program.
tl::expected<subject, refusal> open_subject(std::vector<std::string> paths, bool client) {
  subject out;
  if (paths.size() > guest_images::most) {
    return tl::unexpected(refusal{2, fmt::format("{} drivers: at most {} can be explored together",
                                                 paths.size(), guest_images::most)});
  }
  for (const std::string& path : paths) {
    const auto kind =
        client && out.files.empty() ? guest::guest_kind::client : guest::guest_kind::driver;
    auto file = guest::inspect(path, kind);
    if (!file) return tl::unexpected(file.error());
    auto image = guest_image::load(path, kind);
    if (!image) return tl::unexpected(image.error());
    out.files.push_back(std::move(*file));
    out.images.add(std::move(*image));
  }
  sync::guest().forget();
  sync::guest().set_fault_handler(&report_memory_fault);
  kernel::set_print_sink(&on_print);
  win32::set_console_sink([](win32::console_stream, const char* text, std::size_t length) {
    on_print(std::string(text, length).c_str());
  });
  win32::set_service_loader(&find_loaded_driver);
  install_crash_handlers();
  return out;
}

std::vector<std::string> paths_of(const check_options& options) {
  std::vector<std::string> paths = options.what.with_drivers;
  if (!options.what.client.empty()) paths.insert(paths.begin(), options.what.client);
  paths.push_back(options.driver);
  return paths;
}

request_plan control_plan(std::uint32_t code) {
  return {.op = operation::control, .code = code, .input = std::vector<std::uint8_t>(64, 0)};
}

/// What the driver answers to one request: its dispatch routine's status, or the clause that it
/// broke.
std::string answer_to(driver_program& driver, const request_plan& what) {
  scenario probe;
  probe.registry = driver.what().registry;
  probe.clients = 1;
  probe.plan.push_back(what);
  probe.plan.back().cancel = cancel_when::never;
  driver.set_scenario(probe);
  directed straight;
  straight.start({});
  const execution it = execute(driver, straight);
  if (!driver.answers().empty())
    return fmt::format("{:#x}", static_cast<std::uint32_t>(driver.answers()[0]));
  return it.found ? it.found->clause : "nothing";
}

/// The control codes that the driver serves: of those in its code, the ones that it answers
/// otherwise than a code that nobody has. At most four.
std::vector<request_plan> control_plans(driver_program& driver, const guest_images& images) {
  constexpr std::size_t most = 4;
  const std::uint32_t nobodys = driver.device_type() << 16 | 0x3ffcu;
  driver.keep_answers(true);
  const std::string unknown = answer_to(driver, control_plan(nobodys));
  std::vector<request_plan> plans;
  for (const guest_image& image : images.all()) {
    for (const std::uint32_t code : control_code_candidates(image, driver.device_type())) {
      if (code == nobodys || plans.size() == most) continue;
      const request_plan plan = control_plan(code);
      if (std::find(plans.begin(), plans.end(), plan) != plans.end()) continue;
      if (answer_to(driver, plan) != unknown) plans.push_back(plan);
    }
  }
  driver.keep_answers(false);
  if (plans.empty()) plans.push_back(control_plan(nobodys));
  return plans;
}

/// One entry of each kind that the driver serves, when the scenario does not say.
std::vector<request_plan> plan_for(driver_program& driver, const guest_images& images) {
  std::vector<request_plan> plan;
  if (driver.serves_read()) plan.push_back({.op = operation::read, .input = {}});
  if (driver.serves_write()) {
    plan.push_back(
        {.op = operation::write, .length = 0, .input = std::vector<std::uint8_t>(64, 0x5a)});
  }
  if (driver.serves_control()) {
    for (request_plan& each : control_plans(driver, images)) plan.push_back(std::move(each));
  }
  return plan;
}

void set_processors(const scenario& what) { sync::world().set_cpus(what.cpus); }

}  // namespace

tl::expected<check_result, refusal> check_driver(const check_options& options) {
  const bool client = !options.what.client.empty();
  auto opened = open_subject(paths_of(options), client);
  if (!opened) return tl::unexpected(opened.error());
  check_result out;
  out.what = options.what;
  set_processors(out.what);

  // What does it serve? Load and unload it once, with no client.
  scenario nobody = options.what;
  nobody.plan.clear();
  nobody.client.clear();
  driver_program program(opened->images, nobody);
  directed straight;
  straight.start({});
  keep_prints = true;
  const execution first = execute(program, straight);
  keep_prints = false;
  if (!first.found && program.load_status() < 0) {
    return tl::unexpected(refusal{
        2, fmt::format(
               "{}: DriverEntry returned {:#010x}, so there is nothing to check; it printed: {}",
               opened->files[program.loaded_last()].path,
               static_cast<std::uint32_t>(program.load_status()),
               printed.empty() ? "nothing" : printed.substr(0, 400))});
  }
  if (!first.found && program.device().empty()) {
    return tl::unexpected(refusal{
        2,
        options.what.device.empty()
            ? fmt::format("{}: DriverEntry made no device that a client could open", options.driver)
            : fmt::format("{}: no device is named {}; leave `device` out to use the first one",
                          options.driver, options.what.device)});
  }
  if (!first.found && !program.unknown_device().empty()) {
    return tl::unexpected(refusal{2, fmt::format("{}: no device is named {}, which a [[client]] of "
                                                 "the scenario wants to open",
                                                 options.driver, program.unknown_device())});
  }
  const std::string device = program.device();
  if (!client && out.what.plan.empty() && !first.found)
    out.what.plan = plan_for(program, opened->images);
  if (!client && !first.found && out.what.plan.empty()) {
    return tl::unexpected(
        refusal{2, fmt::format("{}: the driver serves no read, write or device control; "
                               "nothing can be cancelled",
                               options.driver)});
  }
  if (out.what.device.empty()) out.what.device = device;

  program.set_scenario(out.what);
  out.search = search(program, options.search);
  out.shared_granules = sync::guest().shared_granules();
  if (out.search.executions == 1 && !out.search.found && program.open_status() < 0) {
    return tl::unexpected(
        refusal{2, fmt::format("{}: opening the device failed with {:#010x}", options.driver,
                               static_cast<std::uint32_t>(program.open_status()))});
  }
  if (out.search.what == verdict::violation) {
    trace example = head_of(out.search, options.search);
    opened->name_in(example);
    example.what = out.what;
    sync::guest().restore_shared_set(example.shared);
    printed.clear();
    keep_prints = true;
    const execution last = record(program, example.directives, opened->images, example);
    keep_prints = false;
    if (!last.found) {
      out.search.what = verdict::nondeterministic;
      out.search.why = "the counter-example did not come about again when it was recorded";
    }
    out.printed = printed;
    out.example = std::move(example);
  }
  out.peak_memory = peak_memory();
  return out;
}

tl::expected<callbacks_result, refusal> check_callbacks(const check_options& options) {
  auto opened = open_subject({options.driver}, false);
  if (!opened) return tl::unexpected(opened.error());
  set_processors(options.what);
  keep_prints = true;
  callbacks_result out = explore_callbacks(opened->images, options.search, options.what.registry);
  keep_prints = false;
  if (out.load_status < 0) {
    return tl::unexpected(refusal{
        2, fmt::format("{}: DriverEntry returned {:#010x}, so there is nothing to check; it "
                       "printed: {}",
                       options.driver, static_cast<std::uint32_t>(out.load_status),
                       printed.empty() ? "nothing" : printed.substr(0, 400))});
  }
  for (callback_result& each : out.all) {
    if (!each.example) continue;
    opened->name_in(*each.example);
    scenario& what = each.example->what;
    what.clients = what.requests = 0;
    what.cpus = options.what.cpus;
    what.registry = options.what.registry;
  }
  return out;
}

tl::expected<replay_result, refusal> replay_trace(const trace& from, const std::string& driver,
                                                  int times) {
  std::vector<std::string> paths, ids;
  for (const trace::other_driver& each : from.with_drivers) {
    paths.push_back(each.driver);
    ids.push_back(each.build_id);
  }
  paths.push_back(driver);
  ids.push_back(from.build_id);
  auto opened = open_subject(paths, !from.what.client.empty());
  if (opened) opened->images.call_under_test(from.driver);
  if (!opened) return tl::unexpected(opened.error());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (opened->files[i].build_id == ids[i]) continue;
    return tl::unexpected(refusal{
        2,
        fmt::format(
            "{}: the trace was made of other code (build id {}, this one is {}); run `belay check` "
            "again",
            paths[i], ids[i], opened->files[i].build_id)});
  }
  set_processors(from.what);
  driver_program scenario(opened->images, from.what);
  callback_program by_itself(opened->images, from.what.registry);
  if (from.of) by_itself.set(*from.of);
  program& what = from.of ? static_cast<program&>(by_itself) : scenario;
  sync::guest().restore_shared_set(from.shared);
  std::array<std::uint64_t, sync::max_actors> identities{};
  std::copy_n(from.identities.begin(), std::min(from.identities.size(), identities.size()),
              identities.begin());
  sync::world().set_identities(identities);
  replay_result out;
  out.same = true;
  for (int i = 0; i < times && out.same; ++i) {
    out.now = from;
    out.run = record(what, from.directives, opened->images, out.now);
    if (!out.run.found) {
      out.same = false;
      out.difference = "nothing was found this time";
    } else if (out.run.found->signature() != from.found.signature()) {
      out.same = false;
      out.difference = "it found " + out.run.found->clause + " this time, not " + from.found.clause;
    } else if (out.now.digest != from.digest) {
      out.same = false;
      out.difference = "the finding is the same but the events before it differ";
    }
  }
  return out;
}

}  // namespace belay::inline BELAY_BUILD::explore
