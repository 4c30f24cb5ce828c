// T16: Belay's biased operation, whose owner pays next to nothing and whose canceller pays for
// both.
#include <deque>
#include <vector>

#include "belay/biased_operation.hpp"
#include "workload.hpp"

namespace bench {
namespace {

struct claim : belay::claim_routine {
  claim() : claim_routine([](belay::routine&, belay::reason) noexcept { ++calls; }) {}
};

struct arm_disarm {
  explicit arm_disarm(std::size_t) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      claim& armed = unknown(routine_);
      keep(operation_.arm(armed));
      keep(operation_.disarm(armed));
    }
  }
  claim routine_;
  belay::biased_operation operation_;
};
const offer<arm_disarm> t16("loop/T16/belay_biased", shape::loop);

struct one {
  claim routine;
  belay::biased_operation operation{routine};
};

/// What the request costs: one fence for each, or one for all.
struct cancel {
  explicit cancel(std::size_t size) : all_(size) {}
  void run(int, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i)
      keep(unknown(all_[i]).operation.cancel(belay::reason_kind::user));
  }
  std::deque<one> all_;
};
const offer<cancel> t16_cancel("batch/T16/belay_biased_cancel", shape::batch, 64);

struct cancel_all {
  explicit cancel_all(std::size_t size) : all_(size) {
    for (one& each : all_) which_.push_back(&each.operation);
  }
  void run(int, std::size_t) {
    keep(belay::biased_operation::cancel_all(which_, belay::reason_kind::user));
  }
  std::deque<one> all_;
  std::vector<belay::biased_operation*> which_;
};
const offer<cancel_all> t16_cancel_all("batch/T16/belay_biased_cancel_all", shape::batch, 1000);

}  // namespace
}  // namespace bench
