// Native actors: identities, joining, and the pool that runs tasks.
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "sync/sync.hpp"

namespace {

namespace sync = belay::sync;

constexpr sync::actor_options thread = {.name = "thread"};
constexpr sync::actor_options task = {.name = "task", .kind = sync::actor_kind::task};

TEST(actors, join_sees_what_was_done) {
  int done = 0;
  const sync::actor_id who = sync::spawn(
      thread, [](void* at) { *static_cast<int*>(at) = 1; }, &done);
  EXPECT_NE(who, sync::self());
  sync::join(who);
  EXPECT_EQ(done, 1);
  sync::join(who);  // once more does no harm
}

TEST(actors, each_has_its_own_state) {
  struct seen {
    sync::actor_id self = sync::no_actor;
    void* local = &local;
    int level = -1;
  };
  int here = 0;
  sync::local() = &here;
  sync::level() = 2;
  for (const sync::actor_options& options : {thread, task}) {
    seen from;
    const sync::actor_id who = sync::spawn(
        options,
        [](void* at) {
          auto& to = *static_cast<seen*>(at);
          to.self = sync::self();
          to.local = sync::local();
          to.level = sync::level();
          sync::local() = at;
          sync::level() = 1;
        },
        &from);
    sync::join(who);
    EXPECT_EQ(from.self, who);
    EXPECT_EQ(from.local, nullptr);
    EXPECT_EQ(from.level, 0);
  }
  EXPECT_EQ(sync::local(), &here);
  EXPECT_EQ(sync::level(), 2);
  sync::local() = nullptr;
  sync::level() = 0;
}

TEST(actors, an_id_is_not_used_again_soon) {
  std::set<sync::actor_id> ids;
  for (int i = 0; i < 5'000; ++i) {
    const sync::actor_id who = sync::spawn(
        task, [](void*) {}, nullptr);
    EXPECT_TRUE(ids.insert(who).second);
    sync::join(who);
  }
}

TEST(actors, many_tasks_at_once) {
  sync::atomic<int> done{0};
  std::vector<sync::actor_id> all;
  for (int i = 0; i < 2'000; ++i) {
    all.push_back(sync::spawn(
        task, [](void* at) { static_cast<sync::atomic<int>*>(at)->fetch_add(1); }, &done));
  }
  for (const sync::actor_id each : all) sync::join(each);
  EXPECT_EQ(done.load(), 2'000);
}

/// A chain of tasks, each of which waits for the next that it spawned: the pool must grow.
struct chain {
  int left;
  int* reached;
};

void link(void* at) {
  const chain& mine = *static_cast<chain*>(at);
  ++*mine.reached;
  if (mine.left == 0) return;
  chain next = {mine.left - 1, mine.reached};
  sync::join(sync::spawn(task, &link, &next));
}

TEST(actors, tasks_may_wait_for_tasks) {
  int reached = 0;
  chain first = {40, &reached};
  sync::join(sync::spawn(task, &link, &first));
  EXPECT_EQ(reached, 41);
}

TEST(actors, tasks_blocked_in_a_parking_make_room) {
  struct gathering {
    sync::parking places[20];
    sync::atomic<int> next{0};
    sync::atomic<std::uint32_t> arrived{0};
  } all;
  std::vector<sync::actor_id> tasks;
  for (int i = 0; i < 20; ++i) {
    tasks.push_back(sync::spawn(
        task,
        [](void* at) {
          auto& here = *static_cast<gathering*>(at);
          sync::parking& mine = here.places[here.next.fetch_add(1)];
          here.arrived.fetch_add(1);
          sync::wake_all(&here.arrived);
          mine.park(sync::forever);
        },
        &all));
  }
  while (true) {
    const std::uint32_t arrived = all.arrived.load();
    if (arrived == 20) break;
    sync::wait_on(&all.arrived, arrived, sync::forever);
  }
  for (sync::parking& each : all.places) each.unpark();
  for (const sync::actor_id each : tasks) sync::join(each);
}

}  // namespace
