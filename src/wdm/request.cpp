// One overlapped request of a user thread, and what happens to its packet above the highest driver.
//
// Thread safety: start(), wait() and the destructor belong to the issuing actor, cancel() to any.
// Invariants: the packet is freed when the outcome is there and no IoCancelIrp of ours is in it: by
// the issuing actor, which waits for both, or, of a request with `over`, by whoever came last.
// Completion never waits.
// Contract: WDM-FILE-001, WDM-FILE-003, WDM-FILE-004
#include "wdm/request_block.hpp"

namespace belay::inline BELAY_BUILD::wdm {

namespace {

void* make_copy(const void* from, std::size_t size, std::size_t room) {
  if (room == 0) return nullptr;
  void* block = sync::allocate(room, sync::memory_use::guest);
  if (block != nullptr && from != nullptr && size != 0) __builtin_memcpy(block, from, size);
  return block;
}

// A request's buffers as its driver wants them.
class buffer_builder {
 public:
  buffer_builder(const request_options& options, request_block* block, irp_record* record)
      : options_(options), block_(block), record_(record), irp_(record->irp) {}

  // Both return: false without memory; what there is goes with packet and block.
  bool transfer(ULONG device_flags, bool write) {
    const ULONG length = write ? options_.input_size : options_.output_size;
    if (length == 0) return true;
    if ((device_flags & DO_BUFFERED_IO) != 0) {
      if (!system_buffer(length, write ? options_.input : nullptr, write ? length : 0))
        return false;
      if (write) return true;
      return copied_back();
    }
    void* user = write ? user_input() : user_output();
    if ((device_flags & DO_DIRECT_IO) != 0) return describe(user, length);
    irp_->UserBuffer = user;
    return user != nullptr || options_.in_place;
  }

  bool control(PIO_STACK_LOCATION next) {
    const ULONG in = options_.input_size;
    const ULONG out = options_.output_size;
    next->Parameters.DeviceIoControl.InputBufferLength = in;
    next->Parameters.DeviceIoControl.OutputBufferLength = out;
    next->Parameters.DeviceIoControl.IoControlCode = options_.control_code;
    switch (options_.control_code & 3) {
      case METHOD_BUFFERED:
        if (in == 0 && out == 0) return true;
        if (!system_buffer(in > out ? in : out, options_.input, in)) return false;
        if (out == 0) return true;
        return copied_back();
      case METHOD_IN_DIRECT:
      case METHOD_OUT_DIRECT:
        if (in != 0 && !system_buffer(in, options_.input, in)) return false;
        return out == 0 || describe(user_output(), out);
      default:
        irp_->UserBuffer = user_output();
        next->Parameters.DeviceIoControl.Type3InputBuffer = user_input();
        return (out == 0 || irp_->UserBuffer != nullptr || options_.in_place) &&
               (in == 0 || block_->user_input != nullptr || options_.in_place);
    }
  }

 private:
  // What the driver leaves in the system buffer is the answer.
  bool copied_back() {
    irp_->Flags |= IRP_INPUT_OPERATION;
    return (irp_->UserBuffer = user_output()) != nullptr;
  }
  bool system_buffer(std::size_t size, const void* content, std::size_t content_size) {
    record_->system_buffer = make_copy(content, content_size, size);
    if (record_->system_buffer == nullptr) return false;
    record_->system_buffer_size = size;
    irp_->AssociatedIrp.SystemBuffer = record_->system_buffer;
    irp_->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    return true;
  }
  bool describe(void* user, ULONG length) {
    if (user == nullptr && !options_.in_place) return false;
    record_->mdl = IoAllocateMdl(user, length, FALSE, FALSE, nullptr);
    if (record_->mdl == nullptr) return false;
    MmBuildMdlForNonPagedPool(record_->mdl);
    irp_->MdlAddress = record_->mdl;
    return true;
  }
  void* user_input() {
    if (block_->user_input == nullptr) {
      block_->own_input = !options_.in_place;
      block_->user_input =
          options_.in_place ? const_cast<void*>(options_.input)
                            : make_copy(options_.input, options_.input_size, options_.input_size);
    }
    return block_->user_input;
  }
  void* user_output() {
    if (block_->user_output == nullptr) {
      block_->own_output = options_.output == nullptr;
      block_->user_output = options_.output != nullptr
                                ? options_.output
                                : make_copy(nullptr, 0, options_.output_size);
    }
    return block_->user_output;
  }

