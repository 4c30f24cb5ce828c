// Programs over one source: owners that register and deregister a listener each, cancellers, and
// what must hold whichever way they interleave. Templates, so that the same programs run on
// deliberately wrong sources.
//
// An owner is a string: `+` or `-`, whether its listener is registered before the program starts,
// and then what it does in turn:
//   a  add                  t  try_remove           y  remove_async, and wait for the call
//   r  remove               u  remove_until a time  w  wait for all cancellers to return
// At its end each owner removes what is still registered and frees the listener. A keeper frees the
// source as soon as the contract allows: when every owner is through, and every canceller has
// returned or has run a listener.
#pragma once

#include <cstring>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "belay/source.hpp"
#include "core/operation_slow.hpp"
#include "core/source_slow.hpp"
#include "explore/explore.hpp"
#include "fresh.hpp"
#include "ordered.hpp"

namespace source_tests {

using belay::cancel_result;
using belay::handshake;
using belay::reason_kind;
using belay::explore::require;
using core_tests::ordered;
using explored_tests::fresh;
namespace sync = belay::sync;

/// Memory that can be given back before the state goes: whoever writes to it later is seen.
template <class T>
struct place {
  template <class... Arguments>
  T& make(Arguments&&... arguments) {
    return *new (memory) T(static_cast<Arguments&&>(arguments)...);
  }
  T& operator*() { return *std::launder(reinterpret_cast<T*>(memory)); }
  T* operator->() { return &**this; }
  void free() {
    (**this).~T();
    std::memset(memory, 0xdd, sizeof memory);
    freed = true;
  }
  void check() const {
    if (!freed) return;
    for (const unsigned char each : memory) require(each == 0xdd, "nobody touches what was freed");
  }
  alignas(T) unsigned char memory[sizeof(T)];
  bool freed = false;
};

struct shape {
  std::vector<std::string> owners;
  int cancels = 1;

  std::string name() const {
    std::string all;
    for (const std::string& each : owners) all += each + ' ';
    return all + std::string(static_cast<std::size_t>(cancels), 'K');
  }
};

template <class Source>
class world {
 public:
  explicit world(const shape& what) : shape_(what) {
    program_.before([this] { reset(); });
    for (int i = 0; i < owners(); ++i) program_.actor("owner", [this, i] { owner(i); });
    for (int i = 0; i < shape_.cancels; ++i)
      program_.actor("canceller", [this, i] { canceller(i); });
    program_.actor("keeper", [this] { keeper(); });
    program_.after([this] { check(); });
  }

  belay::explore::exhausted explore(const belay::explore::exhaust_options& options = {}) {
    return belay::explore::exhaust(program_, options);
  }

 private:
  static constexpr int most = 3;
  enum class standing { idle, registered, running, over };

  struct probe : belay::listener {
    probe(world* w, int i) : listener(&run), in(w), index(i) {}
    static void run(listener& self, belay::reason why) noexcept {
      auto& me = static_cast<probe&>(self);
      me.in->on_cancel(me.index, why);
    }
    static void after(listener& self, belay::reason why) noexcept {
      auto& me = static_cast<probe&>(self);
      me.in->on_after(me.index, why);
    }
    world* in;
    int index;
  };

  struct state {
    place<Source> source;
    place<probe> probes[most];
    ordered input[most], effect[most], said[most];
    int ran[most] = {}, left[most] = {}, afters[most] = {};
    bool out[most] = {};  // its removal won: it must not run any more
    std::optional<cancel_result> cancelled[most];
    sync::parking over[most];        // of each owner, for the keeper
    sync::parking gone[most];        // of each canceller, for the keeper
    sync::parking back[most][most];  // of each canceller, for each owner
    sync::parking called[most];      // remove_async's call
  };

  int owners() const { return static_cast<int>(shape_.owners.size()); }

  void reset() {
    state_.make();
    state& s = *state_;
    s.source.make();
    for (int i = 0; i < owners(); ++i) {
      s.probes[i].make(this, i);
      if (shape_.owners[static_cast<std::size_t>(i)][0] != '+') continue;
      s.input[i].write(1);
      s.source->add(*s.probes[i]);
    }
  }

  void on_cancel(int i, belay::reason why) {
    state& s = *state_;
    require(!s.out[i], "a listener whose removal won does not run");
    require(++s.ran[i] == 1, "a listener runs at most once");
    require(why.kind() == reason_kind::user, "the listener gets the reason");
    s.said[why.code()].read();
    require(s.input[i].read() == 1, "the listener sees what was written before it was added");
    s.effect[i].write(1);
    s.gone[why.code()].unpark();  // its swap is behind it
    ++s.left[i];
  }

  void on_after(int i, belay::reason why) {
    state& s = *state_;
    require(why.kind() == reason_kind::user, "the call after it gets the reason, too");
    require(++s.afters[i] == 1 && s.left[i] == 1, "it is called once, after the listener");
    s.called[i].unpark();
  }

