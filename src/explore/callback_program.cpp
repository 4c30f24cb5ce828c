#include "explore/callback_program.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "explore/control_codes.hpp"
#include "explore/memory_fault.hpp"
#include "explore/recording.hpp"
#include "guest/symbols.hpp"
#include "kernel/registry.hpp"
#include "sync/sync.hpp"
#include "wdm/io_manager.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

constexpr std::uint8_t create = 0, pnp = 27;

}  // namespace

// ---- one execution -----------------------------------------------------------------------------

void callback_program::start() {
  images_.restore();
  load_status_ = 0;
  found_ = {};
  has_device_ = false;
  answer_ = {};
  lower_calls_ = 0;
  sync::spawn(
      {.name = "system", .key = reinterpret_cast<const void*>(std::uintptr_t{1})},
      [](void* p) { static_cast<callback_program*>(p)->run_system(); }, this);
}

void callback_program::run_system() {
  wdm::start();
  kernel::change_registry_as(registry_);
  const bool whole = what_.kind == callback_kind::unload;
  wdm::model_lower_driver(!whole && what_.kind != callback_kind::entry);
  run_driver();
  if (!whole) sync::world().abandon();  // what is in flight stays there
}

void callback_program::run_driver() {
  const guest_image& image = images_.under_test();
  const auto [start, end] = image.code();
  const wdm::load_result loaded = wdm::load_driver(
      reinterpret_cast<wdm::driver_entry>(image.entry()), image.name().c_str(),
      {reinterpret_cast<const void*>(start), static_cast<std::size_t>(end - start)});
  load_status_ = loaded.status;
  if (loaded.driver == nullptr) return;
  found_ = wdm::callbacks_of(loaded.driver);
  wdm::visit_devices(
      loaded.driver,
      [](void* self, const wdm::device_view& view) {
        static_cast<callback_program*>(self)->has_device_ = true;
        static_cast<callback_program*>(self)->device_type_ = view.device_type;
        return false;
      },
      this);
  call(loaded.driver);
  lower_calls_ = wdm::lower_calls();
}

void callback_program::call(_DRIVER_OBJECT* driver) {
  switch (what_.kind) {
    case callback_kind::entry:
    case callback_kind::add_device:
      return;
    case callback_kind::unload:
      return wdm::unload_driver(driver);
    case callback_kind::dispatch:
      return dispatch(driver);
    case callback_kind::dpc:
      if (found_.dpc[what_.device] == nullptr) return;
      if (what_.started) {
        wdm::call_dispatch(wdm::device_to_call(driver), nullptr, pnp, 0);
      }
      wdm::answer_from_below(what_.lower);
      answer_ = wdm::call_dpc(driver, what_.device);
  }
}

void callback_program::dispatch(_DRIVER_OBJECT* driver) {
  _DEVICE_OBJECT* const device = wdm::device_to_call(driver);
  if (device == nullptr) return;
  if (what_.started && !wdm::call_dispatch(device, nullptr, pnp, 0).completed) return;
  if (what_.major == create) {
    wdm::answer_from_below(what_.lower);
    const wdm::open_result opened = wdm::open(device);
    answer_ = {true, opened.status};
    return;
  }
  _FILE_OBJECT* file = nullptr;
  if (what_.has_file()) {
    if (what_.opened) file = wdm::open(device).file;
    if (file == nullptr) file = wdm::make_unopened_file(device);
  }
  wdm::answer_from_below(what_.lower);
  answer_ = wdm::call_dispatch(device, file, what_.major, what_.control_code);
}

// ---- all callbacks -----------------------------------------------------------------------------

namespace {

class callback_checker {
 public:
  callback_checker(const guest_images& images, const search_options& options,
                   const std::vector<guest::registry_change>& registry)
      : images_(images), options_(options), program_(images, registry) {
    auto opened = guest::symbols::open(images.under_test().path(), images.under_test().bias());
    if (opened) symbols_.emplace_back(std::move(*opened));
  }

  callbacks_result run();

 private:
  /// Explores it under each answer of the drivers beneath. Returns: it holds, and came back with
  /// success where they succeed.
  bool check(const callback& of, const void* routine);
  /// The callbacks of its devices.
  void check_device(const wdm::driver_callbacks& at_entry);
  /// Adds one search to `to`. Returns: whether to go on with the next.
  bool explore_one(const callback& what, callback_result& to);
  std::vector<std::uint32_t> control_codes() const;
  /// With the driver's name for the routine, and its place.
  callback named(callback what, const void* routine) const;
  /// A callback that cannot be called, and why.
  void leave_out(const callback& what, const void* routine, const std::string& why);
  void record_example(callback_result& to, const search_result& from);