  const request_options& options_;
  request_block* block_;
  irp_record* record_;
  PIRP irp_;
};

// Returns: false without memory for its buffers.
bool describe_request(const request_options& options, request_block* block, irp_record* record,
                      PDEVICE_OBJECT device) {
  PIRP irp = record->irp;
  PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
  next->MajorFunction = options.major;
  next->MinorFunction = options.minor;
  next->FileObject = options.file;
  buffer_builder build(options, block, record);
  switch (options.major) {
    case IRP_MJ_READ:
      next->Parameters.Read.Length = options.output_size;
      next->Parameters.Read.Key = options.key;
      next->Parameters.Read.ByteOffset.QuadPart = options.offset;
      irp->Flags |= IRP_READ_OPERATION;
      return build.transfer(device->Flags, false);
    case IRP_MJ_WRITE:
      next->Parameters.Write.Length = options.input_size;
      next->Parameters.Write.Key = options.key;
      next->Parameters.Write.ByteOffset.QuadPart = options.offset;
      irp->Flags |= IRP_WRITE_OPERATION;
      return build.transfer(device->Flags, true);
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
    case IRP_MJ_FILE_SYSTEM_CONTROL:
      return build.control(next);
    case IRP_MJ_QUERY_INFORMATION:
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
      next->Parameters.QueryFile.Length = options.output_size;
      next->Parameters.QueryFile.FileInformationClass =
          static_cast<FILE_INFORMATION_CLASS>(options.information_class);
      return build.transfer(DO_BUFFERED_IO, false);
    case IRP_MJ_SET_INFORMATION:
      next->Parameters.SetFile.Length = options.input_size;
      next->Parameters.SetFile.FileInformationClass =
          static_cast<FILE_INFORMATION_CLASS>(options.information_class);
      return build.transfer(DO_BUFFERED_IO, true);
    default:
      return true;
  }
}

// What the special kernel APC does on Windows, in the issuing actor.
void finish_here(request_block* block) {
  irp_record* record = block->record;
  if (record == nullptr) return;
  const std::size_t wanted = static_cast<std::size_t>(block->information);
  if ((record->irp->Flags & IRP_INPUT_OPERATION) != 0 && block->user_output != nullptr &&
      record->system_buffer != nullptr && !NT_ERROR(block->status)) {
    std::size_t size = wanted < block->output_size ? wanted : block->output_size;
    if (size > record->system_buffer_size) size = record->system_buffer_size;
    if (!block->own_output) sync::touch(block->user_output, size, sync::access_kind::update);
    __builtin_memcpy(block->user_output, record->system_buffer, size);
  }
  block->record = nullptr;
  free_irp(record);
  kernel::dereference_object(block->file);
}

outcome outcome_of(NTSTATUS status) {
  if (status == STATUS_CANCELLED) return outcome::canceled;
  return NT_ERROR(status) ? outcome::failed : outcome::completed;
}

// Ends a request that nobody waits for. The block may be gone afterwards.
void tell(request_block* block) {
  block->operation.complete(outcome_of(block->status));
  finish_here(block);
  auto* const owner = const_cast<request*>(block->owner);
  const sync::unsealed open;
  block->over(*owner, block->context);
}

// Completed. An IoCancelIrp of ours may be in the packet: then whoever runs it tells.
void finish_unwaited(request_block* block) {
  const handshake before =
      block->operation.disarm_async(block->canceller, [](routine& self, belay::reason) noexcept {
        tell(static_cast<request_block::irp_canceller&>(self).in);
      });
  if (before == handshake::running) return;
  if (before == handshake::cancelled_inside) {
    block->over_after_cancel = true;
    return;
  }
  tell(block);
}

// There is no memory for the request: it has not been.
nt_status give_up(request& self, const request_options& options, request_block* block,
                  irp_record* record) {
  if (record != nullptr) {
    free_irp(record);
    kernel::dereference_object(options.file);
  }
  free_block(block);
  const sync::unsealed open;
  if (options.over != nullptr) options.over(self, options.context);
  return STATUS_INSUFFICIENT_RESOURCES;
}

}  // namespace

const request* owner_of(const request_block* block) {
  return block == nullptr ? nullptr : block->owner;
}

void finish_user_irp(irp_record* record, PIRP irp) {
  const sync::sealed seal;
  request_block* block = record->block;
  block->status = irp->IoStatus.Status;
  block->information = irp->IoStatus.Information;
  block->pended = irp->PendingReturned != FALSE;
  set_state(record, irp_state::completed);
  sync::poison(irp, size_of_irp(irp->StackCount), sync::memory_state::completed);
  if (record->system_buffer != nullptr) {
    sync::poison(record->system_buffer, record->system_buffer_size, sync::memory_state::completed);
  }
  {
    const guard hold(io().lock);
    block->completed = true;
  }
  if (block->over != nullptr) return finish_unwaited(block);
  // A cancel that comes between the two finds nothing armed, which is as well: it is too late.
  block->operation.try_disarm(block->canceller);
  block->operation.complete(outcome_of(block->status));
}

// IoCancelIrp on a packet that stays until this has returned, whoever completes it meanwhile.
void request_block::irp_canceller::run(routine& self, belay::reason) noexcept {
  request_block* block = static_cast<irp_canceller&>(self).in;
  {
    const sync::unsealed open;
    if (cancel_irp(block->record, block->irp, nullptr)) {
      const guard hold(io().lock);
      block->cancel_delivered = true;
    }
  }
  if (block->over_after_cancel) tell(block);
}

request::request(const request_options& options) : options_(options) {}

request::~request() {
  if (block_ == nullptr) return;
  const sync::sealed seal;
  BELAY_ASSERT(block_->record == nullptr);
  free_block(block_);
}

void free_block(request_block* block) {
  if (block == nullptr) return;
  if (block->own_input) sync::deallocate(block->user_input);
  if (block->own_output) sync::deallocate(block->user_output);
  block->~request_block();
  sync::deallocate(block);
}

nt_status request::start() {
  const sync::sealed seal;
  BELAY_ASSERT(block_ == nullptr);
  PDEVICE_OBJECT device = top_of(options_.file->DeviceObject);
  auto* block = make<request_block>(sync::memory_use::internal);
  irp_record* record =
      block == nullptr ? nullptr : make_irp(device->StackSize, irp_kind::user, nullptr);
  if (record == nullptr) return give_up(*this, options_, block, nullptr);
  block->owner = this;
  block->over = options_.over;
  block->context = options_.context;
  block->record = record;
  block->irp = record->irp;
  block->file = options_.file;
  block->output_size = options_.output_size;
  record->block = block;
  record->thread = sync::self();
  record->process_id = options_.process_id;
  record->irp->RequestorMode =
      static_cast<KPROCESSOR_MODE>(options_.kernel_mode ? KernelMode : UserMode);
  record->irp->Tail.Overlay.OriginalFileObject = options_.file;
  record->irp->Tail.Overlay.Thread = current_thread();
  kernel::reference_object(options_.file);
  if (!describe_request(options_, block, record, device))
    return give_up(*this, options_, block, record);
  bool cancelled_early = false;
  {
    const guard hold(io().lock);
    block_ = block;
    cancelled_early = cancelled_early_;
  }
  if (cancelled_early) block->operation.cancel(reason_kind::user);
  const bool waited = block->over == nullptr;
  const NTSTATUS status = call_driver(device, record->irp);
  if (!waited) return status;  // and gone, perhaps
#if defined(BELAY_EXPLORED)
  // The driver has had its look at Irp->Cancel, or has it now while everybody else goes on.
  if (status == STATUS_PENDING) check_lost_cancel(record, 1, nullptr);
#endif
  return status;
}

bool request::cancel(belay::reason why) {
  const sync::sealed seal;
  request_block* block = nullptr;
  {
    const guard hold(io().lock);
    block = block_;
    if (block == nullptr) cancelled_early_ = true;
  }
  return block != nullptr && block->operation.cancel(why) == cancel_result::claimed;
}

bool request::wait(sync::nanoseconds deadline) {
  const sync::sealed seal;
  if (block_ == nullptr) return true;
  if (!block_->operation.wait(deadline)) return false;
  finish_here(block_);
  return true;
}

nt_status request::status() const {
  return block_ == nullptr ? STATUS_INSUFFICIENT_RESOURCES : block_->status;
}
std::uint64_t request::information() const { return block_ == nullptr ? 0 : block_->information; }
bool request::pended() const { return block_ != nullptr && block_->pended; }
const void* request::output() const { return block_ == nullptr ? nullptr : block_->user_output; }
request_block* request::published() const {
  const guard hold(io().lock);
  return block_;
}
bool request::issued() const { return published() != nullptr; }
bool request::completed() const {
  const guard hold(io().lock);
  return block_ != nullptr && block_->completed;
}
bool request::cancel_delivered() const {
  const guard hold(io().lock);
  return block_ != nullptr && block_->cancel_delivered;
}
_IRP* request::irp() const {
  return block_ == nullptr || block_->record == nullptr ? nullptr : block_->irp;
}
const char* request::name() const { return options_.name; }

}  // namespace belay::inline BELAY_BUILD::wdm
