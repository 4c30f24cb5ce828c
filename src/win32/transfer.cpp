// Requests: sending, the second stage of completion, cancelling.
//
// Thread safety and invariants: transfer.hpp.
// Contract: WIN32-IO-001 to WIN32-IO-005, WIN32-CANCEL-001, WIN32-CANCEL-002
#include "win32/transfer.hpp"

#include <new>

#include "kernel/api.hpp"
#include "kernel/parts.hpp"
#include "win32/error_codes.hpp"

namespace belay::inline BELAY_BUILD::win32 {

namespace {

constexpr std::uint8_t skip_packet_on_success = 1;
constexpr std::uint8_t skip_event_of_file = 2;
constexpr std::size_t block_size = 16;

// ---- the lists

void link(transfer& what) {
  const kernel::guard hold_lock(the_process().lock);
  kernel::push_front(what.in->first, &what);
  what.next_of_thread = what.issuer->first;
  if (what.next_of_thread != nullptr) what.next_of_thread->previous_of_thread = &what;
  what.issuer->first = &what;
  what.in_flight = true;
  if (what.waited) what.issuer->synchronous = &what;
}

// Off both lists. An issuer that ends and has nothing left is told.
void unlink(transfer& what) {
  process& root = the_process();
  kernel::order(sync::access_kind::update, &what.in->first);
  const kernel::guard hold_lock(root.lock);
  kernel::unlink(what.in->first, &what);
  what.in_flight = false;
  thread_state* const issuer = what.issuer;
  if (issuer == nullptr) return;  // it ended without waiting any longer
  (what.previous_of_thread != nullptr ? what.previous_of_thread->next_of_thread : issuer->first) =
      what.next_of_thread;
  if (what.next_of_thread != nullptr) {
    what.next_of_thread->previous_of_thread = what.previous_of_thread;
  }
  if (issuer->synchronous == &what) issuer->synchronous = nullptr;
  if (issuer->ending && issuer->first == nullptr) issuer->drained.unpark();
}

// ---- the second stage

struct routine_call {
  completion_routine routine;
  std::uint32_t error;
  std::uint32_t bytes;
  void* overlapped;
};

void call_routine(void* context) {
  auto* const call = static_cast<routine_call*>(context);
  const routine_call told = *call;
  kernel::discard(call);
  const sync::unsealed open;
  told.routine(told.error, told.bytes, told.overlapped);
}

void queue_routine(const transfer& what) {
  auto* const call = kernel::make<routine_call>();
  *call = {what.routine, error_of(what.result.status),
           static_cast<std::uint32_t>(what.result.information), what.packet};
  if (!kernel::queue_user_apc(what.thread, &call_routine, call)) kernel::discard(call);
}

void write_block(transfer& what) {
  if (what.block == nullptr) return;
  void* const block = const_cast<std::uint64_t*>(what.block);
  sync::touch(block, block_size, sync::access_kind::update);
  sync::store_word(what.block + 1, what.result.information);
  // The status last: who sees that it is not pending sees the rest.
  sync::store_word(what.block,
                   static_cast<std::uint64_t>(static_cast<std::uint32_t>(what.result.status)));
}

struct packet_target {
  port_object* port = nullptr;
  std::uint64_t key = 0;
};

// Where the packet goes. Asked before anybody can see that the request is over: a port that is
// associated after that hears nothing of it.
packet_target target_of(const transfer& what) {
  const bool skip = (what.in->modes & skip_packet_on_success) != 0 && !what.result.pended &&
                    succeeded(what.result.status);
  if (what.packet == nullptr || what.routine != nullptr || skip) return {};
  const kernel::guard hold_lock(the_process().lock);
  return {what.in->port, what.in->port_key};
}

void signal_events(transfer& what) {
  if (what.event != nullptr) kernel::change_event(what.event, kernel::event_change::set);
  if (what.event != nullptr && what.in->overlapped()) return;
  if ((what.in->modes & skip_event_of_file) != 0) return;
  kernel::change_event(what.in->event, kernel::event_change::set);
}

// What the special kernel APC does on Windows (WIN32-IO-001).
void complete(transfer& what) {
  const bool silent = is_error(what.result.status) && (!what.result.pended || what.waited);
  if (!silent) {
    const packet_target to = target_of(what);
    write_block(what);
    signal_events(what);
    if (what.routine != nullptr) queue_routine(what);
    if (to.port != nullptr) {
      post(*to.port, {to.key, what.packet, static_cast<std::uint32_t>(what.result.status),
                      what.result.information});
    }
  }
  if (what.waited) what.done.unpark();
}

void over(port_io& io, const io_result& result) {
  const sync::sealed seal;
  auto& what = static_cast<transfer&>(io);
  what.result = result;
  unlink(what);
  complete(what);
  release(&what);
}

// ---- making one

void fill(transfer& what, file_object& file, const transfer_options& from) {
  what.kind = from.kind;
  what.file = file.file;
  what.control_code = from.control_code;
  what.input = from.input;
  what.input_size = from.input_size;
  what.output = from.output;
  what.output_size = from.output_size;
  what.offset = from.offset;
  what.over = &over;
  what.block = from.block;
  what.packet = from.packet;
  what.routine = from.routine;
  what.waited = from.wait || !file.overlapped();
  what.references = 2;  // in flight, and the issuer's
  what.in = &file;
  kernel::reference_object(&file);
  what.issuer = &self();
  what.thread = what.issuer->object;
  kernel::reference_object(what.thread);
  what.event = from.event;
  if (what.event != nullptr) kernel::reference_object(what.event);
}

void destroy(transfer* what) {
  if (what->port != nullptr) the_process().port->release(*what);
  kernel::dereference_object(what->thread);
  if (what->event != nullptr) kernel::dereference_object(what->event);
  if (what->in != nullptr) kernel::dereference_object(what->in);
  kernel::discard(what);
}

transfer_answer send_one(file_object& file, const transfer_options& options) {
  auto* const what = kernel::make<transfer>();
  fill(*what, file, options);
  if (!the_process().port->prepare(*what)) {
    destroy(what);
    return {static_cast<std::int32_t>(0xC000009A), 0};  // STATUS_INSUFFICIENT_RESOURCES
  }
  kernel::change_event(file.event, kernel::event_change::reset);
  if (what->event != nullptr) kernel::change_event(what->event, kernel::event_change::reset);
  link(*what);
  transfer_answer answer;
  answer.status = the_process().port->start(*what);
  if (what->waited && answer.status == status_pending) {
    what->done.park(sync::forever);
    answer.status = what->result.status;
  }
  if (answer.status != status_pending) answer.information = what->result.information;
  release(what);
  return answer;
}

// Adds a reference to the first one that fits and that this sweep has not met.
transfer* next_of_sweep(const cancel_filter& which, std::uint64_t sweep) {
  process& root = the_process();
  const kernel::guard hold_lock(root.lock);
  for (thread_state* who = root.threads; who != nullptr; who = who->next) {
    if (which.issuer != nullptr && which.issuer != who) continue;
    for (transfer* each = who->first; each != nullptr; each = each->next_of_thread) {
      if (each->sweep == sweep || (which.file != nullptr && each->in != which.file) ||
          (which.block != nullptr && each->block != which.block)) {
        continue;
      }
      each->sweep = sweep;
      ++each->references;
      return each;
    }
  }
  return nullptr;
}

}  // namespace

// A status block that a request in flight has already (WIN32-IO-005).
void check_block_unused(const volatile std::uint64_t* block) {
  if (block == nullptr) return;
  bool used = false;
  {
    const kernel::guard hold_lock(the_process().lock);
    for (const thread_state* who = the_process().threads; who != nullptr; who = who->next) {
      for (const transfer* each = who->first; each != nullptr; each = each->next_of_thread) {
        used = used || each->block == block;
      }
    }
  }
  BELAY_CONTRACT(!used, "WIN32-IO-005", "", 0, (0, 0, 0, 0),
                 const_cast<const std::uint64_t*>(block),
                 "the OVERLAPPED %p is used for another request while one that has it is in flight",
                 static_cast<const void*>(const_cast<const std::uint64_t*>(block)));
}

void release(transfer* what) {
  bool last = false;
  {
    const kernel::guard hold_lock(the_process().lock);
    last = --what->references == 0;
  }
  if (last) destroy(what);
}

void set_synchronous(transfer* what) {
  thread_state& who = self();
  kernel::order(sync::access_kind::update, &who.synchronous);
  const kernel::guard hold_lock(the_process().lock);
  who.synchronous = what;
}

transfer_answer send(file_object& file, const transfer_options& what) {
  if (file.overlapped()) return send_one(file, what);
  kernel::wait_for_many(&file.turn, 1, false, false, sync::forever);
  const transfer_answer answer = send_one(file, what);
  kernel::change_event(file.turn, kernel::event_change::set);
  return answer;
}

bool cancel_transfers(const cancel_filter& which) {
  process& root = the_process();
  std::uint64_t sweep = 0;
  if (which.file != nullptr) kernel::order(sync::access_kind::update, &which.file->first);
  {
    const kernel::guard hold_lock(root.lock);
    sweep = ++root.sweep;
  }
  bool any = false;
  while (transfer* const each = next_of_sweep(which, sweep)) {
    any = true;
    root.port->cancel(*each);
    release(each);
  }
  return any;
}

bool cancel_synchronous(void* thread_object) {
  process& root = the_process();
  transfer* found = nullptr;
  {
    const kernel::guard hold_lock(root.lock);
    for (const thread_state* who = root.threads; who != nullptr; who = who->next) {
      if (who->object != thread_object || who->synchronous == nullptr) continue;
      found = who->synchronous;
      ++found->references;
    }
  }
  if (found == nullptr) return false;
  root.port->cancel(*found);
  release(found);
  return true;
}

void check_memory_freed(const void* memory, std::size_t bytes, const thread_state* only) {
  if (!started() || bytes == 0) return;
  const void* needed = nullptr;
  const char* what = "";
  {
    const kernel::guard hold_lock(the_process().lock);
    for (const thread_state* who = the_process().threads; who != nullptr; who = who->next) {
      if (only != nullptr && only != who) continue;
      for (const transfer* each = who->first; each != nullptr; each = each->next_of_thread) {
        const void* const block = const_cast<const std::uint64_t*>(each->block);
        if (block != nullptr && kernel::overlaps(memory, bytes, block, 32)) {
          needed = block, what = "OVERLAPPED";
        } else if (each->output_size != 0 &&
                   kernel::overlaps(memory, bytes, each->output, each->output_size)) {
          needed = each->output, what = "output buffer";
        } else if (each->input_size != 0 &&
                   kernel::overlaps(memory, bytes, each->input, each->input_size)) {
          needed = each->input, what = "input buffer";
        }
      }
    }
  }
  BELAY_CONTRACT(needed == nullptr, "WIN32-IO-005", "", 0, (0, 0, 0, 0), needed,
                 "the %s %p of a request in flight is %s: it stays until the request's outcome is "
                 "seen, also after CancelIoEx",
                 what, needed, only == nullptr ? "freed" : "in a frame that has returned");
}

}  // namespace belay::inline BELAY_BUILD::win32
