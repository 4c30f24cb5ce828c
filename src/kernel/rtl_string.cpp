// Counted strings. Lengths are in bytes; what is read or written is checked as the guest's access.
//
// The ANSI code page is ISO 8859-1: each byte is the character of that number, any other is '?'.
#include "kernel/api.hpp"
#include "kernel/letters.hpp"
#include "kernel/pool.hpp"

#include <wdm.h>

using namespace belay;
using namespace belay::kernel;

namespace {

constexpr ULONG string_tag = 0x67727453;  // 'Strg'
#define BELAY_SITE __builtin_return_address(0)

void reads(const void* at, std::size_t bytes) {
  if (bytes != 0) sync::touch(at, bytes, sync::access_kind::read);
}
void writes(const void* at, std::size_t bytes) {
  if (bytes != 0) sync::touch(at, bytes, sync::access_kind::write);
}

template <class C>
std::size_t length_of(const C* text) {
  std::size_t length = 0;
  while (text[length] != 0) ++length;
  reads(text, (length + 1) * sizeof(C));
  return length;
}

/// Points a counted string at zero-ended text. Returns: false if it is too long.
template <class String, class C>
bool point_at(String* string, const C* text) {
  writes(string, sizeof *string);
  const std::size_t bytes = text != nullptr ? length_of(text) * sizeof(C) : 0;
  constexpr std::size_t most = 0xfffe - sizeof(C);
  const std::size_t kept = bytes > most ? most : bytes;
  string->Length = static_cast<USHORT>(kept);
  string->MaximumLength = static_cast<USHORT>(text != nullptr ? kept + sizeof(C) : 0);
  string->Buffer = const_cast<C*>(text);
  return kept == bytes;
}

template <class String, class C>
void copy_string(String* to, const String* from, C) {
  writes(to, sizeof *to);
  std::size_t bytes = 0;
  if (from != nullptr) {
    reads(from, sizeof *from);
    bytes = from->Length < to->MaximumLength ? from->Length : to->MaximumLength;
    reads(from->Buffer, bytes);
    writes(to->Buffer, bytes);
    copy_bytes(to->Buffer, from->Buffer, bytes);
  }
  to->Length = static_cast<USHORT>(bytes);
  if (bytes + sizeof(C) <= to->MaximumLength) to->Buffer[bytes / sizeof(C)] = 0;
}

NTSTATUS append(PUNICODE_STRING to, const WCHAR* text, std::size_t bytes) {
  reads(to, sizeof *to);
  if (to->Length + bytes > to->MaximumLength) return STATUS_BUFFER_TOO_SMALL;
  reads(text, bytes);
  WCHAR* const end = to->Buffer + to->Length / sizeof(WCHAR);
  writes(end, bytes);
  copy_bytes(end, text, bytes);
  to->Length = static_cast<USHORT>(to->Length + bytes);
  if (to->Length + sizeof(WCHAR) <= to->MaximumLength) to->Buffer[to->Length / sizeof(WCHAR)] = 0;
  return STATUS_SUCCESS;
}

WCHAR folded(WCHAR c, bool fold) {
  return fold ? static_cast<WCHAR>(upper(static_cast<char16_t>(c))) : c;
}
unsigned char folded(char c, bool fold) {
  const auto u = static_cast<unsigned char>(c);
  return fold && c >= 'a' && c <= 'z' ? static_cast<unsigned char>(u - 32) : u;
}

template <class String>
LONG compare(const String* left, const String* right, bool fold) {
  reads(left, sizeof *left);
  reads(right, sizeof *right);
  reads(left->Buffer, left->Length);
  reads(right->Buffer, right->Length);
  constexpr std::size_t unit = sizeof *left->Buffer;
  const std::size_t common = (left->Length < right->Length ? left->Length : right->Length) / unit;
  for (std::size_t i = 0; i < common; ++i) {
    const LONG difference = static_cast<LONG>(folded(left->Buffer[i], fold)) -
                            static_cast<LONG>(folded(right->Buffer[i], fold));
    if (difference != 0) return difference;
  }
  return static_cast<LONG>(left->Length) - static_cast<LONG>(right->Length);
}

/// Gives `string` room for `bytes`: of its own, or allocated. Returns: a status.
template <class String>
NTSTATUS make_room(String* string, std::size_t bytes, bool allocate, const void* site) {
  writes(string, sizeof *string);
  if (bytes > 0xffff) return STATUS_INVALID_PARAMETER_2;
  if (!allocate) return bytes <= string->MaximumLength ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
  void* const block = allocate_pool(bytes, string_tag, true, site);
  if (block == nullptr) return STATUS_NO_MEMORY;
  string->Buffer = static_cast<decltype(string->Buffer)>(block);
  string->MaximumLength = static_cast<USHORT>(bytes);
  return STATUS_SUCCESS;
}

template <class String>
void free_string(String* string, const char* what, const void* site) {
  writes(string, sizeof *string);
  if (string->Buffer != nullptr) free_pool_block(string->Buffer, 0, what, site);
  *string = {};
}

template <class Change>
NTSTATUS change_case(PUNICODE_STRING to, PCUNICODE_STRING from, bool allocate, const void* site,
                     Change change) {
  reads(from, sizeof *from);
  reads(from->Buffer, from->Length);
  const NTSTATUS status = make_room(to, from->Length, allocate, site);
  if (status != STATUS_SUCCESS) return status;
  writes(to->Buffer, from->Length);
  for (std::size_t i = 0; i < from->Length / sizeof(WCHAR); ++i) {
    to->Buffer[i] = static_cast<WCHAR>(change(static_cast<char16_t>(from->Buffer[i])));
  }
  to->Length = from->Length;
  return STATUS_SUCCESS;
}

}  // namespace

