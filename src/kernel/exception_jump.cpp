#include "kernel/exception_jump.hpp"

// BelayTryEnter_(frame): saves the caller's registers in the frame's first block and goes on to
// belay_try_push(frame), which returns 0 to the caller. BelayTryLeft_(frame): the same with the
// second block and belay_try_leaving(frame).
#if defined(__x86_64__)
#define BELAY_SAVE(name, offset, next)                           \
  asm(".text\n.globl " name "\n.type " name ", @function\n" name \
      ":\n"                                                      \
      "  movq (%rsp), %rax\n"                                    \
      "  leaq 8(%rsp), %rdx\n"                                   \
      "  movq %rbx, " #offset                                    \
      "+0(%rdi)\n"                                               \
      "  movq %rbp, " #offset                                    \
      "+8(%rdi)\n"                                               \
      "  movq %r12, " #offset                                    \
      "+16(%rdi)\n"                                              \
      "  movq %r13, " #offset                                    \
      "+24(%rdi)\n"                                              \
      "  movq %r14, " #offset                                    \
      "+32(%rdi)\n"                                              \
      "  movq %r15, " #offset                                    \
      "+40(%rdi)\n"                                              \
      "  movq %rdx, " #offset                                    \
      "+48(%rdi)\n"                                              \
      "  movq %rax, " #offset                                    \
      "+56(%rdi)\n"                                              \
      "  jmp " next "@PLT\n.size " name ", .-" name "\n")
BELAY_SAVE("BelayTryEnter_", 0, "belay_try_push");
BELAY_SAVE("BelayTryLeft_", 192, "belay_try_leaving");
asm(".text\n.globl belay_try_resume\n.type belay_try_resume, @function\nbelay_try_resume:\n"
    "  movq 0(%rdi), %rbx\n"
    "  movq 8(%rdi), %rbp\n"
    "  movq 16(%rdi), %r12\n"
    "  movq 24(%rdi), %r13\n"
    "  movq 32(%rdi), %r14\n"
    "  movq 40(%rdi), %r15\n"
    "  movq 56(%rdi), %rcx\n"
    "  movq 48(%rdi), %rsp\n"
    "  movl $1, %eax\n"
    "  jmp *%rcx\n.size belay_try_resume, .-belay_try_resume\n");
#elif defined(__aarch64__)
#define BELAY_EACH(op, offset)         \
  "  " op "p x19, x20, [x0, #" #offset \
  "+0]\n"                              \
  "  " op "p x21, x22, [x0, #" #offset \
  "+16]\n"                             \
  "  " op "p x23, x24, [x0, #" #offset \
  "+32]\n"                             \
  "  " op "p x25, x26, [x0, #" #offset \
  "+48]\n"                             \
  "  " op "p x27, x28, [x0, #" #offset \
  "+64]\n"                             \
  "  " op "p x29, x30, [x0, #" #offset \
  "+80]\n"                             \
  "  " op "p d8, d9, [x0, #" #offset   \
  "+104]\n"                            \
  "  " op "p d10, d11, [x0, #" #offset \
  "+120]\n"                            \
  "  " op "p d12, d13, [x0, #" #offset \
  "+136]\n"                            \
  "  " op "p d14, d15, [x0, #" #offset "+152]\n"
#define BELAY_SAVE(name, offset, next)                                        \
  asm(".text\n.globl " name "\n.type " name ", %function\n" name              \
      ":\n" BELAY_EACH("st", offset) "  mov x9, sp\n  str x9, [x0, #" #offset \
                                     "+96]\n"                                 \
                                     "  b " next "\n.size " name ", .-" name "\n")
BELAY_SAVE("BelayTryEnter_", 0, "belay_try_push");
BELAY_SAVE("BelayTryLeft_", 192, "belay_try_leaving");
asm(".text\n.globl belay_try_resume\n.type belay_try_resume, %function\nbelay_try_resume:\n" BELAY_EACH(
    "ld", 0) "  ldr x9, [x0, #96]\n  mov sp, x9\n  mov w0, #1\n  ret\n"
             ".size belay_try_resume, .-belay_try_resume\n");
#else
#error "no jump for this processor"
#endif
