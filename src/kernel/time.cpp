// Time, as drivers measure it.
//
// The system's clock starts at the beginning of 2026 with the executive: sync offers no wall clock,
// and explored executions must not depend on one.
#include "kernel/dispatcher_nt.hpp"

namespace belay::inline BELAY_BUILD::kernel {

namespace {

/// 2026-01-01 00:00:00 UTC in units of 100 ns since 1601.
constexpr LONGLONG epoch = 134'116'992'000'000'000;
constexpr ULONG time_increment = 156'250;  // 100-ns units a tick

sync::nanoseconds uptime() { return sync::now() - the_executive().began; }

}  // namespace

LONGLONG system_time() { return epoch + uptime() / 100; }

sync::nanoseconds to_clock(LONGLONG system_time) {
  const LONGLONG units = system_time - epoch;
  if (units >= sync::forever / 100 - the_executive().began / 100) return sync::forever;
  return the_executive().began + (units > 0 ? units * 100 : 0);
}

sync::nanoseconds deadline_of(LONGLONG due_time) {
  const sync::nanoseconds now = sync::now();
  if (due_time == 0) return now;
  if (due_time > 0) return to_clock(due_time);
  const ULONGLONG units = 0 - static_cast<ULONGLONG>(due_time);
  const auto room = static_cast<ULONGLONG>(sync::forever - now) / 100;
  return units >= room ? sync::forever : now + static_cast<sync::nanoseconds>(units * 100);
}

}  // namespace belay::inline BELAY_BUILD::kernel

using namespace belay;
using namespace belay::kernel;

extern "C" {

#undef KeQuerySystemTime
#undef KeQueryTickCount

VOID KeQuerySystemTime(PLARGE_INTEGER CurrentTime) {
  BELAY_EXPORT(KeQuerySystemTime, nullptr);
  CurrentTime->QuadPart = system_time();
}
VOID KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime) {
  BELAY_EXPORT(KeQuerySystemTimePrecise, nullptr);
  CurrentTime->QuadPart = system_time();
}
VOID KeQueryTickCount(PLARGE_INTEGER TickCount) {
  BELAY_EXPORT(KeQueryTickCount, nullptr);
  TickCount->QuadPart = uptime() / 100 / time_increment;
}
ULONG KeQueryTimeIncrement(VOID) { return time_increment; }
ULONGLONG KeQueryInterruptTime(VOID) {
  BELAY_EXPORT(KeQueryInterruptTime, nullptr);
  return static_cast<ULONGLONG>(uptime() / 100);
}
ULONGLONG KeQueryInterruptTimePrecise(PULONG64 QpcTimeStamp) {
  BELAY_EXPORT(KeQueryInterruptTimePrecise, nullptr);
  const auto units = static_cast<ULONGLONG>(uptime() / 100);
  if (QpcTimeStamp != nullptr) *QpcTimeStamp = units;
  return units;
}
ULONGLONG KeQueryUnbiasedInterruptTime(VOID) {
  BELAY_EXPORT(KeQueryUnbiasedInterruptTime, nullptr);
  return static_cast<ULONGLONG>(uptime() / 100);
}
LARGE_INTEGER KeQueryPerformanceCounter(PLARGE_INTEGER PerformanceFrequency) {
  BELAY_EXPORT(KeQueryPerformanceCounter, nullptr);
  if (PerformanceFrequency != nullptr) PerformanceFrequency->QuadPart = 10'000'000;
  LARGE_INTEGER count;
  count.QuadPart = uptime() / 100;
  return count;
}

/// Local time is UTC here.
VOID ExSystemTimeToLocalTime(PLARGE_INTEGER SystemTime, PLARGE_INTEGER LocalTime) {
  *LocalTime = *SystemTime;
}
VOID ExLocalTimeToSystemTime(PLARGE_INTEGER LocalTime, PLARGE_INTEGER SystemTime) {
  *SystemTime = *LocalTime;
}
ULONG ExSetTimerResolution(ULONG, BOOLEAN) {
  BELAY_EXPORT(ExSetTimerResolution, nullptr);
  return time_increment;
}

/// Spins for a while; others run meanwhile.
VOID KeStallExecutionProcessor(ULONG MicroSeconds) {
  BELAY_EXPORT(KeStallExecutionProcessor, nullptr);
  const sync::nanoseconds begun = sync::now();
  sync::relax();
  // A clock that stands still while anybody runs is the explorer's: one turn stands for all.
  if (sync::now() == begun) return;
  while (sync::now() - begun < sync::nanoseconds{MicroSeconds} * 1000) sync::relax();
}

// 100-ns units since 1601 to calendar fields and back, proleptic Gregorian.
VOID RtlTimeToTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields) {
  const LONGLONG milliseconds = Time->QuadPart / 10'000;
  const LONGLONG days = milliseconds / 86'400'000;
  const auto rest = static_cast<LONG>(milliseconds % 86'400'000);
  // Days since 0000-03-01, by 400-year eras.
  const LONGLONG shifted = days + 584'694;
  const LONGLONG era = shifted / 146'097;
  const LONGLONG day_of_era = shifted % 146'097;
  const LONGLONG year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const LONGLONG day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const LONGLONG month_from_march = (5 * day_of_year + 2) / 153;
  const LONGLONG month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  TimeFields->Year = static_cast<CSHORT>(year_of_era + era * 400 + (month <= 2));
  TimeFields->Month = static_cast<CSHORT>(month);
  TimeFields->Day = static_cast<CSHORT>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  TimeFields->Hour = static_cast<CSHORT>(rest / 3'600'000);
  TimeFields->Minute = static_cast<CSHORT>(rest / 60'000 % 60);
  TimeFields->Second = static_cast<CSHORT>(rest / 1000 % 60);
  TimeFields->Milliseconds = static_cast<CSHORT>(rest % 1000);
  TimeFields->Weekday = static_cast<CSHORT>((days + 1) % 7);
}
BOOLEAN RtlTimeFieldsToTime(PTIME_FIELDS TimeFields, PLARGE_INTEGER Time) {
  const TIME_FIELDS& f = *TimeFields;
  if (f.Year < 1601 || f.Month < 1 || f.Month > 12 || f.Day < 1 || f.Day > 31 || f.Hour < 0 ||
      f.Hour > 23 || f.Minute < 0 || f.Minute > 59 || f.Second < 0 || f.Second > 59 ||
      f.Milliseconds < 0 || f.Milliseconds > 999) {
    return FALSE;
  }
  const LONGLONG year = f.Year - (f.Month <= 2);
  const LONGLONG era = year / 400;
  const LONGLONG year_of_era = year % 400;
  const LONGLONG day_of_year =
      (153 * (f.Month > 2 ? f.Month - 3 : f.Month + 9) + 2) / 5 + f.Day - 1;
  const LONGLONG day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  const LONGLONG days = era * 146'097 + day_of_era - 584'694;
  Time->QuadPart =
      ((((days * 24 + f.Hour) * 60 + f.Minute) * 60 + f.Second) * 1000 + f.Milliseconds) * 10'000;
  return TRUE;
}

}  // extern "C"
