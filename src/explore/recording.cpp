#include "explore/recording.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "explore/deadlock.hpp"
#include "explore/guest_image.hpp"
#include "guest/symbols.hpp"
#include "wdm/io_manager.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

const guest_images* digest_images = nullptr;

// The same in every process: the arena always lies at the same place, the images do not, and our
// own addresses mean nothing.
std::uint64_t portable(std::uint64_t address) {
  const sync::arena& memory = sync::world().memory();
  if (address - memory.base() < sync::arena::size) return address;
  return digest_images != nullptr ? digest_images->portable(address) : 0;
}

constexpr std::uint64_t irp_cancel_routine = 0x68;  // its offset in an IRP

struct field {
  std::uint32_t offset;
  const char* name;
};

// Fields of an IRP on x64 Windows, in order.
constexpr field irp_fields[] = {
    {0x00, "Type"},
    {0x02, "Size"},
    {0x08, "MdlAddress"},
    {0x10, "Flags"},
    {0x18, "AssociatedIrp"},
    {0x20, "ThreadListEntry"},
    {0x30, "IoStatus.Status"},
    {0x38, "IoStatus.Information"},
    {0x40, "RequestorMode"},
    {0x41, "PendingReturned"},
    {0x42, "StackCount"},
    {0x43, "CurrentLocation"},
    {0x44, "Cancel"},
    {0x45, "CancelIrql"},
    {0x46, "ApcEnvironment"},
    {0x47, "AllocationFlags"},
    {0x48, "UserIosb"},
    {0x50, "UserEvent"},
    {0x58, "Overlay"},
    {0x68, "CancelRoutine"},
    {0x70, "UserBuffer"},
    {0x78, "Tail.Overlay.DriverContext"},
    {0x98, "Tail.Overlay.Thread"},
    {0xa0, "Tail.Overlay.AuxiliaryBuffer"},
    {0xa8, "Tail.Overlay.ListEntry"},
    {0xb8, "Tail.Overlay.CurrentStackLocation"},
    {0xc0, "Tail.Overlay.OriginalFileObject"},
    {0xc8, "Tail"},
    {0xd0, "stack location"},
};

/// What lies in the guests, by their symbols.
class guest_symbols {
 public:
  explicit guest_symbols(const guest_images& of) {
    for (const guest_image& each : of.all()) {
      auto opened = guest::symbols::open(each.path(), each.bias());
      if (opened) all_.push_back({std::move(*opened), each.name()});
    }
  }
  bool contains(std::uint64_t address) const { return of(address) != nullptr; }
  /// With the driver's name where there are several: "stack_upper!Device".
  std::string name_of(std::uint64_t address) const {
    const one* const in = of(address);
    std::string name = in != nullptr ? in->of.name_of(address) : "";
    return name.empty() || all_.size() == 1 ? name : in->name + "!" + name;
  }
  /// The driver that the innermost of these addresses lies in, where there are several.
  std::string driver_of(const std::vector<std::uint64_t>& return_addresses) const {
    for (const std::uint64_t address : return_addresses) {
      const one* const in = of(address);
      if (in != nullptr && all_.size() > 1) return in->name;
    }
    return {};
  }
  source_location where(std::uint64_t site) const {
    const one* const in = of(site);
    return in != nullptr ? in->of.where(site) : source_location{};
  }
  std::vector<stack_frame> stack(const std::vector<std::uint64_t>& return_addresses) const {
    std::vector<stack_frame> result;
    for (const std::uint64_t address : return_addresses) {
      const one* const in = of(address);
      if (in == nullptr) continue;
      const auto frames = in->of.frames(address);
      result.insert(result.end(), frames.begin(), frames.end());
    }
    return result;
  }

 private:
  struct one {
    guest::symbols of;
    std::string name;
  };
  const one* of(std::uint64_t address) const {
    for (const one& each : all_) {
      if (each.of.contains(address)) return &each;
    }
    return nullptr;
  }

  std::vector<one> all_;
};

/// Names for the addresses of one execution, numbered as they appear.
class names {
 public:
  explicit names(const guest_symbols& of) : symbols_(of) {}

  void irp(std::uint64_t address) { irps_.emplace(address, irps_.size() + 1); }

  std::string of(std::uint64_t address) {
    if (address == 0) return {};
    const sync::arena& memory = sync::world().memory();
    if (symbols_.contains(address)) return symbols_.name_of(address);
    if (const int actor = memory.stack_of(address); actor >= 0) {
      return fmt::format("stack of {}", sync::world().at(actor).name);
    }
    char known[64];
    if (wdm::name_address(reinterpret_cast<const void*>(address), known, sizeof known))
      return known;
    std::uintptr_t start = 0;
    std::size_t bytes = 0;
    if (!memory.find_block(address, &start, &bytes)) return {};
    auto at = irps_.upper_bound(address);
    if (at != irps_.begin()) {
      --at;
      if (at->first >= start && address < at->first + 0x400)
        return irp_name(at->second, address - at->first);
    }
    const auto [block, fresh] = blocks_.emplace(start, blocks_.size() + 1);
    static_cast<void>(fresh);
    const std::uint64_t offset = address - start;
    return offset == 0 ? fmt::format("block {}", block->second)
                       : fmt::format("block {}+{:#x}", block->second, offset);
  }

 private:
  static std::string irp_name(std::size_t number, std::uint64_t offset) {
    if (offset == 0) return fmt::format("irp {}", number);
    const field* best = irp_fields;
    for (const field& each : irp_fields) {
      if (each.offset <= offset) best = &each;
    }
    return fmt::format("irp {} {}", number, best->name);
  }

  const guest_symbols& symbols_;
  std::map<std::uint64_t, std::size_t> irps_;
  std::map<std::uint64_t, std::size_t> blocks_;
};

