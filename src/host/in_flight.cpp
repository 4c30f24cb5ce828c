#include "host/in_flight.hpp"

#include <algorithm>

#include "kernel/executive.hpp"
#include "wdm/irp_snapshot.hpp"

namespace belay::inline BELAY_BUILD::host {

using kernel::guard;

namespace {

// A number names an entry's place and how often the place was used.
constexpr int place_bits = 20;
constexpr std::size_t most = std::size_t{1} << place_bits;

constexpr std::size_t place_of(std::uint64_t number) { return number & (most - 1); }

}  // namespace

const char* name_of(operation what) {
  switch (what) {
    case operation::open:
      return "open";
    case operation::read:
      return "read";
    case operation::write:
      return "write";
    case operation::control:
      return "ioctl";
    case operation::flush:
      return "flush";
  }
  return "?";
}

pending& in_flight::begin(const arrival& what) {
  const guard hold(lock_);
  std::size_t place;
  if (unused_.empty()) {
    place = entries_.size();
    BELAY_ASSERT(place < most);
    entries_.emplace_back().number = place;
  } else {
    place = unused_.front();
    unused_.pop_front();
  }
  pending& entry = entries_[place];
  static_cast<arrival&>(entry) = what;
  entry.number += most;
  entry.since = sync::now();
  entry.cancel_wanted = entry.interrupted = entry.nonblocking = entry.wants_status = entry.wrapped =
      false;
  entry.exchange = entry.room = 0;
  entry.references = 2;
  entry.in = this;
  if (what.what == operation::open) entry.opening.emplace();
  ++live_;
  entry.serial = ++totals_.arrived;
  return entry;
}

wdm::request& in_flight::make_request(pending& entry, const wdm::request_options& options) {
  auto* const made = new (&entry.request) wdm::request(options);
  bool cancelled = false;
  {
    const guard hold(lock_);
    entry.has_request = true;
    cancelled = entry.cancel_wanted;
  }
  if (cancelled) made->cancel(reason_kind::user);
  return *made;
}

fuse_req* in_flight::take_answer(pending& entry) {
  const guard hold(lock_);
  fuse_req* const taken = entry.answer_to;
  entry.answer_to = nullptr;
  return taken;
}

pending* in_flight::find_locked(std::uint64_t number) {
  const std::size_t place = place_of(number);
  if (place >= entries_.size()) return nullptr;
  pending& entry = entries_[place];
  return entry.number == number && entry.references > 0 ? &entry : nullptr;
}

void in_flight::release(pending& entry) {
  {
    const guard hold(lock_);
    if (--entry.references > 0) return;
    entry.references = -1;  // nobody finds it, nobody takes it
  }
  if (entry.has_request) entry.request.~request();
  entry.opening.reset();
  const guard hold(lock_);
  entry.has_request = false;
  unused_.push_back(place_of(entry.number));
  if (--live_ == 0 && awaited_) empty_.unpark();
}

bool in_flight::cancel(std::uint64_t number, belay::reason why, bool interrupted) {
  pending* found = nullptr;
  bool there = false;
  {
    const guard hold(lock_);
    found = find_locked(number);
    if (found == nullptr) return false;
    ++found->references;
    found->cancel_wanted = true;
    if (interrupted) found->interrupted = true;
    there = found->has_request;
  }
  if (there) found->request.cancel(why);
  if (found->opening) found->opening->cancel(why);
  release(*found);
  return true;
}

bool in_flight::cancel_serial(std::uint64_t serial, belay::reason why) {
  std::uint64_t number = 0;
  bool found = false;
  visit_each([&](pending& each) {
    if (each.serial == serial) number = each.number, found = true;
    return !found;
  });
  return found && cancel(number, why);
}

std::size_t in_flight::cancel_all(belay::reason why, const open_file* file) {
  std::vector<std::uint64_t> numbers;
  visit_each([&](pending& each) {
    if (file == nullptr || each.file == file) numbers.push_back(each.number);
    return true;
  });
  for (const std::uint64_t each : numbers) cancel(each, why);
  return numbers.size();
}

void in_flight::ended(std::int32_t status) {
  constexpr auto cancelled = static_cast<std::int32_t>(0xC0000120);
  const guard hold(lock_);
  ++(status == cancelled                               ? totals_.cancelled
     : (static_cast<std::uint32_t>(status) >> 30) == 3 ? totals_.failed
                                                       : totals_.completed);
}

void in_flight::visit(bool (*visit)(void* context, pending& entry), void* context) {
  const guard hold(lock_);
  for (pending& each : entries_) {
    if (each.references > 0 && !visit(context, each)) return;
  }
}

std::vector<pending_view> in_flight::snapshot() {
  std::vector<wdm::irp_view> packets(count() + 64);
  const std::size_t found = wdm::snapshot_irps(packets.data(), packets.size());
  packets.resize(std::min(found, packets.size()));
  std::sort(packets.begin(), packets.end(), [](const wdm::irp_view& a, const wdm::irp_view& b) {
    return std::less<>()(a.owner, b.owner);
  });
  std::vector<pending_view> out;
  const sync::nanoseconds now = sync::now();
  visit_each([&](pending& each) {
    pending_view& made = out.emplace_back();
    made.serial = each.serial;
    made.what = each.what;
    made.control_code = each.control_code;
    made.size = each.size;
    made.process_id = each.process_id;
    made.device = each.device;
    made.age = now - each.since;
    made.interrupted = each.interrupted;
    if (!each.has_request) return true;
    const auto at = std::lower_bound(
        packets.begin(), packets.end(), &each.request,
        [](const wdm::irp_view& a, const wdm::request* b) { return std::less<>()(a.owner, b); });
    if (at == packets.end() || at->owner != &each.request) return true;
    made.irp = at->irp;
    made.state = wdm::name_of(at->state);
    made.cancel_requested = at->cancel_requested;
    made.routine_armed = at->routine_armed;
    return true;
  });
  std::sort(out.begin(), out.end(),
            [](const pending_view& a, const pending_view& b) { return a.serial < b.serial; });
  return out;
}

std::size_t in_flight::count() const {
  const guard hold(lock_);
  return live_;
}

tally in_flight::totals() const {
  const guard hold(lock_);
  return totals_;
}

bool in_flight::wait_until_empty(sync::nanoseconds deadline) {
  for (;;) {
    {
      const guard hold(lock_);
      awaited_ = live_ != 0;
      if (live_ == 0) return true;
    }
    if (!empty_.park(deadline)) return count() == 0;
    empty_.reset();
  }
}

}  // namespace belay::inline BELAY_BUILD::host
