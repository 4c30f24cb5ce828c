#include "sync/explored/races.hpp"

namespace belay::inline BELAY_BUILD::sync {

race_detector the_race_detector;

namespace {

// Doubles an open-addressed table of cells with a generation; `key_of` gives the hashed member.
template <class Cell, class Key>
void grow(std::vector<Cell>& cells, std::uint64_t generation, Key key_of) {
  std::vector<Cell> old(cells.size() * 2);
  old.swap(cells);
  const std::size_t mask = cells.size() - 1;
  for (const Cell& from : old) {
    if (from.generation != generation) continue;
    std::size_t i = (key_of(from) * 0x9E3779B97F4A7C15u) >> 20 & mask;
    while (cells[i].generation == generation) i = (i + 1) & mask;
    cells[i] = from;
  }
}

}  // namespace

void race_detector::reset() {
  if (!on_) return;
  ++generation_;
  released_used_ = plains_used_ = many_used_ = 0;
  if (syncs_.empty()) {
    syncs_.resize(1 << 10);
    plains_.resize(1 << 12);
  }
  top_ = 8;
  for (std::size_t i = 0; i < top_; ++i) {
    clocks_[i] = {};
    clocks_[i][i] = 1;
  }
}

void race_detector::hand_over(actor_id parent, actor_id child) {
  while (slot(child) >= top_) {
    for (std::size_t i = top_; i < top_ + 8; ++i) {
      clocks_[i] = {};
      clocks_[i][i] = 1;
    }
    top_ += 8;
  }
  join(clocks_[slot(child)], clocks_[slot(parent)]);
  ++clocks_[slot(child)][slot(child)];
  ++clocks_[slot(parent)][slot(parent)];
}

race_detector::clock& race_detector::released(std::uintptr_t address) {
  if (released_used_ * 2 > syncs_.size()) {
    grow(syncs_, generation_, [](const sync_cell& c) { return c.address; });
  }
  const std::size_t mask = syncs_.size() - 1;
  for (std::size_t i = place(address, syncs_.size());; i = (i + 1) & mask) {
    sync_cell& at = syncs_[i];
    if (at.generation == generation_ && at.address == address) return released_[at.clock];
    if (at.generation == generation_) continue;
    if (released_used_ == released_.size()) released_.emplace_back();
    at = {address, generation_, static_cast<std::uint32_t>(released_used_)};
    return released_[released_used_++] = {};
  }
}

race_detector::plain_cell& race_detector::cell(std::uintptr_t granule) {
  if (plains_used_ * 2 > plains_.size()) {
    grow(plains_, generation_, [](const plain_cell& c) { return c.granule; });
  }
  const std::size_t mask = plains_.size() - 1;
  for (std::size_t i = place(granule, plains_.size());; i = (i + 1) & mask) {
    plain_cell& at = plains_[i];
    if (at.generation == generation_ && at.granule == granule) return at;
    if (at.generation == generation_) continue;
    ++plains_used_;
    at = {granule, generation_, 0, 0, -1, -1, -1};
    return at;
  }
}

void race_detector::sync(actor_id who, const volatile void* at, bool acquire, bool release,
                         bool replaces) {
  const std::size_t me = slot(who);
  clock& mine = clocks_[me];
  clock& last = released(reinterpret_cast<std::uintptr_t>(at));
  if (acquire) join(mine, last);
  if (release) {
    if (replaces) {
      last = mine;
    } else {
      join(last, mine);  // an update goes on with the release sequence that it read from
    }
    ++mine[me];
  } else if (replaces) {
    last = {};  // a relaxed store ends the release sequence
  }
}

bool race_detector::unordered_write(const plain_cell& it, const clock& mine) const {
  if (it.writer >= 0 && it.write_time > mine[static_cast<std::size_t>(it.writer)]) return true;
  if (it.readers < 0)
    return it.reader >= 0 && it.read_time > mine[static_cast<std::size_t>(it.reader)];
  const clock& readers = many_[static_cast<std::size_t>(it.readers)];
  for (std::size_t i = 0; i < top_; ++i) {
    if (readers[i] > mine[i]) return true;
  }
  return false;
}

bool race_detector::would_race(actor_id who, std::uintptr_t address) const {
  const std::uintptr_t granule = address >> 3;
  const std::size_t mask = plains_.size() - 1;
  for (std::size_t i = place(granule, plains_.size());; i = (i + 1) & mask) {
    const plain_cell& at = plains_[i];
    if (at.generation != generation_) return false;
    if (at.granule == granule) return unordered_write(at, clocks_[slot(who)]);
  }
}

bool race_detector::plain(actor_id who, std::uintptr_t address, bool writes) {
  if (!on_) return false;
  const std::size_t me = slot(who);
  const clock& mine = clocks_[me];
  plain_cell& it = cell(address >> 3);
  bool race;
  if (writes) {
    race = unordered_write(it, mine);
    it.writer = static_cast<std::int16_t>(me);
    it.write_time = mine[me];
    it.reader = -1;
    it.readers = -1;
  } else {
    race = it.writer >= 0 && it.write_time > mine[static_cast<std::size_t>(it.writer)];
    if (it.readers >= 0) {
      many_[static_cast<std::size_t>(it.readers)][me] = mine[me];
    } else if (it.reader < 0 || it.reader == static_cast<std::int16_t>(me) ||
               it.read_time <= mine[static_cast<std::size_t>(it.reader)]) {
      it.reader = static_cast<std::int16_t>(me);
      it.read_time = mine[me];
    } else {
      if (many_used_ == many_.size()) many_.emplace_back();
      clock& readers = many_[many_used_] = {};
      readers[static_cast<std::size_t>(it.reader)] = it.read_time;
      readers[me] = mine[me];
      it.readers = static_cast<std::int32_t>(many_used_++);
    }
  }
  if (race && on_race_ != nullptr) on_race_(reinterpret_cast<const void*>(address));
  return race;
}

}  // namespace belay::inline BELAY_BUILD::sync