extern "C" {

VOID RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString) {
  point_at(DestinationString, SourceString);
}
NTSTATUS RtlInitUnicodeStringEx(PUNICODE_STRING DestinationString, PCWSTR SourceString) {
  return point_at(DestinationString, SourceString) ? STATUS_SUCCESS : STATUS_NAME_TOO_LONG;
}
VOID RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString) {
  point_at(DestinationString, SourceString);
}
VOID RtlInitString(PSTRING DestinationString, PCSZ SourceString) {
  point_at(DestinationString, SourceString);
}

/// Copies as much as fits; a null source empties the destination.
VOID RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString) {
  copy_string(DestinationString, const_cast<const UNICODE_STRING*>(SourceString), WCHAR{});
}
VOID RtlCopyString(PSTRING DestinationString, const STRING* SourceString) {
  copy_string(DestinationString, SourceString, CHAR{});
}
/// Returns STATUS_BUFFER_TOO_SMALL, and changes nothing, if it does not fit.
NTSTATUS RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source) {
  reads(Source, sizeof *Source);
  return append(Destination, Source->Buffer, Source->Length);
}
NTSTATUS RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source) {
  if (Source == nullptr) return STATUS_SUCCESS;
  return append(Destination, Source, length_of(Source) * sizeof(WCHAR));
}

LONG RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                             BOOLEAN CaseInSensitive) {
  BELAY_EXPORT(RtlCompareUnicodeString, nullptr);
  return compare(String1, String2, CaseInSensitive);
}
BOOLEAN RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                              BOOLEAN CaseInSensitive) {
  BELAY_EXPORT(RtlEqualUnicodeString, nullptr);
  return compare(String1, String2, CaseInSensitive) == 0;
}
LONG RtlCompareString(const STRING* String1, const STRING* String2, BOOLEAN CaseInSensitive) {
  BELAY_EXPORT(RtlCompareString, nullptr);
  return compare(String1, String2, CaseInSensitive);
}
BOOLEAN RtlEqualString(const STRING* String1, const STRING* String2, BOOLEAN CaseInSensitive) {
  BELAY_EXPORT(RtlEqualString, nullptr);
  return compare(String1, String2, CaseInSensitive) == 0;
}
/// Returns TRUE if String2 begins with String1.
BOOLEAN RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2,
                               BOOLEAN CaseInSensitive) {
  BELAY_EXPORT(RtlPrefixUnicodeString, nullptr);
  if (String1->Length > String2->Length) return FALSE;
  UNICODE_STRING start = *String2;
  start.Length = String1->Length;
  return compare<UNICODE_STRING>(String1, &start, CaseInSensitive) == 0;
}

