// The clocks of a program: the executive's, so that explored programs see virtual time.
//
// Thread safety: any thread.
#include "kernel/dispatcher_nt.hpp"
#include "kernel/executive.hpp"
#include "win32/process.hpp"

// clang-format off: last, because they define much.
#include <windows.h>
// clang-format on

using namespace belay;
using namespace belay::win32;

namespace {

constexpr std::int64_t units_per_millisecond = 10'000;
constexpr std::int64_t milliseconds_per_day = 86'400'000;
constexpr std::int64_t days_to_1970 = 134'774;  // from 1601

std::int64_t uptime() { return (sync::now() - kernel::the_executive().began) / 100; }

std::int64_t value_of(const FILETIME& time) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(time.dwHighDateTime) << 32 |
                                   time.dwLowDateTime);
}
FILETIME file_time(std::int64_t value) {
  return {static_cast<DWORD>(value), static_cast<DWORD>(value >> 32)};
}

struct civil {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

/// The proleptic Gregorian date of a number of days since 1970, by eras of 400 years.
civil date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
  const unsigned month = (5 * of_year + 2) / 153;
  const unsigned day = of_year - (153 * month + 2) / 5 + 1;
  const unsigned shown = month < 10 ? month + 3 : month - 9;
  return {static_cast<std::int64_t>(year) + era * 400 + (shown <= 2 ? 1 : 0), shown, day};
}

std::int64_t days_of(const civil& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = year / 400;
  const auto of_era = static_cast<unsigned>(year - era * 400);
  const unsigned of_year =
      (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

bool split(std::int64_t value, SYSTEMTIME& out) {
  if (value < 0) return fail(ERROR_INVALID_PARAMETER);
  const std::int64_t milliseconds = value / units_per_millisecond;
  const std::int64_t days = milliseconds / milliseconds_per_day;
  const auto of_day = static_cast<unsigned>(milliseconds % milliseconds_per_day);
  const civil date = date_of(days - days_to_1970);
  out.wYear = static_cast<WORD>(date.year);
  out.wMonth = static_cast<WORD>(date.month);
  out.wDay = static_cast<WORD>(date.day);
  out.wDayOfWeek = static_cast<WORD>((days + 1) % 7);
  out.wHour = static_cast<WORD>(of_day / 3'600'000);
  out.wMinute = static_cast<WORD>(of_day / 60'000 % 60);
  out.wSecond = static_cast<WORD>(of_day / 1'000 % 60);
  out.wMilliseconds = static_cast<WORD>(of_day % 1'000);
  return true;
}

}  // namespace

extern "C" {

ULONGLONG WINAPI GetTickCount64(VOID) {
  return static_cast<ULONGLONG>(uptime() / units_per_millisecond);
}
DWORD WINAPI GetTickCount(VOID) { return static_cast<DWORD>(GetTickCount64()); }
BOOL WINAPI QueryPerformanceCounter(LARGE_INTEGER* lpPerformanceCount) {
  lpPerformanceCount->QuadPart = uptime();
  return TRUE;
}
BOOL WINAPI QueryPerformanceFrequency(LARGE_INTEGER* lpFrequency) {
  lpFrequency->QuadPart = 10'000'000;
  return TRUE;
}

VOID WINAPI GetSystemTimeAsFileTime(LPFILETIME lpSystemTimeAsFileTime) {
  *lpSystemTimeAsFileTime = file_time(kernel::system_time());
}
VOID WINAPI GetSystemTimePreciseAsFileTime(LPFILETIME lpSystemTimeAsFileTime) {
  *lpSystemTimeAsFileTime = file_time(kernel::system_time());
}
VOID WINAPI GetSystemTime(LPSYSTEMTIME lpSystemTime) {
  split(kernel::system_time(), *lpSystemTime);
}
/// The zone is UTC.
VOID WINAPI GetLocalTime(LPSYSTEMTIME lpSystemTime) { GetSystemTime(lpSystemTime); }

BOOL WINAPI FileTimeToSystemTime(const FILETIME* lpFileTime, LPSYSTEMTIME lpSystemTime) {
  return split(value_of(*lpFileTime), *lpSystemTime);
}
BOOL WINAPI SystemTimeToFileTime(const SYSTEMTIME* lpSystemTime, LPFILETIME lpFileTime) {
  const SYSTEMTIME& in = *lpSystemTime;
  const civil date = {in.wYear, in.wMonth, in.wDay};
  const bool shaped = in.wYear >= 1601 && in.wYear <= 30'827 && in.wMonth >= 1 && in.wMonth <= 12 &&
                      in.wDay >= 1 && in.wDay <= 31 && in.wHour < 24 && in.wMinute < 60 &&
                      in.wSecond < 60 && in.wMilliseconds < 1000;
  if (!shaped) return fail(ERROR_INVALID_PARAMETER);
  const civil back = date_of(days_of(date));
  if (back.month != date.month || back.day != date.day) return fail(ERROR_INVALID_PARAMETER);
  const std::int64_t of_day =
      ((in.wHour * 60LL + in.wMinute) * 60 + in.wSecond) * 1000 + in.wMilliseconds;
  const std::int64_t days = days_of(date) + days_to_1970;
  *lpFileTime = file_time((days * milliseconds_per_day + of_day) * units_per_millisecond);
  return TRUE;
}
LONG WINAPI CompareFileTime(const FILETIME* lpFileTime1, const FILETIME* lpFileTime2) {
  const std::int64_t left = value_of(*lpFileTime1);
  const std::int64_t right = value_of(*lpFileTime2);
  return left < right ? -1 : left > right ? 1 : 0;
}

}  // extern "C"
