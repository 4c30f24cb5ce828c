#include "kernel/verifier.hpp"

#include <cstdio>

#include "kernel/executive.hpp"
#include "kernel/parts.hpp"

namespace belay::inline BELAY_BUILD::kernel {

struct lock_node;

struct lock_successor {
  lock_successor* next = nullptr;
  lock_node* lock = nullptr;
  const void* site = nullptr;  ///< who took it while the first was held
};

struct lock_node {
  lock_node* next = nullptr;  ///< in its bucket
  const void* address = nullptr;
  lock_kind kind = lock_kind::spin_lock;
  std::uint64_t seen = 0;  ///< the search that came here last
  lock_successor* after = nullptr;
};

/// All orders seen: an edge from a lock to each that was awaited while it was held.
struct lock_orders {
  static constexpr std::size_t buckets = 512;
  sync::inner_lock lock;
  lock_node* bucket[buckets] = {};
  std::uint64_t searches = 0;
};

struct verified_thread {
  static constexpr int most = 32;
  struct taken {
    const void* lock;
    lock_kind kind;
    int times;
    const void* site;
  } held[most];
  int count = 0;
  struct raise {
    std::uint8_t from, to;
  } raises[most];
  int raised = 0;
};

namespace {

bool verifier_on = true;

constexpr std::size_t line = 64;
std::size_t bucket_of(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) / line % lock_orders::buckets;
}

verified_thread& mine() {
  thread& self = current();
  if (self.verified == nullptr) self.verified = make<verified_thread>();
  return *self.verified;
}

const char* name_of(lock_kind kind) {
  constexpr const char* names[] = {"spin lock", "cancel spin lock", "fast mutex", "mutex",
                                   "resource"};
  return names[static_cast<int>(kind)];
}

lock_orders& orders() {
  executive& root = the_executive();
  const guard hold(root.lock);
  if (root.orders == nullptr) root.orders = make<lock_orders>();
  return *root.orders;
}

lock_node* find(const lock_orders& all, const void* address) {
  lock_node* each = all.bucket[bucket_of(address)];
  while (each != nullptr && each->address != address) each = each->next;
  return each;
}

lock_node& node(lock_orders& all, const void* address, lock_kind kind) {
  if (lock_node* const known = find(all, address)) return *known;
  lock_node* const made = make<lock_node>();
  made->address = address;
  made->kind = kind;
  made->next = all.bucket[bucket_of(address)];
  return *(all.bucket[bucket_of(address)] = made);
}

const lock_successor* successor(const lock_node& of, const lock_node& which) {
  const lock_successor* each = of.after;
  while (each != nullptr && each->lock != &which) each = each->next;
  return each;
}

/// The first step of a way from `from` to `to`, or nullptr.
const lock_successor* way(lock_orders& all, lock_node& from, const lock_node& to) {
  from.seen = all.searches;
  for (const lock_successor* each = from.after; each != nullptr; each = each->next) {
    if (each->lock == &to) return each;
    if (each->lock->seen != all.searches && way(all, *each->lock, to) != nullptr) return each;
  }
  return nullptr;
}

void remove_node(lock_orders& all, lock_node* gone) {
  for (lock_node*& first : all.bucket) {
    for (lock_node* each = first; each != nullptr; each = each->next) {
      for (lock_successor** at = &each->after; *at != nullptr;) {
        lock_successor* const step = *at;
        if (each != gone && step->lock != gone) {
          at = &step->next;
          continue;
        }
        *at = step->next;
        discard(step);
      }
    }
  }
  lock_node** at = &all.bucket[bucket_of(gone->address)];
  while (*at != gone) at = &(*at)->next;
  *at = gone->next;
  discard(gone);
}

[[noreturn]] void inverted(const void* lock, lock_kind kind, const verified_thread::taken& held,
                           const void* site) {
  violation what;
  what.clause = "WDM-LOCK-003";
  what.rule = "Deadlock Detection";
  what.bug_check = 0xC4;
  what.parameter[0] = 0x1001;
  what.parameter[1] = reinterpret_cast<std::uint64_t>(lock);
  what.object = lock;
  what.site = site;
  std::snprintf(what.text, sizeof what.text,
                "the %s %p is acquired while the %s %p is held; they were acquired in the other "
                "order before, so two threads can wait for each other",
                name_of(kind), lock, name_of(held.kind), held.lock);
  report(what);
}

}  // namespace

void set_verifier(bool on) {
#if !defined(BELAY_EXPLORED)
  verifier_on = on;
#else
  static_cast<void>(on);
#endif
}
bool verifier() { return verifier_on; }

bool enforced(std::uint32_t bug_check) {
  return verifier_on || (bug_check != 0xC4 && bug_check != 0xC9);
}

