#include "host/together/together.hpp"

#include <dlfcn.h>
#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "host/bug_check.hpp"
#include "host/happening.hpp"
#include "host/loaded_drivers.hpp"
#include "kernel/registry.hpp"
#include "kernel/verifier.hpp"
#include "win32/crt.hpp"
#include "win32/process.hpp"
#include "win32/services.hpp"

namespace belay::inline BELAY_BUILD::host {

namespace {

const happening* bug_checked = nullptr;

// The drivers are there; the program's own way to install them finds that.
win32::service_answer installed(win32::service_request what, const char16_t*, const char16_t*) {
  return what == win32::service_request::unload ? win32::service_answer::done
                                                : win32::service_answer::already;
}

struct together {
  const together_options& options;
  loaded_drivers drivers = {};
  void* program = nullptr;
  happening done = {};
  int code = 0;
  std::string refused = {};

  bool load() {
    if (const auto loaded = drivers.load(options.drivers); !loaded) {
      refused = loaded.error().message;
      return false;
    }
    program = dlopen(std::filesystem::absolute(options.program).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (program == nullptr) refused = fmt::format("{}: {}", options.program, dlerror());
    return program != nullptr;
  }

  int main() {
    const win32::program found = win32::find_program(
        [](void* handle, const char* name) { return dlsym(handle, name); }, program);
    std::vector<std::string> words = options.arguments;
    words.insert(words.begin(), std::filesystem::path(options.program).stem().string() + ".exe");
    std::vector<char*> pointers;
    for (std::string& each : words) pointers.push_back(each.data());
    pointers.push_back(nullptr);
    return win32::run_main(found, static_cast<int>(words.size()), pointers.data());
  }

  void run() {
    wdm::start();
    kernel::change_registry_as(options.registry);
    if (load()) {
      win32::set_service_loader(&installed);
      win32::start();
      code = static_cast<int>(win32::run_program(
          [](void* self) { return static_cast<together*>(self)->main(); }, this));
      win32::stop();
    } else {
      code = 2;
    }
    drivers.unload();
    wdm::stop();
    done.tell();
  }
};

}  // namespace

int run_together(const together_options& options) {
  const happening broken;
  bug_checked = &broken;
  catch_bug_checks([] { bug_checked->tell(); });
  kernel::set_verifier(options.verifier);
  together all{.options = options};
  const sync::actor_id system = sync::spawn(
      {.name = "system"}, [](void* self) { static_cast<together*>(self)->run(); }, &all);
  pollfd waits[] = {{broken.descriptor(), POLLIN, 0}, {all.done.descriptor(), POLLIN, 0}};
  while (poll(waits, 2, -1) < 0) {
  }
  if (waits[0].revents != 0) {
    std::fputs(screen_of(the_bug_check(), all.drivers.images()).c_str(), stderr);
    std::fflush(nullptr);
    std::_Exit(1);  // the driver's threads are still about
  }
  sync::join(system);
  if (!all.refused.empty()) std::fprintf(stderr, "belay: %s\n", all.refused.c_str());
  return all.code;
}

}  // namespace belay::inline BELAY_BUILD::host
