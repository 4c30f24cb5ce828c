// Numbers and GUIDs as text, bit maps, random numbers, versions.
#include "kernel/api.hpp"
#include "kernel/pool.hpp"

#include <ntifs.h>

using namespace belay;
using namespace belay::kernel;

namespace {

#define BELAY_SITE __builtin_return_address(0)
constexpr ULONG string_tag = 0x67727453;  // 'Strg'

int digit(ULONG c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'z') return static_cast<int>(c - 'a') + 10;
  if (c >= 'A' && c <= 'Z') return static_cast<int>(c - 'A') + 10;
  return 99;
}

NTSTATUS write_number(ULONGLONG value, ULONG base, PUNICODE_STRING string) {
  if (base == 0) base = 10;
  if (base != 2 && base != 8 && base != 10 && base != 16) return STATUS_INVALID_PARAMETER;
  char digits[64];
  std::size_t length = 0;
  for (; value != 0 || length == 0; value /= base)
    digits[length++] = "0123456789ABCDEF"[value % base];
  if (length * sizeof(WCHAR) > string->MaximumLength) return STATUS_BUFFER_OVERFLOW;
  sync::touch(string->Buffer, length * sizeof(WCHAR), sync::access_kind::write);
  for (std::size_t i = 0; i < length; ++i)
    string->Buffer[i] = static_cast<WCHAR>(digits[length - 1 - i]);
  string->Length = static_cast<USHORT>(length * sizeof(WCHAR));
  if (string->Length + sizeof(WCHAR) <= string->MaximumLength) string->Buffer[length] = 0;
  return STATUS_SUCCESS;
}

/// [blanks][sign][0x|0o|0b]digits; a base of 0 takes it from the prefix.
template <class C>
NTSTATUS read_number(const C* at, std::size_t length, ULONG base, PULONG value) {
  std::size_t i = 0;
  while (i < length && at[i] <= ' ' && at[i] != 0) ++i;
  bool negative = false;
  if (i < length && (at[i] == '-' || at[i] == '+')) negative = at[i++] == '-';
  if (base == 0) {
    base = 10;
    if (i + 1 < length && at[i] == '0') {
      const ULONG kind = static_cast<ULONG>(at[i + 1]) | 0x20;
      base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
      if (base != 10) i += 2;
    }
  }
  if (base != 2 && base != 8 && base != 10 && base != 16) return STATUS_INVALID_PARAMETER;
  ULONG number = 0;
  for (; i < length && digit(static_cast<ULONG>(at[i])) < static_cast<int>(base); ++i) {
    number = number * base + static_cast<ULONG>(digit(static_cast<ULONG>(at[i])));
  }
  *value = negative ? 0 - number : number;
  return STATUS_SUCCESS;
}

bool bit(const RTL_BITMAP* map, ULONG at) { return (map->Buffer[at / 32] >> (at % 32) & 1) != 0; }
void set_bit(RTL_BITMAP* map, ULONG at, bool on) {
  const ULONG mask = 1u << (at % 32);
  if (on) {
    map->Buffer[at / 32] |= mask;
  } else {
    map->Buffer[at / 32] &= ~mask;
  }
}
void touch_map(const RTL_BITMAP* map, sync::access_kind kind) {
  sync::touch(map->Buffer, (map->SizeOfBitMap + 31) / 32 * 4, kind);
}

}  // namespace

extern "C" {

NTSTATUS RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String) {
  BELAY_EXPORT(RtlIntegerToUnicodeString, nullptr);
  return write_number(Value, Base, String);
}
NTSTATUS RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String) {
  BELAY_EXPORT(RtlInt64ToUnicodeString, nullptr);
  return write_number(Value, Base, String);
}
NTSTATUS RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value) {
  BELAY_EXPORT(RtlUnicodeStringToInteger, nullptr);
  sync::touch(String->Buffer, String->Length, sync::access_kind::read);
  return read_number(String->Buffer, String->Length / sizeof(WCHAR), Base, Value);
}
NTSTATUS RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value) {
  BELAY_EXPORT(RtlCharToInteger, nullptr);
  std::size_t length = 0;
  while (String[length] != 0) ++length;
  return read_number(String, length, Base, Value);
}

