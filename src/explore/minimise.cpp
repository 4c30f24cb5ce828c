#include "explore/minimise.hpp"

#include <algorithm>

#include "explore/deadlock.hpp"
#include "sync/sync.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

class reducer {
 public:
  reducer(program& what, const finding& found) : program_(what) {
    best_.found = found;
    best_.shared = sync::guest().shared_set();
  }

  /// Keeps `directives` if they lead to the same finding with no more preemptions than the best so
  /// far.
  bool attempt(const std::vector<directive>& directives) {
    directed by;
    by.start(directives);
    return keep(by);
  }

  bool keep(sync::chooser& by) {
    recording_chooser recorded(by);
    execution it = run_to_finding(program_, recorded);
    if (!it.found || it.found->signature() != best_.found.signature()) return false;
    const auto cost = [](int preemptions, std::size_t directives) {
      return std::pair(preemptions, directives);
    };
    if (any_ && cost(recorded.preemptions(), recorded.directives().size()) >=
                    cost(best_.preemptions, best_.directives.size())) {
      return false;
    }
    any_ = true;
    best_.directives = recorded.directives();
    best_.preemptions = recorded.preemptions();
    best_.found = std::move(*it.found);
    return true;
  }

  /// Zeller and Hildebrandt's ddmin, for complements only: what is left out is what costs.
  void leave_out() {
    std::size_t parts = 2;
    while (!best_.directives.empty()) {
      const std::vector<directive> all = best_.directives;
      parts = std::min(parts, all.size());
      const std::size_t each = (all.size() + parts - 1) / parts;
      bool smaller = false;
      for (std::size_t from = 0; from < all.size() && !smaller; from += each) {
        std::vector<directive> rest(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(from));
        rest.insert(rest.end(),
                    all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), from + each)),
                    all.end());
        smaller = attempt(rest);
      }
      if (smaller) {
        parts = std::max<std::size_t>(parts - 1, 2);
      } else if (each == 1) {
        return;
      } else {
        parts *= 2;
      }
    }
  }

  /// Explores the schedules with at most `bound` preemptions until one shows the same finding,
  /// which then is the best. False: too many to explore.
  bool settle(int bound) {
    constexpr std::uint64_t most = 2'000'000;
    sync::guest().freeze(false);
    sync::world().set_hashing(true);
    bool complete = false;
    std::uint64_t executions = 0;
    bounded_search search;
    while (!complete && executions < most) {  // again when more memory turned out to be shared
      static_cast<void>(sync::guest().grew());
      search.start(bound, {});
      bool more = true;
      while (more && ++executions < most) {
        search.begin();
        const execution it = run_to_finding(program_, search);
        if (it.found && it.found->signature() == best_.found.signature()) {
          take_instead(search);
          return true;
        }
        more = search.advance();
      }
      complete = !more && !sync::guest().grew();
    }
    sync::world().set_hashing(false);
    sync::guest().freeze(true);
    return complete;
  }

  minimised& best() { return best_; }

 private:
  /// The execution that `search` just did is the better one.
  void take_instead(bounded_search& search) {
    sync::world().set_hashing(false);
    sync::guest().freeze(true);
    best_.shared = sync::guest().shared_set();
    any_ = false;
    search.begin();
    keep(search);
    leave_out();
  }

  program& program_;
  minimised best_;
  bool any_ = false;
};

}  // namespace

minimised minimise(program& what, const finding& found, std::vector<directive> directives,
                   int preemptions) {
  reducer reduce(what, found);
  if (!reduce.attempt(directives)) {
    reduce.best().directives = std::move(directives);
    reduce.best().preemptions = preemptions;
    return reduce.best();
  }
  reduce.leave_out();
  bool proved = true;
  for (int bound = 0; bound < reduce.best().preemptions; ++bound) {
    proved = reduce.settle(bound) && proved;
  }
  reduce.best().proved = proved;
  return reduce.best();
}

}  // namespace belay::inline BELAY_BUILD::explore
