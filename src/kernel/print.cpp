// DbgPrint and its kin, the formatting functions of the C library, assertions, the end.
#include <cstdio>

#include "kernel/api.hpp"
#include "kernel/format.hpp"

#include <ntddk.h>

namespace belay::inline BELAY_BUILD::kernel {

namespace {

#if defined(BELAY_EXPLORED)
// Thousands of executions a second print the same text: only who asks for it gets it.
constexpr print_sink default_sink = nullptr;
#else
void to_standard_error(const char* text) { std::fputs(text, stderr); }
constexpr print_sink default_sink = &to_standard_error;
#endif

print_sink the_sink = default_sink;

/// Collects UTF-8 and hands it on in pieces.
class printer final : public character_sink {
 public:
  ~printer() { flush(); }
  void put(char16_t c) override {
    if (length_ + 4 > sizeof text_ - 1) flush();
    if (c < 0x80) {
      text_[length_++] = static_cast<char>(c);
    } else if (c < 0x800) {
      text_[length_++] = static_cast<char>(0xc0 | c >> 6);
      text_[length_++] = static_cast<char>(0x80 | (c & 0x3f));
    } else {
      text_[length_++] = static_cast<char>(0xe0 | c >> 12);
      text_[length_++] = static_cast<char>(0x80 | (c >> 6 & 0x3f));
      text_[length_++] = static_cast<char>(0x80 | (c & 0x3f));
    }
  }

 private:
  void flush() {
    if (length_ == 0) return;
    text_[length_] = '\0';
    the_sink(text_);
    length_ = 0;
  }
  char text_[512];
  std::size_t length_ = 0;
};

/// Fills a buffer; counts on when it is full.
template <class C>
class buffer final : public character_sink {
 public:
  buffer(C* at, std::size_t size) : at_(at), size_(size) {}
  void put(char16_t c) override {
    if (length_ < size_)
      at_[length_] = sizeof(C) == 1 && c > 0xff ? static_cast<C>('?') : static_cast<C>(c);
    ++length_;
  }
  /// As _snprintf does it: ended if there is room. Returns: the length, or -1 if it did not fit.
  int end_loosely() {
    if (length_ < size_) at_[length_] = 0;
    return length_ <= size_ ? static_cast<int>(length_) : -1;
  }
  /// As sprintf_s does it: always ended; what does not fit empties it.
  int end_strictly() {
    if (length_ < size_) return end_loosely();
    if (size_ != 0) at_[0] = 0;
    return -1;
  }

