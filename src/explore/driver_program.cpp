#include "explore/driver_program.hpp"
#include "kernel/registry.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#include "sync/sync.hpp"
#include "wdm/io_manager.hpp"
#include "win32/crt.hpp"
#include "win32/process.hpp"

namespace belay::inline BELAY_BUILD::explore {

namespace {

constexpr int most_clients = 16;
constexpr int most_requests = 48;

// Identities of actors, the same in every execution and process. No object lies at such addresses.
const void* key(int client, int request) {
  return reinterpret_cast<const void*>(
      static_cast<std::uintptr_t>(1 + client * (most_requests + 1) + request));
}

constexpr std::uint8_t major_read = 3, major_write = 4, major_control = 14;

template <class T, class... Arguments>
T* make(Arguments&&... arguments) {
  return new (sync::allocate(sizeof(T), sync::memory_use::internal))
      T(std::forward<Arguments>(arguments)...);
}

char* format_name(const char* format, int a, int b, const char* c) {
  auto* const text = static_cast<char*>(sync::allocate(48, sync::memory_use::internal));
  std::snprintf(text, 48, format, a, b, c);
  return text;
}

const char* name_of(operation op) {
  switch (op) {
    case operation::read:
      return "read";
    case operation::write:
      return "write";
    case operation::control:
      return "control";
  }
  return "?";
}

std::uint8_t major_of(operation op) {
  switch (op) {
    case operation::read:
      return major_read;
    case operation::write:
      return major_write;
    case operation::control:
      return major_control;
  }
  return major_read;
}

bool can_be_cancelled(const void* p) {
  const auto* const it = static_cast<const wdm::request*>(p);
  return it->issued() && !it->completed();
}

}  // namespace

struct driver_program::client {
  driver_program* in = nullptr;
  int number = 0;  // from 1
  _FILE_OBJECT* shared = nullptr;
};

struct driver_program::loaded {
  _DRIVER_OBJECT* drivers[guest_images::most] = {};
  std::size_t count = 0;
};

driver_program::driver_program(const guest_images& images, scenario what)
    : images_(images), scenario_(std::move(what)) {}

void driver_program::start() {
  answers_.clear();
  images_.restore();
  sync::spawn(
      {.name = "system", .key = key(0, 0)},
      [](void* p) { static_cast<driver_program*>(p)->run_system(); }, this);
}

void driver_program::finish() {}

// The device of that name or link; for an empty name the first named one, else any.
void* driver_program::find_device(const loaded& drivers, const std::string& wanted) {
  struct choice {
    driver_program* self;
    const std::string& wanted;
    void* found = nullptr;
    bool named = false;
  } chosen{this, wanted};
  for (std::size_t i = drivers.count; i-- > 0 && !chosen.named;) {
    wdm::visit_devices(
        drivers.drivers[i],
        [](void* context, const wdm::device_view& view) {
          auto& c = *static_cast<choice*>(context);
          const bool match = c.wanted.empty() ? view.name != nullptr
                                              : (view.name != nullptr && c.wanted == view.name) ||
                                                    (view.link != nullptr && c.wanted == view.link);
          if (!match && !(c.wanted.empty() && c.found == nullptr)) return true;
          c.found = view.device;
          c.named = match;
          c.self->device_type_ = view.device_type;
          const char* const name = view.name != nullptr ? view.name : "(unnamed device)";
          if (c.self->device_ != name) c.self->device_ = name;
          return !match;
        },
        &chosen);
  }
  return chosen.found;
}

void driver_program::choose_devices(const loaded& drivers) {
  client_devices_.clear();
  for (const std::string& each : scenario_.client_devices) {
    client_devices_.push_back(each.empty() ? nullptr : find_device(drivers, each));
    if (!each.empty() && client_devices_.back() == nullptr && unknown_device_.empty())
      unknown_device_ = each;
  }
  device_object_ = find_device(drivers, scenario_.device);
  if (device_object_ == nullptr) device_.clear();
}

bool driver_program::load_all(loaded& to) {
  const std::vector<guest_image>& all = images_.all();
  for (const guest_image& each : all) {
    if (each.is_client()) continue;
    const auto [start, end] = each.code();
    const wdm::load_result loaded = wdm::load_driver(
        reinterpret_cast<wdm::driver_entry>(each.entry()), each.name().c_str(),
        {reinterpret_cast<const void*>(start), static_cast<std::size_t>(end - start)});
    load_status_ = loaded.status;
    loaded_last_ = static_cast<std::size_t>(&each - all.data());
    if (loaded.driver == nullptr) return false;
    to.drivers[to.count++] = loaded.driver;
    serves_read_ |= wdm::serves(loaded.driver, major_read);
    serves_write_ |= wdm::serves(loaded.driver, major_write);
    serves_control_ |= wdm::serves(loaded.driver, major_control);
  }
  return true;
}

void driver_program::run_system() {
  wdm::start();
  kernel::change_registry_as(scenario_.registry);
  loaded drivers;
  if (load_all(drivers)) {
    choose_devices(drivers);
    if (!scenario_.client.empty()) {
      run_program();
    } else if (!device_.empty() && unknown_device_.empty() && !scenario_.plan.empty()) {
      run_clients();
    }
  }
  while (drivers.count > 0) wdm::unload_driver(drivers.drivers[--drivers.count]);
}

// The program as the process's first thread, then the end of the process.
void driver_program::run_program() {
  const sync::actor_id client = sync::spawn(
      {.name = "client", .key = key(1, 0)},
      [](void* p) {
        auto& self = *static_cast<driver_program*>(p);
        win32::start();
        win32::run_program(
            [](void* context) { return static_cast<driver_program*>(context)->run_main(); }, &self);
        win32::stop();
      },
      this);
  sync::note("the end of the program", nullptr, nullptr);
  sync::join(client);
}

int driver_program::run_main() {
  const guest_image& image = images_.all().front();
  const win32::program main = win32::find_program(
      [](void* context, const char* name) {
        return static_cast<const guest_image*>(context)->symbol(name);
      },
      const_cast<guest_image*>(&image));
  constexpr int most_words = 32;
  auto* const text = static_cast<char*>(
      sync::allocate(scenario_.client_arguments.size() + 1, sync::memory_use::internal));
  std::memcpy(text, scenario_.client_arguments.c_str(), scenario_.client_arguments.size() + 1);
  char program[] = "client.exe";
  char* words[most_words + 1] = {program};
  int count = 1;
  for (char* at = text; *at != '\0' && count < most_words;) {
    if (*at == ' ') {
      *at++ = '\0';
      continue;
    }
    words[count++] = at;
    while (*at != '\0' && *at != ' ') ++at;
  }
  return win32::run_main(main, count, words);
}

void driver_program::run_clients() {
  _FILE_OBJECT* shared = nullptr;
  if (scenario_.shared_handle) {
    const wdm::open_result opened = wdm::open(static_cast<_DEVICE_OBJECT*>(device_object_));
    open_status_ = opened.status;
    shared = opened.file;
  }
  sync::actor_id clients[most_clients];
  const int count = std::min(scenario_.clients, most_clients);
  for (int i = 0; i < count; ++i) {
    client* const self = make<client>();
    self->in = this;
    self->number = i + 1;
    self->shared = shared;
    clients[i] = sync::spawn(
        {.name = format_name("client %d", i + 1, 0, ""), .key = key(i + 1, 0)},
        [](void* p) {
          auto* const c = static_cast<client*>(p);
          c->in->run_client(*c);
        },
        self);
  }
  for (int i = 0; i < count; ++i) sync::join(clients[i]);
  sync::world().dismiss_optional();
  if (shared != nullptr) wdm::close_handle(shared);
}

void driver_program::run_client(client& self) {
  _FILE_OBJECT* file = self.shared;
  if (file == nullptr) {
    const auto index = static_cast<std::size_t>(self.number - 1);
    void* const own = index < client_devices_.size() ? client_devices_[index] : nullptr;
    const wdm::open_result opened =
        wdm::open(static_cast<_DEVICE_OBJECT*>(own != nullptr ? own : device_object_));
    if (opened.file == nullptr) {
      open_status_ = opened.status;
      return;
    }
    file = opened.file;
  }
  wdm::request* requests[most_requests];
  int count = 0;
  for (int round = 0; round < scenario_.requests; ++round) {
    for (const request_plan& each : scenario_.plan) {
      if ((each.client != 0 && each.client != self.number) || count == most_requests) continue;
      wdm::request_options options;
      options.file = file;
      options.major = major_of(each.op);
      options.control_code = each.code;
      options.input = each.input.data();
      options.input_size = static_cast<std::uint32_t>(each.input.size());
      options.output_size = each.op == operation::write ? 0 : each.length;
      options.name = format_name("%d.%d %s", self.number, count + 1, name_of(each.op));
      wdm::request* const request = make<wdm::request>(options);
      if (each.cancel == cancel_when::any) {
        sync::spawn(
            {.name = format_name("cancel %d.%d %s", self.number, count + 1, name_of(each.op)),
             .key = key(self.number, count + 1),
             .optional = true,
             .start_gate = &can_be_cancelled,
             .start_argument = request},
            [](void* p) { static_cast<wdm::request*>(p)->cancel(); }, request);
      }
      requests[count++] = request;
      const std::int32_t answer = request->start();
      if (self.number == 1 && keep_answers_) answers_.push_back(answer);
    }
  }
  sync::linger();
  // Closing the handle would cancel what a lost cancel left behind, and hide it.
  wdm::check_lost_cancels();
  if (self.shared == nullptr) wdm::close_handle(file);
  wdm::cancel_thread_requests();
  for (int i = 0; i < count; ++i) requests[i]->wait();
}

}  // namespace belay::inline BELAY_BUILD::explore
