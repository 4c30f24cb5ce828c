#include "host/session.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/signalfd.h>

#include "host/allocation_faults.hpp"
#include "host/bug_check.hpp"
#include "host/happening.hpp"
#include "host/loaded_drivers.hpp"
#include "host/mount_point.hpp"
#include "kernel/executive.hpp"
#include "kernel/registry.hpp"
#include "kernel/verifier.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

constexpr sync::nanoseconds second = 1'000'000'000;
constexpr int tick_ms = 100;

sigset_t awaited_signals() {
  sigset_t out;
  sigemptyset(&out);
  for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCONT}) sigaddset(&out, each);
  return out;
}

happening* bug_checked = nullptr;
view* printing = nullptr;

class session {
 public:
  session(const session_options& options, view& show)
      : options_(options), show_(show), folder_(options.folder) {}

  int run();

 private:
  enum class phase : std::uint8_t { starting, serving, stopping, over };

  // On the system actor.
  void system();
  bool load_all();
  bool mount();
  void take_down();
  void fail(int code, const std::string& message);

  // On the main thread.
  int control();
  int end_by_bug_check();
  void stop(const std::string& why);
  bool signalled(const signalfd_siginfo& which);
  bool overdue();
  int force();

  const session_options& options_;
  view& show_;
  std::string folder_;
  bool made_folder_ = false;
  loaded_drivers drivers_;
  in_flight table_;
  std::unique_ptr<device_files> files_;
  happening broken_, changed_;
  sync::parking wanted_;  // the system actor waits here for the end
  sync::inner_lock lock_;
  phase phase_ = phase::starting;
  int code_ = 0;
  std::string message_;
  bool mounted_ = false;
  bool shown_ = false;  // the view has been told of the devices
  sync::nanoseconds stopping_since_ = 0;
  int asked_ = 0;           // how often somebody asked for the end
  int asked_by_front_ = 0;  // … of `belay run`
};

void session::fail(int code, const std::string& message) {
  const kernel::guard hold(lock_);
  code_ = code;
  message_ = message;
}

bool session::load_all() {
  const auto loaded = drivers_.load(options_.drivers);
  if (!loaded) fail(loaded.error().exit_code, loaded.error().message + "; nothing was mounted");
  return loaded.has_value();
}

bool session::mount() {
  files_ = std::make_unique<device_files>(table_, drivers_.objects());
  if (files_->files().empty()) {
    fail(2, "no device of the driver has a name or a symbolic link: there is nothing to mount");
    return false;
  }
  const auto prepared = prepare_mount_point(folder_);
  if (!prepared) {
    fail(prepared.error().exit_code, prepared.error().message);
    return false;
  }
  made_folder_ = *prepared;
  if (const auto done = files_->mount(folder_); !done) {
    fail(77, done.error());
    if (made_folder_) rmdir(folder_.c_str());
    return false;
  }
  const kernel::guard hold(lock_);
  mounted_ = true;
  return true;
}

// Handles closed, requests cancelled, drivers unloaded, mount gone.
void session::take_down() {
  files_->refuse(ENODEV);
  table_.cancel_all(reason_kind::shutdown);
  if (!table_.wait_until_empty(sync::now() + options_.patience * second)) {
    const std::vector<pending_view> left = table_.snapshot();
    std::string lines = lines_of(left);
    if (!lines.empty()) lines.pop_back();
    fail(1, fmt::format(
                "{} still with the driver {} s after the cancel (WDM-FILE-003); EIO for "
                "the programs of\n{}",
                left.size() == 1 ? "1 request is" : fmt::format("{} requests are", left.size()),
                options_.patience, lines));
    files_->answer_all(EIO);
    return;
  }
  files_->close_all();
  drivers_.unload();
}

void session::system() {
  wdm::start();
  kernel::change_registry_as(options_.registry);
  if (options_.fail_allocations) fail_allocations();
  const bool loaded = load_all();
  const bool serving = loaded && mount();
  if (serving) {
    const sync::actor_id server = sync::spawn(
        {.name = "FUSE"}, [](void* files) { static_cast<device_files*>(files)->loop(); },
        files_.get());
    {
      const kernel::guard hold(lock_);
      phase_ = phase::serving;
    }
    changed_.tell();
    wanted_.park(sync::forever);
    take_down();
    files_->unmount();
    if (table_.count() == 0) sync::join(server);  // else one of its threads may be with the driver
    if (made_folder_) rmdir(folder_.c_str());
  } else {
    drivers_.unload();
  }
  const bool stuck = table_.count() != 0;
  if (!stuck) {
    files_.reset();
    wdm::stop();
  }
  {
    const kernel::guard hold(lock_);
    phase_ = phase::over;
  }
  changed_.tell();
}

void session::stop(const std::string& why) {
  {
    const kernel::guard hold(lock_);
    if (phase_ != phase::serving) return;
    phase_ = phase::stopping;
  }
  stopping_since_ = sync::now();
  show_.stopping(why);
  wanted_.unpark();
}

