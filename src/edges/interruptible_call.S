// One system call, unless a request came.
//
//   long belay_interruptible_call(const uint32_t* word, long number, const long arguments[6]);
//
// Returns what the kernel returned, or the most negative number when the call was not made.
// From belay_interruptible_begin until before belay_interruptible_end a request may have come after
// the look at it, and the call has not been made, or the kernel has set it up to be made again: who
// is interrupted there can go on at belay_interruptible_unmade. At belay_interruptible_end the
// kernel has answered. Bit 1 of the word: interruptible::state::cancelled.

#if defined(__x86_64__) && defined(__LP64__)

#if defined(__CET__)
#include <cet.h>
#else
#define _CET_ENDBR
#endif

        .text
        .globl  belay_interruptible_call, belay_interruptible_begin, belay_interruptible_end
        .globl  belay_interruptible_unmade, belay_interruptible_over, belay_interruptible_restore
        .hidden belay_interruptible_call, belay_interruptible_begin, belay_interruptible_end
        .hidden belay_interruptible_unmade, belay_interruptible_over, belay_interruptible_restore
        .type   belay_interruptible_call, @function
        .p2align 4
belay_interruptible_call:
        .cfi_startproc
        _CET_ENDBR
        movq    %rsi, %rax
        movq    %rdi, %r11
        movq    %rdx, %rcx
        movq    (%rcx), %rdi
        movq    8(%rcx), %rsi
        movq    16(%rcx), %rdx
        movq    24(%rcx), %r10
        movq    32(%rcx), %r8
        movq    40(%rcx), %r9
belay_interruptible_begin:
        testl   $2, (%r11)
        jnz     belay_interruptible_unmade
        syscall
belay_interruptible_end:
        ret
belay_interruptible_unmade:
        movabsq $0x8000000000000000, %rax
        ret
belay_interruptible_over:
        .cfi_endproc
        .size   belay_interruptible_call, . - belay_interruptible_call

// Where a signal handler returns to. Debuggers know it by these very bytes.
        .type   belay_interruptible_restore, @function
        .p2align 4
        nop
belay_interruptible_restore:
        movq    $15, %rax
        syscall
        .size   belay_interruptible_restore, . - belay_interruptible_restore

#elif defined(__aarch64__) && defined(__LP64__)

        .text
        .globl  belay_interruptible_call, belay_interruptible_begin, belay_interruptible_end
        .globl  belay_interruptible_unmade, belay_interruptible_over
        .hidden belay_interruptible_call, belay_interruptible_begin, belay_interruptible_end
        .hidden belay_interruptible_unmade, belay_interruptible_over
        .type   belay_interruptible_call, %function
        .p2align 4
belay_interruptible_call:
        .cfi_startproc
        hint    #34                     // bti c
        mov     x9, x0
        mov     x8, x1
        mov     x10, x2
        ldp     x0, x1, [x10]
        ldp     x2, x3, [x10, #16]
        ldp     x4, x5, [x10, #32]
belay_interruptible_begin:
        ldar    w11, [x9]
        tbnz    w11, #1, belay_interruptible_unmade
        svc     #0
belay_interruptible_end:
        ret
belay_interruptible_unmade:
        mov     x0, #0x8000000000000000
        ret
belay_interruptible_over:
        .cfi_endproc
        .size   belay_interruptible_call, . - belay_interruptible_call

#endif

#if defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