/// "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}"; the caller frees it by RtlFreeUnicodeString.
NTSTATUS RtlStringFromGUID(const GUID* Guid, PUNICODE_STRING GuidString) {
  BELAY_EXPORT(RtlStringFromGUID, nullptr);
  constexpr std::size_t length = 38;
  auto* const text = static_cast<WCHAR*>(
      allocate_pool((length + 1) * sizeof(WCHAR), string_tag, true, BELAY_SITE));
  if (text == nullptr) return STATUS_NO_MEMORY;
  UCHAR bytes[16];
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<UCHAR>(Guid->Data1 >> (24 - 8 * i));
  for (int i = 0; i < 2; ++i) bytes[4 + i] = static_cast<UCHAR>(Guid->Data2 >> (8 - 8 * i));
  for (int i = 0; i < 2; ++i) bytes[6 + i] = static_cast<UCHAR>(Guid->Data3 >> (8 - 8 * i));
  for (int i = 0; i < 8; ++i) bytes[8 + i] = Guid->Data4[i];
  std::size_t at = 0;
  text[at++] = '{';
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = static_cast<WCHAR>("0123456789ABCDEF"[bytes[i] >> 4]);
    text[at++] = static_cast<WCHAR>("0123456789ABCDEF"[bytes[i] & 15]);
  }
  text[at++] = '}';
  GuidString->Buffer = text;
  GuidString->Length = static_cast<USHORT>(length * sizeof(WCHAR));
  GuidString->MaximumLength = static_cast<USHORT>((length + 1) * sizeof(WCHAR));
  return STATUS_SUCCESS;
}
NTSTATUS RtlGUIDFromString(PCUNICODE_STRING GuidString, GUID* Guid) {
  BELAY_EXPORT(RtlGUIDFromString, nullptr);
  if (GuidString->Length < 38 * sizeof(WCHAR)) return STATUS_INVALID_PARAMETER;
  const WCHAR* const text = GuidString->Buffer;
  UCHAR bytes[16];
  std::size_t at = 1;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      if (text[at++] != '-') return STATUS_INVALID_PARAMETER;
    }
    const int high = digit(text[at]);
    const int low = digit(text[at + 1]);
    if (high > 15 || low > 15) return STATUS_INVALID_PARAMETER;
    bytes[i] = static_cast<UCHAR>(high << 4 | low);
    at += 2;
  }
  if (text[0] != '{' || text[at] != '}') return STATUS_INVALID_PARAMETER;
  Guid->Data1 = static_cast<ULONG>(bytes[0]) << 24 | static_cast<ULONG>(bytes[1]) << 16 |
                static_cast<ULONG>(bytes[2]) << 8 | bytes[3];
  Guid->Data2 = static_cast<USHORT>(bytes[4] << 8 | bytes[5]);
  Guid->Data3 = static_cast<USHORT>(bytes[6] << 8 | bytes[7]);
  for (int i = 0; i < 8; ++i) Guid->Data4[i] = bytes[8 + i];
  return STATUS_SUCCESS;
}

// ---- bit maps
// ------------------------------------------------------------------------------------