// The driver had its time for requests that were cancelled, and as much for IRP_MJ_CLEANUP,
// IRP_MJ_CLOSE and DriverUnload, and a second more for us.
bool session::overdue() {
  if (stopping_since_ == 0) return false;
  if (sync::now() < stopping_since_ + (2 * sync::nanoseconds{options_.patience} + 1) * second) {
    return false;
  }
  show_.failed(fmt::format("the driver has not come back from cleanup, close or unload for {} s",
                           options_.patience));
  return true;
}

// A second signal, or nobody's patience: the programs are answered, the mount goes, the driver
// stays as it is.
int session::force() {
  show_.failed("stopped by force; the driver was not unloaded");
  bool mounted;
  {
    const kernel::guard hold(lock_);
    mounted = mounted_;
  }
  if (mounted) {
    files_->answer_all(EIO);
    files_->unmount();
  }
  if (made_folder_) rmdir(folder_.c_str());
  return 1;
}

int session::end_by_bug_check() {
  bool mounted = false;
  {
    const kernel::guard hold(lock_);
    mounted = mounted_;
  }
  if (mounted) {
    files_->refuse(EIO);
    files_->answer_all(EIO);
  }
  const bug_check& what = the_bug_check();
  show_.bug_checked({what, frames_of(what, drivers_.images()), screen_of(what, drivers_.images())});
  if (mounted) files_->unmount();
  if (made_folder_) rmdir(folder_.c_str());
  return 1;
}

// Returns: whether the host is to end at once.
bool session::signalled(const signalfd_siginfo& which) {
  if (which.ssi_signo == SIGUSR1) {
    if (shown_) show_.snapshot(table_);
    return false;
  }
  if (which.ssi_signo == SIGCONT) {
    show_.continued();
    return false;
  }
  // One that was sent to the whole group reaches us twice: from its sender, and from `belay run`,
  // which hands on what it gets with its count.
  const bool handed_on =
      which.ssi_code == SI_QUEUE && which.ssi_pid == static_cast<std::uint32_t>(getppid());
  // Of a terminal that is gone, the kernel may tell several times, and a shell, too.
  const bool no_terminal = which.ssi_signo == SIGHUP && which.ssi_code > 0;
  if (handed_on) {
    asked_by_front_ = which.ssi_int;
  } else if (!no_terminal) {
    ++asked_;
  }
  phase now;
  {
    const kernel::guard hold(lock_);
    now = phase_;
  }
  if (now == phase::starting) return true;
  if (now == phase::stopping) return std::max(asked_, asked_by_front_) > 1;
  stop(fmt::format("stopping: {}", strsignal(static_cast<int>(which.ssi_signo))));
  return false;
}

int session::control() {
  const sigset_t signals = awaited_signals();
  const int arrived = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  for (;;) {
    pollfd waits[] = {{broken_.descriptor(), POLLIN, 0},
                      {changed_.descriptor(), POLLIN, 0},
                      {arrived, POLLIN, 0},
                      {show_.keys(), POLLIN, 0}};
    if (poll(waits, 4, shown_ ? tick_ms : -1) < 0 && errno != EINTR) return 4;
    if (waits[0].revents != 0) return end_by_bug_check();
    if (overdue()) return force();
    if (waits[1].revents != 0) {
      std::uint64_t times;
      if (read(changed_.descriptor(), &times, sizeof times) < 0) return 4;
      phase now;
      {
        const kernel::guard hold(lock_);
        now = phase_;
      }
      if (now == phase::over) break;
      if (!shown_) show_.ready(folder_, files_->files());
      shown_ = true;
    }
    if (waits[2].revents != 0) {
      signalfd_siginfo which{};
      if (read(arrived, &which, sizeof which) == sizeof which && signalled(which)) return force();
    }
    if (waits[3].revents != 0 && !show_.key(table_)) stop("stopping");
    if (shown_) show_.tick(table_);
  }
  if (!message_.empty()) show_.failed(message_);
  if (options_.fail_allocations) {
    fmt::print(stderr, "belay: {} allocations failed, each from a call stack of its own\n",
               failed_allocations());
  }
  if (code_ == 0) show_.ended(table_.totals());
  return code_;
}

int session::run() {
  const sigset_t signals = awaited_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);  // before any thread: all inherit it
  signal(SIGPIPE, SIG_IGN);
  kernel::set_verifier(options_.verifier);
  bug_checked = &broken_;
  catch_bug_checks([] { bug_checked->tell(); });
  printing = &show_;
  kernel::set_print_sink([](const char* text) { printing->print(text); });
  const sync::actor_id system = sync::spawn(
      {.name = "system"}, [](void* self) { static_cast<session*>(self)->system(); }, this);
  const int code = control();
  bool over;
  {
    const kernel::guard hold(lock_);
    over = phase_ == phase::over;
  }
  if (over && table_.count() == 0) {
    sync::join(system);
    return code;
  }
  // Threads of the driver are still about: nothing that they touch may go.
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace

int run(const session_options& options, view& show) { return session(options, show).run(); }

}  // namespace belay::inline BELAY_BUILD::host
