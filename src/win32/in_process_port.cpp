// The way to drivers in this process: each request is a wdm::request with `over`.
//
// Contract: WIN32-CANCEL-003, WDM-FILE-003, WDM-CANCEL-013
#include <cstdio>
#include <new>

#include "belay/operation.hpp"
#include "kernel/object.hpp"
#include "wdm/io_manager.hpp"
#include "win32/device_port.hpp"

namespace belay::inline BELAY_BUILD::win32 {

namespace {

void told(wdm::request& self, void* context) {
  auto& io = *static_cast<port_io*>(context);
  io.over(io, {self.status(), self.information(), self.pended()});
}

wdm::request& request_of(const port_io& io) { return *static_cast<wdm::request*>(io.port); }
belay::operation& opening_of(const port_io& io) { return *static_cast<belay::operation*>(io.port); }

struct search {
  const wdm::request* owner;
  wdm::irp_view found;
  bool any = false;
};

class in_process final : public device_port {
 public:
  bool prepare(port_io& io) override {
    if (io.kind == io_kind::open) {
      void* const memory = sync::allocate(sizeof(belay::operation), sync::memory_use::internal);
      io.port = memory == nullptr ? nullptr : new (memory) belay::operation;
      return io.port != nullptr;
    }
    wdm::request_options options;
    options.file = static_cast<_FILE_OBJECT*>(io.file);
    options.major = major_of(io.kind);
    options.control_code = io.control_code;
    options.input = io.input;
    options.input_size = io.input_size;
    options.output = io.output;
    options.output_size = io.output_size;
    options.offset = io.offset;
    options.in_place = true;
    options.over = &told;
    options.context = &io;
    void* const memory = sync::allocate(sizeof(wdm::request), sync::memory_use::internal);
    io.port = memory == nullptr ? nullptr : new (memory) wdm::request(options);
    return io.port != nullptr;
  }

  std::int32_t open(port_io& io, const open_request& what, std::uint64_t* information) override {
    wdm::open_options how;
    how.access = what.access;
    how.share = what.share;
    how.disposition = what.disposition;
    how.create_options = what.create_options;
    how.attributes = what.attributes;
    how.cancel = &opening_of(io);
    const wdm::open_result result = wdm::open(what.name, how);
    *information = result.information;
    if (result.file == nullptr) return result.status;
    kernel::reference_object(result.file);  // until close()
    io.file = result.file;
    return result.status;
  }

  std::size_t names(char16_t* to, std::size_t room) const override {
    return wdm::list_names(to, room);
  }

  std::int32_t start(port_io& io) override { return request_of(io).start(); }

  void cancel(port_io& io) override {
    if (io.kind == io_kind::open) {
      opening_of(io).cancel(reason_kind::user);
    } else {
      request_of(io).cancel();
    }
  }

  void release(port_io& io) override {
    if (io.kind == io_kind::open) {
      opening_of(io).~basic_operation();
    } else {
      request_of(io).~request();
    }
    sync::deallocate(io.port);
    io.port = nullptr;
  }

  void cleanup(void* file) override { wdm::close_handle(static_cast<_FILE_OBJECT*>(file)); }
  void close(void* file) override { kernel::dereference_object(file); }
  void overdue(port_io& io, bool for_good) override;
};

// Says why the packet of a thread that ended is still there.
void in_process::overdue(port_io& io, bool for_good) {
  search what{&request_of(io), {}, false};
  wdm::visit_irps(
      [](void* context, const wdm::irp_view& view) {
        auto& in = *static_cast<search*>(context);
        if (view.owner != in.owner) return true;
        in.found = view;
        in.any = true;
        return false;
      },
      &what);
  if (!what.any || what.found.state == wdm::irp_state::completed) return;
  const bool lost = what.found.cancel_requested && what.found.routine_armed;
  if (!lost && !for_good) return;
  kernel::violation report;
  report.object = what.found.irp;
  report.parameter[0] = reinterpret_cast<std::uint64_t>(what.found.irp);
  report.site = what.found.site;
  report.clause = lost ? "WDM-CANCEL-013" : "WDM-FILE-003";
  report.rule = lost ? "MissedCancel" : "";
  std::snprintf(report.text, sizeof report.text,
                lost ? "the cancel of the IRP %p is lost: its cancel routine was set after "
                       "IoCancelIrp had come, and nobody has looked at Irp->Cancel again"
                     : "five minutes after its thread ended and cancelled it, the IRP %p is still "
                       "not completed",
                static_cast<const void*>(what.found.irp));
  kernel::report(report);
}

in_process the_way;

}  // namespace

device_port& in_process_port() { return the_way; }

}  // namespace belay::inline BELAY_BUILD::win32