VOID RtlInitializeBitMap(PRTL_BITMAP BitMapHeader, PULONG BitMapBuffer, ULONG SizeOfBitMap) {
  *BitMapHeader = {SizeOfBitMap, BitMapBuffer};
}
VOID RtlClearAllBits(PRTL_BITMAP BitMapHeader) {
  touch_map(BitMapHeader, sync::access_kind::write);
  fill_bytes(BitMapHeader->Buffer, 0, (BitMapHeader->SizeOfBitMap + 31) / 32 * 4);
}
VOID RtlSetAllBits(PRTL_BITMAP BitMapHeader) {
  touch_map(BitMapHeader, sync::access_kind::write);
  fill_bytes(BitMapHeader->Buffer, 0xff, (BitMapHeader->SizeOfBitMap + 31) / 32 * 4);
}
VOID RtlClearBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToClear) {
  touch_map(BitMapHeader, sync::access_kind::write);
  for (ULONG i = 0; i < NumberToClear; ++i) set_bit(BitMapHeader, StartingIndex + i, false);
}
VOID RtlSetBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToSet) {
  touch_map(BitMapHeader, sync::access_kind::write);
  for (ULONG i = 0; i < NumberToSet; ++i) set_bit(BitMapHeader, StartingIndex + i, true);
}
VOID RtlSetBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber) {
  RtlSetBits(BitMapHeader, BitNumber, 1);
}
VOID RtlClearBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber) {
  RtlClearBits(BitMapHeader, BitNumber, 1);
}
BOOLEAN RtlTestBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber) {
  touch_map(BitMapHeader, sync::access_kind::read);
  return bit(BitMapHeader, BitNumber);
}
/// Returns where a run of clear bits starts, searched from the hint and then from 0; 0xFFFFFFFF:
/// none.
ULONG RtlFindClearBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex) {
  touch_map(BitMapHeader, sync::access_kind::read);
  const ULONG size = BitMapHeader->SizeOfBitMap;
  if (HintIndex >= size) HintIndex = 0;
  for (int pass = 0; pass < 2; ++pass) {
    ULONG run = 0;
    for (ULONG i = pass == 0 ? HintIndex : 0; i < size; ++i) {
      run = bit(BitMapHeader, i) ? 0 : run + 1;
      if (run >= NumberToFind) return i + 1 - NumberToFind;
    }
  }
  return 0xFFFFFFFF;
}
ULONG RtlFindClearBitsAndSet(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex) {
  const ULONG at = RtlFindClearBits(BitMapHeader, NumberToFind, HintIndex);
  if (at != 0xFFFFFFFF) RtlSetBits(BitMapHeader, at, NumberToFind);
  return at;
}
ULONG RtlNumberOfSetBits(PRTL_BITMAP BitMapHeader) {
  touch_map(BitMapHeader, sync::access_kind::read);
  ULONG count = 0;
  for (ULONG i = 0; i < BitMapHeader->SizeOfBitMap; ++i) count += bit(BitMapHeader, i);
  return count;
}

// ---- random numbers, versions, status codes
// ------------------------------------------------------

/// A function of *Seed alone, which it advances.
ULONG RtlRandomEx(PULONG Seed) {
  *Seed = static_cast<ULONG>((0x7fffffedull * *Seed + 0x7fffffc3ull) % 0x7fffffffull);
  return *Seed;
}
ULONG RtlRandom(PULONG Seed) { return RtlRandomEx(Seed); }