  const guest_images& images_;
  search_options options_;
  callback_program program_;
  std::vector<guest::symbols> symbols_;  // one, or none
  callbacks_result out_;
  std::uint32_t device_type_ = 0;
};

callback callback_checker::named(callback what, const void* routine) const {
  if (routine == nullptr || symbols_.empty()) return what;
  const auto address = reinterpret_cast<std::uint64_t>(routine);
  what.routine = symbols_.front().name_of(address);
  what.where = symbols_.front().where(address);
  return what;
}

void callback_checker::leave_out(const callback& what, const void* routine,
                                 const std::string& why) {
  callback_result result;
  result.of = named(what, routine);
  result.why = why;
  out_.all.push_back(std::move(result));
}

// What the driver's code seems to know, and one that nobody does.
std::vector<std::uint32_t> callback_checker::control_codes() const {
  constexpr std::size_t most = 16;
  std::vector<std::uint32_t> codes = control_code_candidates(images_.under_test(), device_type_);
  if (codes.size() > most) codes.resize(most);
  codes.push_back(device_type_ << 16 | 0x3ffcu);
  return codes;
}

void callback_checker::record_example(callback_result& to, const search_result& from) {
  trace example = head_of(from, options_);
  example.of = to.of;
  sync::guest().restore_shared_set(example.shared);
  if (!record(program_, from.directives, images_, example).found) {
    to.what = verdict::nondeterministic;
    to.why = "the finding did not come about again when it was recorded";
    return;
  }
  to.example = std::move(example);
}

bool callback_checker::explore_one(const callback& what, callback_result& to) {
  sync::guest().forget();
  sync::guest().set_fault_handler(&report_memory_fault);
  program_.set(what);
  const search_result found = search(program_, options_);
  to.executions += found.executions;
  if (found.what == verdict::holds) return true;
  to.of = what;
  to.what = found.what;
  to.why = found.why;
  if (found.what == verdict::violation) record_example(to, found);
  return false;
}

bool callback_checker::check(const callback& of, const void* routine) {
  callback what = named(of, routine);
  callback_result result;
  result.of = what;
  bool went_well = false;
  const auto codes = what.is_control() ? control_codes() : std::vector<std::uint32_t>{0};
  bool holds = true;
  for (const std::uint32_t code : codes) {
    what.control_code = code;
    what.lower = wdm::lower_answer::success;
    holds = explore_one(what, result);
    if (!holds) break;
    went_well = program_.answer().completed && program_.answer().status >= 0;
    if (program_.lower_calls() == 0) continue;
    for (const auto answer : {wdm::lower_answer::failure, wdm::lower_answer::pending}) {
      what.lower = answer;
      holds = holds && explore_one(what, result);
    }
    if (!holds) break;
  }
  if (holds) result.what = verdict::holds;
  out_.all.push_back(std::move(result));
  return holds && went_well;
}

void callback_checker::check_device(const wdm::driver_callbacks& at_entry) {
  if (out_.all.back().what != verdict::holds) return;  // there is no telling what it made
  const bool added = program_.load_status() >= 0;
  const wdm::driver_callbacks found = added ? program_.found() : at_entry;
  const bool has_device = added && program_.has_device();
  const std::string why =
      added ? "the driver has made no device to send it to"
            : fmt::format("AddDevice returned {:#010x}, so there is no device to send it to",
                          static_cast<std::uint32_t>(program_.load_status()));
  device_type_ = program_.device_type();
  bool started = false, opened = false;
  const auto dispatch = [&](std::uint8_t major) {
    const void* const routine = found.dispatch[major];
    callback what{.kind = callback_kind::dispatch, .major = major, .started = started};
    what.opened = opened && what.has_file();
    if (routine != nullptr && !has_device) leave_out(what, routine, why);
    return routine != nullptr && has_device && check(what, routine);
  };
  started = dispatch(pnp);
  opened = dispatch(create);
  for (std::uint8_t major = 1; major < pnp; ++major) dispatch(major);
  for (int i = 0; i < static_cast<int>(std::size(found.dpc)) && has_device; ++i) {
    if (found.dpc[i] == nullptr) continue;
    check({.kind = callback_kind::dpc, .device = i, .started = started}, found.dpc[i]);
  }
}

callbacks_result callback_checker::run() {
  check({.kind = callback_kind::entry}, images_.under_test().entry());
  out_.load_status = program_.load_status();
  if (out_.all.back().what != verdict::holds || out_.load_status < 0) return out_;
  const wdm::driver_callbacks found = program_.found();
  const void* const unload = found.unload;
  if (found.add_device != nullptr) check({.kind = callback_kind::add_device}, found.add_device);
  check_device(found);
  if (unload != nullptr) check({.kind = callback_kind::unload}, unload);
  return out_;
}

}  // namespace

callbacks_result explore_callbacks(const guest_images& images, const search_options& options,
                                   const std::vector<guest::registry_change>& registry) {
  return callback_checker(images, options, registry).run();
}

}  // namespace belay::inline BELAY_BUILD::explore
