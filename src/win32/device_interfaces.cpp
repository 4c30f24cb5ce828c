// Which devices have an interface class: the configuration manager's lists, read off the links'
// names ("\GLOBAL??\ROOT#BELAY#0000#{class}"), which are there while an interface is enabled.
//
// Thread safety: any thread.
// Contract: WIN32-FILE-004
#include <string_view>

#include "kernel/letters.hpp"
#include "win32/process.hpp"
#include "win32/text.hpp"
#include "win32/utf8.hpp"

// clang-format off
#include <windows.h>

#include <cfgmgr32.h>
// clang-format on

using namespace belay;
using namespace belay::win32;

namespace {

constexpr std::size_t guid_length = 38;

// "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}"
void write_guid(const GUID& of, char16_t (&out)[guid_length]) {
  char16_t* at = out;
  const auto hex = [&](std::uint64_t value, int digits) {
    while (digits-- > 0) *at++ = u"0123456789abcdef"[(value >> (4 * digits)) & 15];
  };
  *at++ = u'{';
  hex(of.Data1, 8);
  *at++ = u'-';
  hex(of.Data2, 4);
  *at++ = u'-';
  hex(of.Data3, 4);
  *at++ = u'-';
  for (int i = 0; i < 8; ++i) {
    if (i == 2) *at++ = u'-';
    hex(of.Data4[i], 2);
  }
  *at = u'}';
}

// Everything that a device can be opened by, each with its terminator, then an empty one.
class all_names {
 public:
  all_names() {
    const device_port& port = *the_process().port;
    for (std::size_t room = 0, needed = port.names(nullptr, 0); needed > room;
         needed = port.names(text_, room)) {
      sync::deallocate(text_);
      room = needed;
      text_ = static_cast<char16_t*>(
          sync::allocate(room * sizeof(char16_t), sync::memory_use::internal));
      if (text_ == nullptr) return;
    }
  }
  all_names(const all_names&) = delete;
  all_names& operator=(const all_names&) = delete;
  ~all_names() { sync::deallocate(text_); }

  const char16_t* get() const { return text_; }

 private:
  char16_t* text_ = nullptr;
};

// What is asked for.
struct question {
  char16_t of[guid_length];
  const char16_t* device;  ///< "ROOT\BELAY\0000"; nullptr or empty: any

  /// Whether `link`, "ROOT#BELAY#0000#{class}" and perhaps "\reference", is one.
  bool fits(const char16_t* link) const {
    const char16_t* at = link;
    while (*at != 0 && !(at[0] == u'#' && at[1] == u'{')) ++at;
    if (*at == 0) return false;
    for (std::size_t i = 0; i < guid_length; ++i) {
      if (kernel::lower(at[1 + i]) != of[i]) return false;
    }
    const char16_t next = at[1 + guid_length];
    if (next != 0 && next != u'\\') return false;
    if (device == nullptr || *device == 0) return true;
    const char16_t* wanted = device;
    for (const char16_t* c = link; c != at; ++c, ++wanted) {
      if (kernel::lower(*c == u'#' ? u'\\' : *c) != kernel::lower(*wanted)) return false;
    }
    return *wanted == 0;
  }
};

// Hands `text` to `put`, a character of type C at a time.
template <class C, class Put>
void each_character(std::u16string_view text, Put put) {
  if constexpr (sizeof(C) == 1) {
    each_utf8(text.data(), text.size(), put);
  } else {
    for (const char16_t unit : text) put(unit);
  }
}

// The same for the list of the links that fit.
template <class C, class Put>
void each_character(const char16_t* names, const question& what, Put put) {
  constexpr std::u16string_view global = u"\\GLOBAL??\\";
  for (const char16_t* at = names; *at != 0;) {
    std::u16string_view name(at);
    at += name.size() + 1;
    if (!name.starts_with(global) || !what.fits(name.data() + global.size())) continue;
    each_character<C>(u"\\\\?\\", put);
    each_character<C>(name.substr(global.size()), put);
    put(C{0});
  }
  put(C{0});
}

// `needed` is how many characters the list has; it is written to `buffer` unless that is nullptr.
template <class C>
CONFIGRET list(const GUID* of, const char16_t* device, ULONG flags, HMACHINE machine, C* buffer,
               ULONG room, ULONG* needed) {
  if (of == nullptr || needed == nullptr) return CR_INVALID_POINTER;
  if ((flags & ~ULONG{CM_GET_DEVICE_INTERFACE_LIST_BITS}) != 0) return CR_INVALID_FLAG;
  // Other machines, and interfaces that are not enabled, are not known.
  if (machine != nullptr || flags != CM_GET_DEVICE_INTERFACE_LIST_PRESENT) {
    return CR_CALL_NOT_IMPLEMENTED;
  }
  question what{{}, device};
  write_guid(*of, what.of);
  const all_names names;
  if (names.get() == nullptr) return CR_OUT_OF_MEMORY;
  ULONG count = 0;
  each_character<C>(names.get(), what, [&](C) { ++count; });
  *needed = count;
  if (buffer == nullptr) return CR_SUCCESS;
  if (count > room) return CR_BUFFER_SMALL;
  sync::touch(buffer, count * sizeof(C), sync::access_kind::write);
  each_character<C>(names.get(), what, [&](C c) { *buffer++ = c; });
  return CR_SUCCESS;
}

template <class C>
CONFIGRET list_into(const GUID* of, const char16_t* device, ULONG flags, HMACHINE machine,
                    C* buffer, ULONG room) {
  ULONG needed = 0;
  if (buffer == nullptr || room == 0) return CR_INVALID_POINTER;
  return list(of, device, flags, machine, buffer, room, &needed);
}

const char16_t* units(const WCHAR* text) { return reinterpret_cast<const char16_t*>(text); }

}  // namespace