/// Windows 10, build 19045.
NTSTATUS RtlGetVersion(PRTL_OSVERSIONINFOW lpVersionInformation) {
  BELAY_EXPORT(RtlGetVersion, nullptr);
  const ULONG size = lpVersionInformation->dwOSVersionInfoSize;
  if (size != sizeof(RTL_OSVERSIONINFOW) && size != sizeof(RTL_OSVERSIONINFOEXW)) {
    return STATUS_INVALID_PARAMETER;
  }
  fill_bytes(lpVersionInformation, 0, size);
  lpVersionInformation->dwOSVersionInfoSize = size;
  lpVersionInformation->dwMajorVersion = 10;
  lpVersionInformation->dwBuildNumber = 19045;
  lpVersionInformation->dwPlatformId = 2;
  if (size == sizeof(RTL_OSVERSIONINFOEXW)) {
    reinterpret_cast<PRTL_OSVERSIONINFOEXW>(lpVersionInformation)->wProductType = 1;
  }
  return STATUS_SUCCESS;
}
/// Returns TRUE: a free build.
BOOLEAN PsGetVersion(PULONG MajorVersion, PULONG MinorVersion, PULONG BuildNumber,
                     PUNICODE_STRING CSDVersion) {
  BELAY_EXPORT(PsGetVersion, nullptr);
  if (MajorVersion != nullptr) *MajorVersion = 10;
  if (MinorVersion != nullptr) *MinorVersion = 0;
  if (BuildNumber != nullptr) *BuildNumber = 19045;
  if (CSDVersion != nullptr) CSDVersion->Length = 0;
  return TRUE;
}
BOOLEAN RtlIsNtDdiVersionAvailable(ULONG Version) {
  BELAY_EXPORT(RtlIsNtDdiVersionAvailable, nullptr);
  return Version <= 0x0A00000C;
}
BOOLEAN ExVerifySuite(ULONG) { return FALSE; }
BOOLEAN ExIsProcessorFeaturePresent(ULONG) {
  BELAY_EXPORT(ExIsProcessorFeaturePresent, nullptr);
  return FALSE;
}
/// A version 4 GUID that depends on the calling actor and on how often it asked.
NTSTATUS ExUuidCreate(GUID* Uuid) {
  BELAY_EXPORT(ExUuidCreate, nullptr);
  thread& self = current();
  Uuid->Data1 = static_cast<ULONG>(self.number);
  Uuid->Data2 = static_cast<USHORT>(++self.handles_made);
  Uuid->Data3 = 0x4000;
  for (int i = 0; i < 8; ++i) Uuid->Data4[i] = static_cast<UCHAR>(i == 0 ? 0x80 : i);
  return STATUS_SUCCESS;
}
KPROCESSOR_MODE ExGetPreviousMode(VOID) { return KernelMode; }

ULONG RtlNtStatusToDosErrorNoTeb(NTSTATUS Status) {
  switch (static_cast<ULONG>(Status)) {
    case 0x00000000:
      return 0;
    case 0x00000103:  // STATUS_PENDING
      return 997;     // ERROR_IO_PENDING
    case 0xC0000008:  // STATUS_INVALID_HANDLE
      return 6;       // ERROR_INVALID_HANDLE
    case 0xC000000D:  // STATUS_INVALID_PARAMETER
      return 87;      // ERROR_INVALID_PARAMETER
    case 0xC0000010:  // STATUS_INVALID_DEVICE_REQUEST
      return 1;       // ERROR_INVALID_FUNCTION
    case 0xC0000017:  // STATUS_NO_MEMORY
      return 8;       // ERROR_NOT_ENOUGH_MEMORY
    case 0xC0000022:  // STATUS_ACCESS_DENIED
      return 5;       // ERROR_ACCESS_DENIED
    case 0xC0000023:  // STATUS_BUFFER_TOO_SMALL
      return 122;     // ERROR_INSUFFICIENT_BUFFER
    case 0xC0000034:  // STATUS_OBJECT_NAME_NOT_FOUND
      return 2;       // ERROR_FILE_NOT_FOUND
    case 0xC000009A:  // STATUS_INSUFFICIENT_RESOURCES
      return 1450;    // ERROR_NO_SYSTEM_RESOURCES
    case 0xC00000BB:  // STATUS_NOT_SUPPORTED
      return 50;      // ERROR_NOT_SUPPORTED
    case 0xC0000120:  // STATUS_CANCELLED
      return 995;     // ERROR_OPERATION_ABORTED
    case 0xC0000225:  // STATUS_NOT_FOUND
      return 1168;    // ERROR_NOT_FOUND
    default:
      return 317;  // ERROR_MR_MID_NOT_FOUND
  }
}
ULONG RtlNtStatusToDosError(NTSTATUS Status) {
  BELAY_EXPORT(RtlNtStatusToDosError, nullptr);
  return RtlNtStatusToDosErrorNoTeb(Status);
}
ULONG RtlWalkFrameChain(PVOID*, ULONG, ULONG) { return 0; }
VOID RtlGetCallersAddress(PVOID* CallersAddress, PVOID* CallersCaller) {
  *CallersAddress = nullptr;
  *CallersCaller = nullptr;
}

}  // extern "C"