void lock_awaited(const void* lock, lock_kind kind, const void* site) {
  if (!verifier_on) return;
  verified_thread& self = mine();
  if (self.count == 0) return;
  for (int i = 0; i < self.count; ++i) {
    if (self.held[i].lock == lock) return;
  }
  lock_orders& all = orders();
  const verified_thread::taken* conflict = nullptr;
  {
    const guard hold(all.lock);
    lock_node& to = node(all, lock, kind);
    for (int i = 0; i < self.count && conflict == nullptr; ++i) {
      lock_node& from = node(all, self.held[i].lock, self.held[i].kind);
      if (successor(from, to) != nullptr) continue;
      ++all.searches;
      if (way(all, to, from) != nullptr) {
        conflict = &self.held[i];
        break;
      }
      auto* const step = make<lock_successor>();
      step->lock = &to;
      step->site = site;
      step->next = from.after;
      from.after = step;
    }
  }
  if (conflict != nullptr) inverted(lock, kind, *conflict, site);
}

void lock_taken(const void* lock, lock_kind kind, const void* site) {
  if (!verifier_on) return;
  verified_thread& self = mine();
  for (int i = 0; i < self.count; ++i) {
    if (self.held[i].lock != lock) continue;
    ++self.held[i].times;
    return;
  }
  if (self.count < verified_thread::most) self.held[self.count++] = {lock, kind, 1, site};
}

void lock_given_for(thread& owner, const void* lock) {
  if (owner.verified == nullptr) return;
  verified_thread& self = *owner.verified;
  for (int i = self.count - 1; i >= 0; --i) {
    if (self.held[i].lock != lock) continue;
    if (--self.held[i].times != 0) return;
    for (int j = i; j + 1 < self.count; ++j) self.held[j] = self.held[j + 1];
    --self.count;
    return;
  }
}
void lock_given(const void* lock) {
  if (thread* const self = current_if_any()) lock_given_for(*self, lock);
}

void forget_locks(const void* memory, std::size_t bytes) {
  lock_orders* const all = the_executive().orders;
  if (all == nullptr || bytes == 0) return;
  const guard hold(all->lock);
  const auto first = reinterpret_cast<std::uintptr_t>(memory) / line;
  const auto last = (reinterpret_cast<std::uintptr_t>(memory) + bytes - 1) / line;
  for (auto at = first; at <= last && at - first < lock_orders::buckets; ++at) {
    lock_node* each = all->bucket[at % lock_orders::buckets];
    while (each != nullptr) {
      lock_node* const next = each->next;
      if (within(memory, bytes, each->address)) remove_node(*all, each);
      each = next;
    }
  }
}

void forget_all_locks() {
  executive& root = the_executive();
  lock_orders* const all = root.orders;
  root.orders = nullptr;
  if (all == nullptr) return;
  for (lock_node* first : all->bucket) {
    while (first != nullptr) {
      lock_node* const gone = first;
      first = gone->next;
      while (lock_successor* const step = gone->after) {
        gone->after = step->next;
        discard(step);
      }
      discard(gone);
    }
  }
  discard(all);
}

void irql_raised(std::uint8_t from, std::uint8_t to) {
  if (!verifier_on) return;
  verified_thread& self = mine();
  if (self.raised < verified_thread::most) self.raises[self.raised++] = {from, to};
}

void irql_lowering(std::uint8_t from, std::uint8_t to) {
  const thread* const known = current_if_any();
  if (!verifier_on || known == nullptr || known->verified == nullptr) return;
  verified_thread& self = *known->verified;
  // What was raised higher than the actor is was undone in another way.
  while (self.raised > 0 && self.raises[self.raised - 1].to > from) --self.raised;
  // A level that an acquire raised to is lowered within the last raise.
  if (self.raised == 0 || to >= self.raises[self.raised - 1].to) return;
  // Several raises may be undone at once.
  const verified_thread::raise last = self.raises[self.raised - 1];
  while (self.raised > 0 && self.raises[self.raised - 1].from > to) --self.raised;
  if (self.raised > 0 && self.raises[self.raised - 1].from == to) {
    --self.raised;
    return;
  }
  BELAY_CONTRACT(false, "WDM-LOCK-011", "IrqlKeRaiseLower2", 0xC4, (0x31, from, to, 0),
                 nullptr, "KeLowerIrql to %s; the raise that it undoes was from %s", irql_name(to),
                 irql_name(last.from));
}

void free_verified(thread& self) {
  if (self.verified != nullptr) discard(self.verified);
  self.verified = nullptr;
}

}  // namespace belay::inline BELAY_BUILD::kernel