 private:
  C* at_;
  std::size_t size_;
  std::size_t length_ = 0;
};

void print(const char* format, va_list arguments) {
  if (the_sink == nullptr) return;
  printer out;
  format_text(out, format, arguments);
}

}  // namespace

void set_print_sink(print_sink sink) { the_sink = sink != nullptr ? sink : default_sink; }

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

ULONG DbgPrint(PCSTR Format, ...) {
  BELAY_EXPORT(DbgPrint, nullptr);
  va_list arguments;
  va_start(arguments, Format);
  print(Format, arguments);
  va_end(arguments);
  return STATUS_SUCCESS;
}
ULONG DbgPrintReturnControlC(PCSTR Format, ...) {
  BELAY_EXPORT(DbgPrintReturnControlC, nullptr);
  va_list arguments;
  va_start(arguments, Format);
  print(Format, arguments);
  va_end(arguments);
  return STATUS_SUCCESS;
}
ULONG DbgPrintEx(ULONG, ULONG, PCSTR Format, ...) {
  BELAY_EXPORT(DbgPrintEx, nullptr);
  va_list arguments;
  va_start(arguments, Format);
  print(Format, arguments);
  va_end(arguments);
  return STATUS_SUCCESS;
}
ULONG vDbgPrintEx(ULONG, ULONG, PCCH Format, va_list arglist) {
  BELAY_EXPORT(vDbgPrintEx, nullptr);
  print(Format, arglist);
  return STATUS_SUCCESS;
}
ULONG vDbgPrintExWithPrefix(PCCH Prefix, ULONG, ULONG, PCCH Format, va_list arglist) {
  BELAY_EXPORT(vDbgPrintExWithPrefix, nullptr);
  if (the_sink != nullptr) the_sink(Prefix);
  print(Format, arglist);
  return STATUS_SUCCESS;
}

int _vsnprintf(char* to, size_t count, const char* format, va_list arguments) {
  buffer<char> out(to, count);
  format_text(out, format, arguments);
  return out.end_loosely();
}
int _snprintf(char* to, size_t count, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  buffer<char> out(to, count);
  format_text(out, format, arguments);
  va_end(arguments);
  return out.end_loosely();
}
int _vsnwprintf(wchar_t* to, size_t count, const wchar_t* format, va_list arguments) {
  buffer<wchar_t> out(to, count);
  format_text(out, format, arguments);
  return out.end_loosely();
}
int _snwprintf(wchar_t* to, size_t count, const wchar_t* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  buffer<wchar_t> out(to, count);
  format_text(out, format, arguments);
  va_end(arguments);
  return out.end_loosely();
}
int sprintf_s(char* to, size_t size, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  buffer<char> out(to, size);
  format_text(out, format, arguments);
  va_end(arguments);
  return out.end_strictly();
}
int swprintf_s(wchar_t* to, size_t size, const wchar_t* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  buffer<wchar_t> out(to, size);
  format_text(out, format, arguments);
  va_end(arguments);
  return out.end_strictly();
}

// ---- assertions and the end
// ----------------------------------------------------------------------

namespace {

[[noreturn]] void end(const char* clause, const char* rule, ULONG code,
                      const std::uint64_t (&parameter)[4], const void* site, const char* text) {
  violation what;
  what.clause = clause;
  what.rule = rule;
  what.bug_check = code;
  for (int i = 0; i < 4; ++i) what.parameter[i] = parameter[i];
  what.site = site;
  std::snprintf(what.text, sizeof what.text, "%s", text);
  report(what);
}

bool is_about_paging(const char* message) {
  constexpr char start[] = "Pageable code";
  for (std::size_t i = 0; i < sizeof start - 1; ++i) {
    if (message == nullptr || message[i] != start[i]) return false;
  }
  return true;
}

}  // namespace

/// The driver's ASSERT or PAGED_CODE does not hold. Contract: WDM-IRP-021, WDM-IRP-020
VOID RtlAssert(PVOID VoidFailedAssertion, PVOID VoidFileName, ULONG LineNumber,
               PSTR MutableMessage) {
  BELAY_EXPORT(RtlAssert, nullptr);
  char text[220];
  if (is_about_paging(MutableMessage)) {
    std::snprintf(text, sizeof text, "pageable code (%s:%u) runs at %s",
                  static_cast<const char*>(VoidFileName), LineNumber, irql_name(irql()));
    end("WDM-IRP-020", "PAGED_CODE", 0xD1, {0, irql(), 8, 0}, __builtin_return_address(0), text);
  }
  std::snprintf(text, sizeof text, "the driver's assertion '%s' failed (%s:%u)%s%s",
                static_cast<const char*>(VoidFailedAssertion),
                static_cast<const char*>(VoidFileName), LineNumber,
                MutableMessage != nullptr ? ": " : "",
                MutableMessage != nullptr ? MutableMessage : "");
  end("WDM-IRP-021", "ASSERT", 0x7E, {0xC0000420, 0, 0, 0}, __builtin_return_address(0), text);
}

/// As under a debugger that is told to go on: checked builds of drivers break at their start.
VOID DbgBreakPoint(VOID) { BELAY_EXPORT(DbgBreakPoint, nullptr); }
VOID DbgBreakPointWithStatus(ULONG Status) {
  BELAY_EXPORT(DbgBreakPointWithStatus, nullptr);
  (void)Status;
}

/// The list macros found a broken link, or the driver gave up. Contract: WDM-IRP-013, WDM-IRP-025
VOID RtlFailFast(ULONG Code) {
  BELAY_EXPORT(RtlFailFast, nullptr);
  if (Code == FAST_FAIL_CORRUPT_LIST_ENTRY) {
    end("WDM-IRP-013", "KERNEL_SECURITY_CHECK_FAILURE", 0x139, {Code, 0, 0, 0},
        __builtin_return_address(0),
        "a list is corrupted: the neighbours of the entry do not point back at it (removed twice, "
        "or "
        "linked twice?)");
  }
  end("WDM-IRP-025", "KERNEL_SECURITY_CHECK_FAILURE", 0x139, {Code, 0, 0, 0},
      __builtin_return_address(0), "the driver failed fast");
}

/// Contract: WDM-IRP-025
VOID KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR BugCheckParameter1, ULONG_PTR BugCheckParameter2,
                  ULONG_PTR BugCheckParameter3, ULONG_PTR BugCheckParameter4) {
  BELAY_EXPORT(KeBugCheckEx, nullptr);
  char text[80];
  std::snprintf(text, sizeof text, "the driver called KeBugCheckEx(0x%X, ...)", BugCheckCode);
  end("WDM-IRP-025", "KeBugCheckEx", BugCheckCode,
      {BugCheckParameter1, BugCheckParameter2, BugCheckParameter3, BugCheckParameter4},
      __builtin_return_address(0), text);
}
VOID KeBugCheck(ULONG BugCheckCode) {
  BELAY_EXPORT(KeBugCheck, nullptr);
  char text[80];
  std::snprintf(text, sizeof text, "the driver called KeBugCheck(0x%X)", BugCheckCode);
  end("WDM-IRP-025", "KeBugCheck", BugCheckCode, {0, 0, 0, 0}, __builtin_return_address(0), text);
}

namespace {
BOOLEAN debugger_enabled = FALSE;
BOOLEAN debugger_not_present = TRUE;
}  // namespace
BOOLEAN* KdDebuggerEnabled = &debugger_enabled;
BOOLEAN* KdDebuggerNotPresent = &debugger_not_present;
BOOLEAN KdRefreshDebuggerNotPresent(VOID) { return TRUE; }

}  // extern "C"
