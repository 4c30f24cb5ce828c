// Reference-counted objects: the header in front of every thread, device, file or driver object,
// and the handles that name them.
//
// Thread safety: counts change under the executive's lock.
// Invariants: an object lives as long as its pointer count, which each handle raises by one. Its
// memory is freed right after its type's `destroy` returned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/executive.hpp"

namespace belay::inline BELAY_BUILD::kernel {

struct object_type {
  const char* name = "Object";
  /// The last handle was closed (a file: IRP_MJ_CLEANUP). PASSIVE_LEVEL, no lock held. May be
  /// nullptr.
  void (*close)(void* object) = nullptr;
  /// The last reference is gone (a file: IRP_MJ_CLOSE). May be nullptr. With `destroy_at_passive`,
  /// a last reference dropped above PASSIVE_LEVEL has another actor call it.
  void (*destroy)(void* object) = nullptr;
  bool destroy_at_passive = false;
  /// What a wait by handle waits for, where that is a part of the object (a file: its event).
  void* (*waited_for)(void* object) = nullptr;
};

struct alignas(16) object_header {
  static constexpr std::uint64_t alive = 0x6a626f2d79616c65;
  object_header* next = nullptr;  ///< all of the execution
  object_header* previous = nullptr;
  const object_type* type = nullptr;
  std::int64_t pointer_count = 1;
  std::int64_t handle_count = 0;
  std::size_t size = 0;        ///< of the body
  const char* name = nullptr;  ///< for reports; must outlive the object
  const void* site = nullptr;  ///< code that made it
  std::uint64_t signature = alive;

  void* body() { return this + 1; }
};

inline object_header* header_of(const void* object) {
  return static_cast<object_header*>(const_cast<void*>(object)) - 1;
}

/// Makes an object with one reference; its body of `size` bytes is zeroed, 16-byte aligned and the
/// guest's to touch. Returns: the body, or nullptr.
void* create_object(const object_type* type, std::size_t size, const void* site,
                    const char* name = nullptr);
/// The same for one that Windows has already when it is asked for: never nullptr.
void* create_vital_object(const object_type* type, std::size_t size, const void* site,
                          const char* name = nullptr);
/// Adds a reference. Contract: WDM-IRP-010 (0x18): the object exists.
std::int64_t reference_object(void* object);
/// Drops one; the last one destroys the object. Returns: how many are left.
std::int64_t dereference_object(void* object);
/// Whether `object` is the body of a living object of `type` (nullptr: of any).
bool is_object(const void* object, const object_type* type);

/// What a handle is good for where nobody has said otherwise: everything.
inline constexpr std::uint32_t full_access = 0x1fffff;
/// Makes a handle to `object`, which takes a reference of its own, good for `access`. Returns: a
/// multiple of 4, or nullptr where there is no memory; then it took none.
void* create_handle(void* object, std::uint32_t access = full_access);
/// The object of a handle, without a reference; nullptr if there is none. `*access`: its rights.
void* object_of_handle(void* handle, std::uint32_t* access = nullptr);
/// The same with a reference, in one step; nullptr also if it is not of `type` (nullptr: of any).
void* reference_handle(void* handle, const object_type* type = nullptr,
                       std::uint32_t* access = nullptr);
/// Closes a handle. Returns: false if there is none.
bool close_handle(void* handle);

/// The types that the executive itself knows. Exported to drivers as PsThreadType and so on.
extern const object_type thread_type;
extern const object_type event_type;
extern const object_type semaphore_type;
extern const object_type process_type;
/// The I/O manager's: created with these so that ObReferenceObjectByHandle can tell them apart. It
/// defines them.
extern const object_type file_type;
extern const object_type device_type;
extern const object_type driver_type;

}  // namespace belay::inline BELAY_BUILD::kernel
