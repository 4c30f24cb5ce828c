// Requests in two steps (exchange.hpp): the write that sends one, and the read that waits for it.
//
// Thread safety: libfuse calls these from its threads.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "host/device_files.hpp"
#include "host/file_operations.hpp"
#include "kernel/executive.hpp"

namespace belay::inline BELAY_BUILD::host {

using kernel::guard;

namespace {

constexpr std::uint32_t most_output = 64u << 20;  // of one exchange

}  // namespace

// The request that was sent, if it is whole.
bool file_operations::whole(const exchange_buffer& buffer, exchange_request& out) {
  if (buffer.sent.size() < sizeof out) return false;
  std::memcpy(&out, buffer.sent.data(), sizeof out);
  return buffer.sent.size() == sizeof out + out.input_size;
}

// Adds what came to the buffer. Returns: 0 or an errno. `complete`: the request is whole, and the
// caller's to start.
int file_operations::keep(device_files& files, open_file& file, exchange_place place,
                          const char* data, std::size_t size, exchange_request& asked,
                          bool& complete) {
  const guard hold(files.lock_);
  const bool unopened = file.object == nullptr;
  if (place.position == 0) {
    const auto before = file.exchanges.find(place.id);
    if (before != file.exchanges.end() && before->second.running) return EBUSY;
    file.exchanges.erase(place.id);
  }
  exchange_buffer& buffer = file.exchanges[place.id];
  if (buffer.running || buffer.over || buffer.create || place.position != buffer.sent.size() ||
      buffer.sent.size() + size > sizeof(exchange_request) + most_output) {
    return EINVAL;
  }
  buffer.sent.insert(buffer.sent.end(), data, data + size);
  complete = whole(buffer, asked);
  if (!complete) return 0;
  const bool known = unopened ? asked.major == major_create
                              : asked.major == major_read || asked.major == major_write ||
                                    asked.major == major_control || asked.major == major_flush;
  if (!known || asked.magic != exchange_magic || asked.output_size > most_output) return EINVAL;
  if (unopened) {  // the read that waits for it sends it
    buffer.create = true;
    complete = false;
    return 0;
  }
  buffer.answer.resize(sizeof(exchange_answer) + asked.output_size);
  buffer.running = true;
  ++file.running;
  return 0;
}

void file_operations::answer_sent(fuse_req_t req, std::size_t size, bool by_control) {
  if (by_control) {
    fuse_reply_ioctl(req, 0, nullptr, 0);
  } else {
    fuse_reply_write(req, size);
  }
}

void file_operations::receive(fuse_req_t req, open_file& file, exchange_place place,
                              const char* data, std::size_t size, bool by_control) {
  exchange_request asked;
  bool complete = false;
  const int error = keep(of(req), file, place, data, size, asked, complete);
  if (error != 0) {
    fuse_reply_err(req, error);
    return;
  }
  // Answered when the dispatch routine has returned: as on Windows, what a program asks for next
  // comes to the driver after this.
  if (const int refusal = complete ? send(req, file, place.id, asked) : 0; refusal != 0) {
    fuse_reply_err(req, refusal);
  } else {
    answer_sent(req, size, by_control);
  }
}

// Returns: 0, or the errno when the host takes no more.
int file_operations::send(fuse_req_t req, open_file& file, std::uint32_t id,
                          const exchange_request& asked) {
  device_files& files = of(req);
  const operation what = asked.major == major_read    ? operation::read
                         : asked.major == major_write ? operation::write
                         : asked.major == major_flush ? operation::flush
                                                      : operation::control;
  arrival about = arrives(req, what, &file, asked.input_size + asked.output_size);
  about.answer_to = nullptr;  // whoever waits stands in the buffer
  about.control_code = asked.control_code;
  pending& entry = files.table_.begin(about);
  entry.wants_status = true;
  entry.exchange = id;
  entry.files = &files;
  wdm::request_options options;
  bool cancelled = false;
  {
    const guard hold(files.lock_);
    exchange_buffer& buffer = file.exchanges[id];
    buffer.number = entry.number;
    cancelled = buffer.cancel_wanted;
    options.input = buffer.sent.data() + sizeof asked;
    options.output = buffer.answer.data() + sizeof(exchange_answer);
  }
  options.file = file.object;
  options.major = asked.major;
  options.minor = asked.minor;
  options.control_code = asked.control_code;
  options.input_size = asked.input_size;
  options.output_size = asked.output_size;
  options.offset = asked.offset;
  options.in_place = true;
  if (cancelled) files.table_.cancel(entry.number, reason_kind::user);
  if (start(req, entry, options)) return 0;
  int refusal = 0;
  fuse_req_t waiter = nullptr;
  {
    const guard hold(files.lock_);
    refusal = files.refusing_;
    waiter = file.exchanges[id].waiter;
    file.exchanges.erase(id);
    --file.running;  // the write that sends it is not answered yet: the file stays
  }
  if (waiter != nullptr) fuse_reply_err(waiter, refusal);
  return refusal;
}

void file_operations::cancel_sent(fuse_req_t req, open_file& file, exchange_place place,
                                  std::size_t size, bool by_control) {
  device_files& files = of(req);
  std::uint64_t number = 0;
  {
    const guard hold(files.lock_);
    const auto found = file.exchanges.find(place.id);
    if (found != file.exchanges.end()) {
      found->second.cancel_wanted = true;
      if (found->second.running) number = found->second.number;
    }
  }
  if (number != 0) files.table_.cancel(number, reason_kind::user);
  answer_sent(req, size, by_control);
}

// The first part of the answer, which is over.
std::vector<unsigned char> file_operations::first_part(open_file& file, std::uint32_t id,
                                                       std::size_t room) {
  std::vector<unsigned char>& answer = file.exchanges[id].answer;
  if (answer.size() <= room) {
    std::vector<unsigned char> all = std::move(answer);
    file.exchanges.erase(id);
    return all;
  }
  return {answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(room)};
}

void file_operations::perform(fuse_req_t req, open_file& file, exchange_place place,
                              std::size_t size) {
  if (place.position != 0) return read_rest(req, file, place, size);
  device_files& files = of(req);
  std::uint64_t number = 0;
  bool known = false, creates = false;
  {
    const guard hold(files.lock_);
    const auto found = file.exchanges.find(place.id);
    creates = found != file.exchanges.end() && found->second.create;
    if (found != file.exchanges.end() && (found->second.running || found->second.over)) {
      known = found->second.waiter == nullptr;
      number = found->second.number;
    }
  }
  if (creates && size >= sizeof(exchange_answer)) return create(req, file, place.id);
  if (!known || creates || size < sizeof(exchange_answer)) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  fuse_req_interrupt_func(req, &interrupted, reinterpret_cast<void*>(number));
  std::vector<unsigned char> first;
  {
    const guard hold(files.lock_);
    exchange_buffer& buffer = file.exchanges[place.id];
    if (!buffer.over) {
      buffer.waiter = req;
      buffer.room = size;
      return;
    }
    first = first_part(file, place.id, size);
  }
  fuse_reply_buf(req, reinterpret_cast<const char*>(first.data()), first.size());
}

// The request is over; the driver is done with both buffers.
void file_operations::exchanged(pending& entry, wdm::request& request, std::int32_t status) {
  exchange_answer header;
  header.status = status;
  header.information = request.information();
  if (request.pended()) header.flags = exchange_pended;
  open_file& file = *entry.file;
  device_files& files = *entry.files;
  fuse_req_t waiter = nullptr;
  std::vector<unsigned char> first;
  {
    const guard hold(files.lock_);
    exchange_buffer& buffer = file.exchanges[entry.exchange];
    const std::size_t output = buffer.answer.size() - sizeof header;
    const std::size_t bytes =
        is_error(status)
            ? 0
            : static_cast<std::size_t>(std::min<std::uint64_t>(header.information, output));
    buffer.answer.resize(sizeof header + bytes);
    std::memcpy(buffer.answer.data(), &header, sizeof header);
    buffer.over = true;
    buffer.running = false;
    waiter = buffer.waiter;
    buffer.waiter = nullptr;
    if (waiter != nullptr) first = first_part(file, entry.exchange, buffer.room);
    if (--file.running == 0 && file.released) {
      files.open_.erase(reinterpret_cast<std::uint64_t>(&file));
    }
  }
  if (waiter != nullptr) {
    fuse_reply_buf(waiter, reinterpret_cast<const char*>(first.data()), first.size());
  }
}

void file_operations::read_rest(fuse_req_t req, open_file& file, exchange_place place,
                                std::size_t size) {
  device_files& files = of(req);
  std::vector<char> out;
  bool last = false;
  {
    const guard hold(files.lock_);
    const auto found = file.exchanges.find(place.id);
    if (found != file.exchanges.end() && found->second.over) {
      const auto& answer = found->second.answer;
      const std::size_t from = std::min<std::size_t>(place.position, answer.size());
      const std::size_t to = std::min(from + size, answer.size());
      out.assign(answer.begin() + static_cast<std::ptrdiff_t>(from),
                 answer.begin() + static_cast<std::ptrdiff_t>(to));
      last = to == answer.size();
    }
  }
  if (last) forget(files, file, place.id);
  fuse_reply_buf(req, out.data(), out.size());
}

void file_operations::forget(device_files& files, open_file& file, std::uint32_t id) {
  const guard hold(files.lock_);
  file.exchanges.erase(id);
}

}  // namespace belay::inline BELAY_BUILD::host
