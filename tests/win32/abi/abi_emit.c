// Prints, as C assertions, what Belay's headers for programs say of sizes, offsets and values.
// abi_check.sh compiles the assertions against another implementation's headers.

#include <stdio.h>
#include <strsafe.h>
#include <windows.h>
//
#include <cfgmgr32.h>
#include <winioctl.h>

#undef SIZE
#define SIZE(type) \
  printf("_Static_assert(sizeof(" #type ") == %zu, \"size of " #type "\");\n", sizeof(type));
#define OFFSET(type, member)                                                                      \
  printf("_Static_assert(__builtin_offsetof(" #type ", " #member ") == %zu, \"" #type "." #member \
         "\");\n",                                                                                \
         __builtin_offsetof(type, member));
#define VALUE(name) \
  printf("_Static_assert((long long)(" #name ") == %lldLL, \"" #name "\");\n", (long long)(name));
#define VALUE_IS(name, value) _Static_assert((long long)(name) == (value), #name);

static void emit_layouts(void) {
#include "abi_layouts.inc"
}

static void emit_values(void) {
  VALUE(SC_STATUS_PROCESS_INFO)
#include "abi_exceptions.inc"
}

// Made by abi_check.sh: VALUE(name) for each macro of ours that stands for a number.
static void emit_macros(void) {
#include "abi_macros.inc"
}

int main(void) {
  emit_layouts();
  emit_values();
  emit_macros();
  return 0;
}
