#include "kernel/contract.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace belay::inline BELAY_BUILD::kernel {

namespace {

void show_and_end(const violation& what) {
  std::fprintf(stderr, "\n*** %s: %s\n", what.clause, what.text);
  if (what.bug_check != 0) {
    std::fprintf(stderr, "*** STOP: 0x%08X (0x%016llX, 0x%016llX, 0x%016llX, 0x%016llX)%s%s\n",
                 what.bug_check, static_cast<unsigned long long>(what.parameter[0]),
                 static_cast<unsigned long long>(what.parameter[1]),
                 static_cast<unsigned long long>(what.parameter[2]),
                 static_cast<unsigned long long>(what.parameter[3]), *what.rule != '\0' ? " " : "",
                 what.rule);
  }
  if (what.site != nullptr) std::fprintf(stderr, "*** at %p, object %p\n", what.site, what.object);
  std::fprintf(stderr, "*** next: belay explain %s\n", what.clause);
  std::fflush(nullptr);
  std::_Exit(1);
}

violation_sink the_sink = &show_and_end;

}  // namespace

void set_violation_sink(violation_sink sink) { the_sink = sink != nullptr ? sink : &show_and_end; }

void report(const violation& what) {
  the_sink(what);
  // A sink that returns leaves nowhere to go on from.
  std::abort();
}

void fail(const char* clause, const char* rule, std::uint32_t bug_check,
          const std::uint64_t (&parameter)[4], const void* object, const char* format, ...) {
  violation what;
  what.clause = clause;
  what.rule = rule;
  what.bug_check = bug_check;
  for (int i = 0; i < 4; ++i) what.parameter[i] = parameter[i];
  what.object = object;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(what.text, sizeof what.text, format, arguments);
  va_end(arguments);
  report(what);
}

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "belay: internal error: %s does not hold (%s:%d)\n", condition, file, line);
  std::fflush(nullptr);
  std::_Exit(4);
}

}  // namespace belay::inline BELAY_BUILD::kernel
