// void belay_context_switch(void** save, void* to): parks the running context in *save, resumes `to`.
// void belay_context_jump(void* to): resumes `to`; the running context is lost.
#if defined(__x86_64__) && !defined(BELAY_BOOST_CONTEXT)
    .text
    .globl belay_context_switch
    .type belay_context_switch, @function
belay_context_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmp *%rcx
    .size belay_context_switch, .-belay_context_switch

    .globl belay_context_jump
    .type belay_context_jump, @function
belay_context_jump:
    movq %rdi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmp *%rcx
    .size belay_context_jump, .-belay_context_jump
#endif
    .section .note.GNU-stack,"",@progbits