const char* name_of(sync::access_kind kind) {
  switch (kind) {
    case sync::access_kind::none:
      return "";
    case sync::access_kind::start:
      return "starts";
    case sync::access_kind::read:
      return "read";
    case sync::access_kind::write:
      return "write";
    case sync::access_kind::update:
      return "update";
    case sync::access_kind::acquire:
      return "acquire";
    case sync::access_kind::release:
      return "release";
    case sync::access_kind::wait:
      return "goes on";
    case sync::access_kind::yield:
      return "yield";
  }
  return "";
}

}  // namespace

sync::actor_id event_recorder::choose(const sync::decision& what) {
  const sync::actor_id chosen = inner_.choose(what);
  preempting_ = what.current_goes_on && chosen >= 0 && chosen != what.current;
  return chosen;
}

void event_recorder::note_armed() {
  const std::uint64_t irp = exchanged_;
  if (irp == 0) return;
  exchanged_ = 0;
  if (*reinterpret_cast<void* const*>(irp + irp_cancel_routine) == nullptr) return;
  raw_event armed = exchange_;
  armed.access = {};
  armed.note = "irp:armed";
  armed.object = irp;
  const bool preempts = preempting_;  // the step that comes, not this one
  preempting_ = false;
  add(armed);
  preempting_ = preempts;
}

void event_recorder::add(raw_event what) {
  const sync::scheduler& s = sync::world();
  what.step = s.steps();
  what.irql = s.current() >= 0 ? s.at(s.current()).interrupt_level : 0;
  what.time = s.now();
  what.preempted = preempting_;
  preempting_ = false;
  digest_ = sync::mix(digest_, what.step);
  digest_ = sync::mix(digest_, static_cast<std::uint64_t>(what.actor));
  digest_ = sync::mix(digest_, static_cast<std::uint64_t>(what.access.kind));
  digest_ = sync::mix(digest_, portable(what.access.address));
  digest_ = sync::mix(digest_, portable(what.object));
  digest_ = sync::mix(digest_, portable(what.site));
  for (const char* c = what.note; c != nullptr && *c != 0; ++c) {
    digest_ = sync::mix(digest_, static_cast<unsigned char>(*c));
  }
  events_.push_back(what);
}

void event_recorder::on_step(sync::actor_id who, const sync::pending_access& what,
                             const void* site) {
  note_armed();
  raw_event it{};
  it.actor = who;
  it.access = what;
  it.object = what.address;
  it.site = reinterpret_cast<std::uint64_t>(site);
  add(it);
  if (what.kind != sync::access_kind::update) return;
  for (const std::uint64_t irp : irps_) {
    if (what.address == irp + irp_cancel_routine) exchanged_ = irp, exchange_ = it;
  }
}

void event_recorder::on_note(sync::actor_id who, const char* what, const void* object,
                             const void* site) {
  note_armed();
  if (std::strcmp(what, "irp:allocated") == 0)
    irps_.push_back(reinterpret_cast<std::uint64_t>(object));
  raw_event it{};
  it.actor = who;
  it.note = what;
  it.object = reinterpret_cast<std::uint64_t>(object);
  it.site = reinterpret_cast<std::uint64_t>(site);
  add(it);
}

trace head_of(const search_result& from, const search_options& options) {
  trace to;
  to.strategy = from.found_by;
  to.seed = options.seed;
  to.found_at = from.found_at;
  to.found_after = from.found_after;
  to.preemptions = from.preemptions;
  to.minimal = from.minimal;
  to.directives = from.directives;
  to.shared = from.shared;
  const auto identities = sync::world().identities();
  to.identities.assign(identities.begin(), identities.end());
  return to;
}

execution record(program& what, const std::vector<directive>& directives,
                 const guest_images& images, trace& into) {
  directed by;
  by.start(directives);
  event_recorder recorder(by);
  digest_images = &images;
  sync::world().set_recorder(&recorder);
  execution out = run_to_finding(what, recorder);
  sync::world().set_recorder(nullptr);

  const guest_symbols known(images);
  names naming(known);
  into.events.clear();
  into.actors.clear();
  std::uint64_t seen = 0;
  sync::nanoseconds time = 0;
  for (const auto& raw : recorder.events()) {
    event it;
    it.step = raw.step;
    it.actor = raw.actor;
    it.object = raw.object;
    it.irql = raw.irql;
    it.time = raw.time;
    it.preempted = raw.preempted;
    if (raw.note != nullptr) {
      const bool state = std::strncmp(raw.note, "irp:", 4) == 0;
      it.kind = state ? event_kind::irp_state : event_kind::call;
      it.what = state ? raw.note + 4 : raw.note;
      if (state) naming.irp(raw.object);
    } else {
      it.what = name_of(raw.access.kind);
    }
    it.object_name = naming.of(raw.object);
    it.where = known.where(raw.site);
    if (raw.time != time) {
      event clock;
      clock.step = raw.step;
      clock.kind = event_kind::clock;
      clock.what = "clock";
      clock.time = time = raw.time;
      into.events.push_back(clock);
      seen |= 1;
    }
    seen |= std::uint64_t{1} << raw.actor;
    into.events.push_back(std::move(it));
  }
  for (; seen != 0; seen &= seen - 1) {
    const int id = __builtin_ctzll(seen);
    into.actors.push_back({id, id == sync::clock_actor ? "clock" : sync::world().at(id).name});
  }
  into.digest = recorder.digest();
  into.stack.clear();
  if (out.found) {
    into.found = *out.found;
    into.stack = known.stack(out.found->stack);
    into.in_driver = known.driver_of(out.found->stack);
    into.object_name = naming.of(out.found->object);
  }
  return out;
}

}  // namespace belay::inline BELAY_BUILD::explore