extern "C" {

/// Callers:  any thread.
/// Returns:  CR_SUCCESS, with 1 if no device has the interface; CR_INVALID_POINTER,
///           CR_INVALID_FLAG; CR_CALL_NOT_IMPLEMENTED for another machine, or
///           CM_GET_DEVICE_INTERFACE_LIST_ALL_DEVICES; CR_OUT_OF_MEMORY.
/// Contract: WIN32-FILE-004
CONFIGRET WINAPI CM_Get_Device_Interface_List_Size_ExW(PULONG pulLen, LPGUID InterfaceClassGuid,
                                                       DEVINSTID_W pDeviceID, ULONG ulFlags,
                                                       HMACHINE hMachine) {
  BELAY_CALL(CM_Get_Device_Interface_List_Size_ExW, &the_process().port);
  return list<char16_t>(InterfaceClassGuid, units(pDeviceID), ulFlags, hMachine, nullptr, 0,
                        pulLen);
}

CONFIGRET WINAPI CM_Get_Device_Interface_List_Size_ExA(PULONG pulLen, LPGUID InterfaceClassGuid,
                                                       DEVINSTID_A pDeviceID, ULONG ulFlags,
                                                       HMACHINE hMachine) {
  BELAY_CALL(CM_Get_Device_Interface_List_Size_ExA, &the_process().port);
  const wide_text device(pDeviceID);
  return list<char>(InterfaceClassGuid, device.get(), ulFlags, hMachine, nullptr, 0, pulLen);
}

CONFIGRET WINAPI CM_Get_Device_Interface_List_SizeW(PULONG pulLen, LPGUID InterfaceClassGuid,
                                                    DEVINSTID_W pDeviceID, ULONG ulFlags) {
  return CM_Get_Device_Interface_List_Size_ExW(pulLen, InterfaceClassGuid, pDeviceID, ulFlags,
                                               nullptr);
}

CONFIGRET WINAPI CM_Get_Device_Interface_List_SizeA(PULONG pulLen, LPGUID InterfaceClassGuid,
                                                    DEVINSTID_A pDeviceID, ULONG ulFlags) {
  return CM_Get_Device_Interface_List_Size_ExA(pulLen, InterfaceClassGuid, pDeviceID, ulFlags,
                                               nullptr);
}

/// Callers:  any thread.
/// Returns:  that, and CR_BUFFER_SMALL; nothing is written then.
/// Contract: WIN32-FILE-004
CONFIGRET WINAPI CM_Get_Device_Interface_List_ExW(LPGUID InterfaceClassGuid, DEVINSTID_W pDeviceID,
                                                  PWCHAR Buffer, ULONG BufferLen, ULONG ulFlags,
                                                  HMACHINE hMachine) {
  BELAY_CALL(CM_Get_Device_Interface_List_ExW, &the_process().port);
  return list_into(InterfaceClassGuid, units(pDeviceID), ulFlags, hMachine,
                   reinterpret_cast<char16_t*>(Buffer), BufferLen);
}

CONFIGRET WINAPI CM_Get_Device_Interface_List_ExA(LPGUID InterfaceClassGuid, DEVINSTID_A pDeviceID,
                                                  PCHAR Buffer, ULONG BufferLen, ULONG ulFlags,
                                                  HMACHINE hMachine) {
  BELAY_CALL(CM_Get_Device_Interface_List_ExA, &the_process().port);
  const wide_text device(pDeviceID);
  return list_into(InterfaceClassGuid, device.get(), ulFlags, hMachine, Buffer, BufferLen);
}

CONFIGRET WINAPI CM_Get_Device_Interface_ListW(LPGUID InterfaceClassGuid, DEVINSTID_W pDeviceID,
                                               PWCHAR Buffer, ULONG BufferLen, ULONG ulFlags) {
  return CM_Get_Device_Interface_List_ExW(InterfaceClassGuid, pDeviceID, Buffer, BufferLen, ulFlags,
                                          nullptr);
}

CONFIGRET WINAPI CM_Get_Device_Interface_ListA(LPGUID InterfaceClassGuid, DEVINSTID_A pDeviceID,
                                               PCHAR Buffer, ULONG BufferLen, ULONG ulFlags) {
  return CM_Get_Device_Interface_List_ExA(InterfaceClassGuid, pDeviceID, Buffer, BufferLen, ulFlags,
                                          nullptr);
}

}  // extern "C"
