// A shared library with the core inside, and a plain interface.
#include <belay/operation.hpp>

namespace {

struct counted : belay::notify_routine {
  counted() : notify_routine(&run) {}
  static void run(belay::routine& self, belay::reason) noexcept {
    ++static_cast<counted&>(self).runs;
  }
  int runs = 0;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] int cancel_once() {
  counted routine;
  belay::operation operation(routine);
  operation.cancel(belay::reason_kind::user);
  operation.cancel(belay::reason_kind::shutdown);
  if (operation.complete(routine, belay::outcome::completed) != belay::handshake::cancelled)
    return -1;
  return routine.runs;
}
