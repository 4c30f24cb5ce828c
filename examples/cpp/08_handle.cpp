// Cancelling from afar, by number.
//
// A client sends "cancel request 4711". By then the request may be over, its memory may be gone,
// and another request may be at the same address. An id names one operation, once; one that is out
// of date does nothing.
#include <memory>
#include <thread>

#include <belay/operation_table.hpp>

#include "check.hpp"

namespace {

using belay::outcome;
using belay::reason_kind;

struct stop_query : belay::notify_routine {
  stop_query() : notify_routine(&on_cancel) {}
  static void on_cancel(belay::routine& self, belay::reason) noexcept {
    static_cast<stop_query&>(self).ran = true;
  }
  bool ran = false;
};

struct query {
  stop_query routine;
  belay::operation operation{routine};
};

/// What goes over the wire is a number of 64 bits.
std::optional<belay::cancel_result> cancel_by_number(belay::operation_table& table,
                                                     std::uint64_t number) {
  return table.cancel(belay::operation_id::from_bits(number), reason_kind::client_gone);
}

}  // namespace

int main() {
  using example::check;
  belay::operation_slot slots[2];
  belay::operation_table table(slots);
  {
    query first;
    const std::uint64_t number = table.insert(first.operation).bits();
    check(cancel_by_number(table, number) == belay::cancel_result::claimed && first.routine.ran,
          "a request is cancelled by its number");
    table.release(belay::operation_id::from_bits(number));
    check(cancel_by_number(table, number) == belay::operation_table::stale,
          "once it is released its number says nothing");

    query second;
    const belay::operation_id other = table.insert(second.operation);
    check(cancel_by_number(table, number) == belay::operation_table::stale &&
              !second.operation.cancelled(),
          "nor does it reach the next one in the same slot");
    check(table.release(other) && !table.release(other), "a number is released once");
  }

  bool right = true;
  for (int round = 0; round < 200; ++round) {  // the number is used while the request goes
    auto it = std::make_unique<query>();
    const belay::operation_id id = table.insert(it->operation);
    std::optional<belay::cancel_result> met;
    std::thread client([&] { met = cancel_by_number(table, id.bits()); });
    const bool won =
        it->operation.complete(it->routine, outcome::completed) == belay::handshake::won;
    right = right && won != it->routine.ran;
    table.release(id);
    it.reset();  // whatever the client does
    client.join();
    right = right && (met == belay::cancel_result::claimed) == !won;
  }
  check(right, "200 requests that went while somebody cancelled them");
  return example::result();
}
