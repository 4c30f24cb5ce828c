// Requests in two steps (exchange.hpp): what a client sends ahead, and the read that performs it.
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

void file_operations::receive(fuse_req_t req, open_file& file, exchange_place place,
                              const char* data, std::size_t size) {
  int error = 0;
  {
    const guard hold(of(req).lock_);
    if (place.position == 0) file.exchanges.erase(place.id);
    exchange_buffer& buffer = file.exchanges[place.id];
    if (buffer.running || place.position != buffer.sent.size() ||
        buffer.sent.size() + size > sizeof(exchange_request) + most_output) {
      error = EINVAL;
    } else {
      buffer.sent.insert(buffer.sent.end(), data, data + size);
    }
  }
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    fuse_reply_write(req, size);
  }
}

// The request that was sent, if it is whole.
bool file_operations::whole(const exchange_buffer& buffer, exchange_request& out) {
  if (buffer.sent.size() < sizeof out) return false;
  std::memcpy(&out, buffer.sent.data(), sizeof out);
  return out.magic == exchange_magic && out.output_size <= most_output &&
         buffer.sent.size() == sizeof out + out.input_size;
}

void file_operations::perform(fuse_req_t req, open_file& file, exchange_place place,
                              std::size_t size) {
  if (place.position != 0) return read_rest(req, file, place, size);
  device_files& files = of(req);
  exchange_request asked;
  exchange_buffer* buffer = nullptr;
  {
    const guard hold(files.lock_);
    const auto found = file.exchanges.find(place.id);
    if (found != file.exchanges.end() && !found->second.running && whole(found->second, asked)) {
      buffer = &found->second;
      buffer->running = true;
    }
  }
  const bool known = asked.major == major_read || asked.major == major_write ||
                     asked.major == major_control || asked.major == major_flush;
  if (buffer == nullptr || !known || size < sizeof(exchange_answer)) {
    fuse_reply_err(req, EINVAL);
    return;
  }
  buffer->answer.resize(sizeof(exchange_answer) + asked.output_size);
  const operation what = asked.major == major_read    ? operation::read
                         : asked.major == major_write ? operation::write
                         : asked.major == major_flush ? operation::flush
                                                      : operation::control;
  arrival about = arrives(req, what, &file, asked.input_size + asked.output_size);
  about.control_code = asked.control_code;
  pending& entry = files.table_.begin(about);
  entry.wants_status = true;
  entry.exchange = place.id;
  entry.room = static_cast<std::uint32_t>(size);
  wdm::request_options options;
  options.file = file.object;
  options.major = asked.major;
  options.minor = asked.minor;
  options.control_code = asked.control_code;
  options.input = buffer->sent.data() + sizeof asked;
  options.input_size = asked.input_size;
  options.output = buffer->answer.data() + sizeof(exchange_answer);
  options.output_size = asked.output_size;
  options.offset = asked.offset;
  options.in_place = true;
  start(req, entry, options);
}

void file_operations::answer_exchange(fuse_req_t req, pending& entry, wdm::request& request,
                                      std::int32_t status) {
  exchange_answer header;
  header.status = status;
  header.information = request.information();
  if (request.pended()) header.flags = exchange_pended;
  open_file& file = *entry.file;
  device_files& files = of(req);
  // The driver is done with both buffers; the map keeps them where they are.
  exchange_buffer* buffer = nullptr;
  {
    const guard hold(files.lock_);
    buffer = &file.exchanges[entry.exchange];
    const std::size_t output = buffer->answer.size() - sizeof header;
    const std::size_t bytes =
        is_error(status)
            ? 0
            : static_cast<std::size_t>(std::min<std::uint64_t>(header.information, output));
    buffer->answer.resize(sizeof header + bytes);
    buffer->over = true;
  }
  std::memcpy(buffer->answer.data(), &header, sizeof header);
  const std::size_t bytes = std::min<std::size_t>(entry.room, buffer->answer.size());
  const bool all = bytes == buffer->answer.size();
  // Whoever has this answer may read the rest, and be done with the buffer, before we return.
  const std::vector<unsigned char> first =
      all ? std::move(buffer->answer)
          : std::vector<unsigned char>(buffer->answer.begin(),
                                       buffer->answer.begin() + static_cast<std::ptrdiff_t>(bytes));
  if (all) forget(files, file, entry.exchange);
  fuse_reply_buf(req, reinterpret_cast<const char*>(first.data()), bytes);
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
