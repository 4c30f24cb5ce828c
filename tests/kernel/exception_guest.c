// Guarded blocks as drivers write them, in C. Each function says what happened as a number.
#include <ntifs.h>

#define RAISED ((NTSTATUS)0xE0000001)
#define OTHER ((NTSTATUS)0xE0000002)

void append_step(int step);  // keeps the order of steps: steps = steps * 10 + step

static int filter_for(unsigned int code, unsigned int wanted) {
  return code == wanted ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

int guest_handles(void) {
  volatile int before = 1;
  __try {
    before = 2;
    ExRaiseStatus(RAISED);
    before = 3;
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    return GetExceptionCode() == (unsigned int)RAISED ? before : -1;
  }
  return -2;
}

int guest_runs_without(void) {
  int result = 0;
  try {
    result = 1;
  } except (EXCEPTION_EXECUTE_HANDLER) {
    result = 2;
  }
  return result;
}

int guest_searches(void) {
  __try {
    __try {
      append_step(1);
      ExRaiseStatus(RAISED);
    } __except (filter_for(GetExceptionCode(), (unsigned int)OTHER)) {
      append_step(2);
    }
    append_step(3);
  } __except (filter_for(GetExceptionCode(), (unsigned int)RAISED)) {
    append_step(4);
  }
  append_step(5);
  return 0;
}

int guest_leaves(int early) {
  volatile int result = 7;
  try {
    append_step(1);
    if (early) leave;
    append_step(2);
  } finally {
    append_step(AbnormalTermination() ? 8 : 3);
  }
  append_step(4);
  return result;
}

static int times_two(int value) { return value * 2; }

int guest_returns(int value) {
  __try {
    append_step(1);
    if (value > 2) return times_two(value);
    append_step(2);
  } __finally {
    int scratch[16];
    for (int i = 0; i < 16; ++i) scratch[i] = times_two(i);
    append_step(AbnormalTermination() ? 3 : scratch[2]);
  }
  return value;
}

int guest_returns_through_two(int value) {
  __try {
    __try {
      __try {
        return times_two(value) + 1;
      } __except (EXCEPTION_EXECUTE_HANDLER) {
        append_step(9);
      }
    } __finally {
      append_step(1);
    }
  } __finally {
    append_step(2);
  }
  return -1;
}

int guest_breaks(void) {
  volatile int turns = 0;
  for (;;) {
    ++turns;
    __try {
      if (turns < 3) continue;
      break;
    } __finally {
      append_step(turns);
    }
  }
  while (turns < 100) {
    __try {
      ++turns;
      ExRaiseStatus(RAISED);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
      if (GetExceptionCode() != (unsigned int)RAISED) continue;
      break;
    }
  }
  return turns;
}

static void cleans_up_and_raises(void) {
  __try {
    append_step(1);
    ExRaiseStatus(RAISED);
  } __finally {
    append_step(AbnormalTermination() ? 2 : 9);
  }
  append_step(9);
}

int guest_unwinds(void) {
  __try {
    cleans_up_and_raises();
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    append_step(3);
    __try {
      cleans_up_and_raises();
    } __except (EXCEPTION_EXECUTE_HANDLER) {
      append_step(4);
    }
  }
  return 0;
}

static int throwing_filter(void) {
  __try {
    ExRaiseStatus(OTHER);
  } __except (GetExceptionCode() == (unsigned int)OTHER) {
    return EXCEPTION_CONTINUE_SEARCH;
  }
  return EXCEPTION_EXECUTE_HANDLER;
}

int guest_filter_has_its_own(void) {
  __try {
    __try {
      ExRaiseStatus(RAISED);
    } __except (throwing_filter()) {
      return -1;
    }
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    return GetExceptionCode() == (unsigned int)RAISED ? 1 : -2;
  }
  return -3;
}

int guest_handler_raises(void) {
  __try {
    __try {
      ExRaiseStatus(RAISED);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
      ExRaiseStatus(OTHER);
    }
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    return GetExceptionCode() == (unsigned int)OTHER;
  }
  return 0;
}

unsigned int guest_probes(void* address, SIZE_T length, ULONG alignment, int write) {
  __try {
    if (write) {
      ProbeForWrite(address, length, alignment);
    } else {
      ProbeForRead(address, length, alignment);
    }
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    return GetExceptionCode();
  }
  return 0;
}

unsigned int guest_locks(void* address, ULONG length, int mode, int operation) {
  volatile unsigned int status = 0;
  PMDL mdl = IoAllocateMdl(address, length, FALSE, FALSE, NULL);
  __try {
    MmProbeAndLockPages(mdl, (KPROCESSOR_MODE)mode, (LOCK_OPERATION)operation);
    MmUnlockPages(mdl);
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    status = GetExceptionCode();
  }
  IoFreeMdl(mdl);
  return status;
}

__attribute__((no_sanitize("undefined"))) unsigned long long guest_reads_fault(
    volatile int* address) {
  volatile unsigned long long where = 0;
  __try {
    return (unsigned long long)*address;
  } __except (where = GetExceptionInformation()->ExceptionRecord->ExceptionInformation[1],
              GetExceptionCode() == (unsigned int)STATUS_ACCESS_VIOLATION) {
    return where;
  }
  return 1;
}

void guest_raises_for_nobody(void) {
  __try {
    append_step(1);
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    append_step(2);
  }
  ExRaiseStatus(RAISED);
}

void guest_continues(void) {
  __try {
    ExRaiseStatus(RAISED);
  } __except (EXCEPTION_CONTINUE_EXECUTION) {
    append_step(1);
  }
}
