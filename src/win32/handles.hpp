// The handles that the program made, and the names of its objects.
//
// Thread safety: under the process's lock.
#pragma once

#include "win32/process.hpp"

namespace belay::inline BELAY_BUILD::win32 {

/// Closes every handle that is left, as the end of the process does.
void close_all_handles();
/// Closes one. Returns: false if the program has no such handle.
bool close_one(void* handle);

/// The object of that name and type, referenced; nullptr: there is none. `*clash` (may be nullptr):
/// there is one of another type.
void* named(const char16_t* name, const kernel::object_type* type, bool* clash);
/// Gives `object` a name, for as long as it lives. Takes a reference that the last handle drops.
void give_name(const char16_t* name, void* object);
void forget_names();

}  // namespace belay::inline BELAY_BUILD::win32
