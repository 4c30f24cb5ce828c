// Prints, as C assertions, what Belay's headers say of sizes, offsets and values. abi_check.sh
// compiles the assertions against another implementation's headers.

#include <ntifs.h>
#include <stdio.h>

#define SIZE(type) \
  printf("_Static_assert(sizeof(" #type ") == %zu, \"size of " #type "\");\n", sizeof(type));
#define OFFSET(type, member)                                                                      \
  printf("_Static_assert(__builtin_offsetof(" #type ", " #member ") == %zu, \"" #type "." #member \
         "\");\n",                                                                                \
         __builtin_offsetof(type, member));
#define VALUE(name) \
  printf("_Static_assert((long long)(" #name ") == %lldLL, \"" #name "\");\n", (long long)(name));

// What the other headers lack or have wrong: checked here, against the value Windows documents.
#define SIZE_IS(type, size) _Static_assert(sizeof(type) == (size), #type);
#define OFFSET_IS(type, member, offset) \
  _Static_assert(__builtin_offsetof(type, member) == (offset), #type "." #member);
#define VALUE_IS(name, value) _Static_assert((long long)(name) == (value), #name);

static void emit_layouts(void) {
#include "abi_base.inc"
#include "abi_io.inc"
#include "abi_other.inc"
}

static void emit_values(void) {
#include "abi_control_codes.inc"
#include "abi_enums.inc"
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