/// Callers: IRQL <= APC_LEVEL; the caller frees an allocated destination by RtlFreeUnicodeString.
NTSTATUS RtlAnsiStringToUnicodeString(PUNICODE_STRING DestinationString, PCANSI_STRING SourceString,
                                      BOOLEAN AllocateDestinationString) {
  BELAY_EXPORT(RtlAnsiStringToUnicodeString, nullptr);
  reads(SourceString, sizeof *SourceString);
  reads(SourceString->Buffer, SourceString->Length);
  const std::size_t length = SourceString->Length;
  const NTSTATUS status = make_room(DestinationString, (length + 1) * sizeof(WCHAR),
                                    AllocateDestinationString, BELAY_SITE);
  if (status != STATUS_SUCCESS) return status;
  writes(DestinationString->Buffer, (length + 1) * sizeof(WCHAR));
  for (std::size_t i = 0; i < length; ++i) {
    DestinationString->Buffer[i] = static_cast<unsigned char>(SourceString->Buffer[i]);
  }
  DestinationString->Buffer[length] = 0;
  DestinationString->Length = static_cast<USHORT>(length * sizeof(WCHAR));
  return STATUS_SUCCESS;
}
NTSTATUS RtlUnicodeStringToAnsiString(PANSI_STRING DestinationString, PCUNICODE_STRING SourceString,
                                      BOOLEAN AllocateDestinationString) {
  BELAY_EXPORT(RtlUnicodeStringToAnsiString, nullptr);
  reads(SourceString, sizeof *SourceString);
  reads(SourceString->Buffer, SourceString->Length);
  const std::size_t length = SourceString->Length / sizeof(WCHAR);
  const NTSTATUS status =
      make_room(DestinationString, length + 1, AllocateDestinationString, BELAY_SITE);
  if (status != STATUS_SUCCESS) return status;
  writes(DestinationString->Buffer, length + 1);
  for (std::size_t i = 0; i < length; ++i) {
    const WCHAR c = SourceString->Buffer[i];
    DestinationString->Buffer[i] = c < 256 ? static_cast<CHAR>(c) : '?';
  }
  DestinationString->Buffer[length] = 0;
  DestinationString->Length = static_cast<USHORT>(length);
  return STATUS_SUCCESS;
}
NTSTATUS RtlUpcaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString,
                                BOOLEAN AllocateDestinationString) {
  BELAY_EXPORT(RtlUpcaseUnicodeString, nullptr);
  return change_case(DestinationString, SourceString, AllocateDestinationString, BELAY_SITE,
                     &upper);
}
NTSTATUS RtlDowncaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString,
                                  BOOLEAN AllocateDestinationString) {
  BELAY_EXPORT(RtlDowncaseUnicodeString, nullptr);
  return change_case(DestinationString, SourceString, AllocateDestinationString, BELAY_SITE,
                     &lower);
}
WCHAR RtlUpcaseUnicodeChar(WCHAR SourceCharacter) {
  return static_cast<WCHAR>(upper(static_cast<char16_t>(SourceCharacter)));
}
WCHAR RtlDowncaseUnicodeChar(WCHAR SourceCharacter) {
  return static_cast<WCHAR>(lower(static_cast<char16_t>(SourceCharacter)));
}
CHAR RtlUpperChar(CHAR Character) { return static_cast<CHAR>(folded(Character, true)); }

/// Frees what one of the allocating functions made. Contract: WDM-IRP-012
VOID RtlFreeUnicodeString(PUNICODE_STRING UnicodeString) {
  BELAY_EXPORT(RtlFreeUnicodeString, UnicodeString);
  free_string(UnicodeString, "RtlFreeUnicodeString", BELAY_SITE);
}
VOID RtlFreeAnsiString(PANSI_STRING AnsiString) {
  BELAY_EXPORT(RtlFreeAnsiString, AnsiString);
  free_string(AnsiString, "RtlFreeAnsiString", BELAY_SITE);
}

ULONG RtlxAnsiStringToUnicodeSize(PCANSI_STRING AnsiString) {
  return (AnsiString->Length + 1u) * static_cast<ULONG>(sizeof(WCHAR));
}
ULONG RtlxUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString) {
  return UnicodeString->Length / static_cast<ULONG>(sizeof(WCHAR)) + 1;
}

/// Callers: IRQL <= APC_LEVEL. x65599, the default algorithm.
NTSTATUS RtlHashUnicodeString(PCUNICODE_STRING String, BOOLEAN CaseInSensitive, ULONG HashAlgorithm,
                              PULONG HashValue) {
  BELAY_EXPORT(RtlHashUnicodeString, nullptr);
  if (HashAlgorithm > HASH_STRING_ALGORITHM_X65599) return STATUS_INVALID_PARAMETER;
  reads(String->Buffer, String->Length);
  ULONG hash = 0;
  for (std::size_t i = 0; i < String->Length / sizeof(WCHAR); ++i) {
    hash = hash * 65599 + folded(String->Buffer[i], CaseInSensitive);
  }
  *HashValue = hash;
  return STATUS_SUCCESS;
}

}  // extern "C"