  void canceller(int i) {
    state& s = *state_;
    s.said[i].write(1);
    s.cancelled[i] = s.source->cancel({reason_kind::user, static_cast<std::uint32_t>(i)});
    for (int k = 0; k < owners(); ++k) s.back[i][k].unpark();
    s.gone[i].unpark();
  }

  void owner(int i) {
    state& s = *state_;
    const std::string& does = shape_.owners[static_cast<std::size_t>(i)];
    standing now = does[0] == '+' ? standing::registered : standing::idle;
    for (const char each : does.substr(1)) now = step(i, each, now);
    if (now == standing::registered || now == standing::running)
      now = removed(i, s.source->remove(*s.probes[i]));
    s.probes[i].free();
    s.over[i].unpark();
  }

  standing step(int i, char what, standing now) {
    state& s = *state_;
    if (what == 'a') return add(i);
    if (what == 'w') return wait_for_cancellers(i, now);
    if (now != standing::registered) return now;
    switch (what) {
      case 'r':
        return removed(i, s.source->remove(*s.probes[i]));
      case 't':
        return removed(i, s.source->try_remove(*s.probes[i]));
      case 'u':
        return removed(i, s.source->remove_until(*s.probes[i], 1'000));
      default:
        return remove_async(i);
    }
  }

  standing add(int i) {
    state& s = *state_;
    s.input[i].write(1);
    if (s.source->add(*s.probes[i])) return standing::registered;
    const sync::sealed seal;
    require(s.source->cancelled(), "add() fails only after a request");
    require(s.ran[i] == 0, "a listener that was not added does not run");
    s.said[s.source->reason().code()].read();
    return standing::idle;
  }

  standing wait_for_cancellers(int i, standing now) {
    state& s = *state_;
    for (int k = 0; k < shape_.cancels; ++k) s.back[k][i].park(sync::forever);
    if (now == standing::registered && shape_.cancels != 0)
      require(s.ran[i] == 1 && s.left[i] == 1, "a registered listener ran when all are back");
    return now;
  }

  standing remove_async(int i) {
    state& s = *state_;
    const handshake result = s.source->remove_async(*s.probes[i], &probe::after);
    if (result != handshake::running) return removed(i, result);
    s.called[i].park(sync::forever);
    require(s.effect[i].read() == 1, "what the listener did is seen");
    return standing::over;
  }

  standing removed(int i, handshake result) {
    state& s = *state_;
    if (result == handshake::running) return standing::running;
    s.out[i] = true;
    if (result == handshake::won) {
      require(s.ran[i] == 0, "a listener that was taken out has not run");
      s.input[i].write(2);
      return standing::over;
    }
    require(result == handshake::cancelled, "it was registered, and the caller is not inside");
    require(s.ran[i] == 1 && s.left[i] == 1, "the listener ran and has returned");
    require(s.effect[i].read() == 1, "what the listener did is seen");
    s.input[i].write(2);
    return standing::over;
  }

  void keeper() {
    state& s = *state_;
    for (int i = 0; i < owners(); ++i) s.over[i].park(sync::forever);
    for (int i = 0; i < shape_.cancels; ++i) s.gone[i].park(sync::forever);
    {
      const sync::sealed seal;
      require(s.source->cancelled() == (shape_.cancels != 0), "it knows of the request");
    }
    s.source.free();
  }

  void check() {
    state& s = *state_;
    s.source.check();
    int counting = 0;
    for (int i = 0; i < shape_.cancels; ++i) {
      require(s.cancelled[i] == cancel_result::claimed ||
                  s.cancelled[i] == cancel_result::already_cancelled,
              "a request counts, or came too late");
      counting += *s.cancelled[i] == cancel_result::claimed ? 1 : 0;
    }
    require(counting == (shape_.cancels != 0 ? 1 : 0), "one request counts");
    for (int i = 0; i < owners(); ++i) s.probes[i].check();
  }

  shape shape_;
  belay::explore::program_under_test program_;
  fresh<state> state_;
};

/// Every program with one owner and up to two cancellers, with two owners and one, and some with
/// three.
inline std::vector<shape> shapes() {
  using strings = std::vector<std::string>;
  const strings owners = {"+r", "+t", "+u", "+y", "+w", "-ar", "-at", "-ay", "-aw"};
  std::vector<shape> all;
  for (const std::string& each : owners) {
    all.push_back({{each}, 1});
    all.push_back({{each}, 2});
  }
  for (std::size_t i = 0; i < owners.size(); ++i) {
    for (std::size_t k = i; k < owners.size(); ++k) all.push_back({{owners[i], owners[k]}, 1});
  }
  all.push_back({{"+r", "+r", "+r"}, 1});
  all.push_back({{"+w", "+r", "-aw"}, 1});
  return all;
}

}  // namespace source_tests
