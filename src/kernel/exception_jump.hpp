// The jump under __try: saves and restores what a called function must preserve.
//
// By hand, because glibc's longjmp may refuse to jump between stacks that it does not know, and its
// setjmp mangles what it saves. A block of registers is 24 words: x86-64 keeps rbx rbp r12 r13 r14
// r15 rsp and the return address in it, AArch64 x19 to x30, sp and d8 to d15.
#pragma once

extern "C" {
/// Goes on after the call that saved `registers`, which then returns 1.
[[noreturn]] void belay_try_resume(void* const* registers);
}
