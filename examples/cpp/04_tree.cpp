// A tree of sources: a server, its connections, their requests.
//
// Cancelling a node cancels all below it and nothing else. Each child says why: its parent was
// cancelled, and what the first reason was.
#include <memory>
#include <thread>
#include <vector>

#include <belay/child_operation.hpp>
#include <belay/child_source.hpp>

#include "check.hpp"

namespace {

struct abort_read : belay::notify_routine {
  abort_read() : notify_routine(&on_cancel) {}
  static void on_cancel(belay::routine& self, belay::reason why) noexcept {
    static_cast<abort_read&>(self).why = why;
  }
  belay::reason why;
};

}  // namespace

int main() {
  using belay::reason_kind;
  using example::check;
  belay::source server;
  belay::child_source first(server), second(server);
  {
    abort_read routine;
    belay::child_operation read(first, routine);
    check(read.complete(routine, belay::outcome::completed) == belay::handshake::won,
          "an operation that completes leaves the tree");
  }
  abort_read routine;
  belay::child_operation read(first, routine);

  first.cancel({reason_kind::client_gone, 42});
  check(!server.cancelled() && !second.cancelled(), "parent and sibling go on");
  check(routine.why.kind() == reason_kind::parent, "the read was cancelled through its parent");
  check(routine.why.origin() == belay::reason(reason_kind::client_gone, 42),
        "because the client had gone");
  check(read.complete(belay::outcome::canceled), "its owner reports the outcome");

  belay::child_operation late(first);
  check(late.cancelled(), "a child of a cancelled parent is cancelled from the start");

  server.cancel(reason_kind::shutdown);
  check(second.cancelled() && second.reason().origin() == reason_kind::shutdown,
        "the rest stops with the server");
  check(first.reason() == belay::reason(reason_kind::client_gone, 42), "the first reason stays");

  {  // However deep: no recursion, no memory.
    belay::source top;
    std::vector<std::unique_ptr<belay::child_source>> chain;
    for (int i = 0; i < 10'000; ++i)
      chain.push_back(std::make_unique<belay::child_source>(chain.empty() ? top : *chain.back()));
    std::thread canceller([&] { top.cancel(reason_kind::timeout); });
    canceller.join();
    check(chain.back()->reason().origin() == reason_kind::timeout, "10,000 levels deep");
    while (!chain.empty()) chain.pop_back();  // children before their parents
  }
  return example::result();
}
