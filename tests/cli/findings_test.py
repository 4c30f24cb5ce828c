"""Findings that no example driver is made for: memory, stacks, requests that never end."""

import unittest

from belay_case import BelayCase, driver

SMALL = ("--executions", "200", "--bound", "1", "--budget", "60", "--no-files")


class Findings(BelayCase):
    def found(self, clause, *words, code=1, **parts):
        self.file("d.c", driver(**parts))
        done = self.belay("check", "d.c", *SMALL)
        self.assert_exit(done, code)
        self.assertIn(clause, done.stdout)
        for word in words:
            self.assertIn(word, done.stdout)

    # ---- memory

    def test_used_after_free(self):
        self.found("WDM-IRP-010", "freed",
                   dispatch="volatile UCHAR* p = ExAllocatePoolWithTag(NonPagedPool, 8, 'tseT');"
                            "ExFreePoolWithTag((PVOID)p, 'tseT'); p[0] = 1;")

    def test_out_of_bounds(self):
        self.found("WDM-IRP-011", "block of 8",
                   dispatch="volatile UCHAR* p = ExAllocatePoolWithTag(NonPagedPool, 8, 'tseT');"
                            "p[8] = 1; ExFreePoolWithTag((PVOID)p, 'tseT');")

    def test_null_pointer(self):
        self.found("WDM-IRP-014", "null pointer", dispatch="*(volatile int*)0 = 1;")

    def test_stack_runs_out(self):
        self.found("WDM-IRP-015", "endless recursion", code=3,
                   before="static volatile int Depth;\n"
                          "static __attribute__((noinline)) int Down(volatile char* p)\n"
                          "{ volatile char more[512]; more[0] = *p; Depth++; return Down(more) + more[0]; }\n",
                   dispatch="volatile char c = 0; Down(&c);")

    # ---- requests and waits without an end

    def test_kept_for_ever(self):
        self.found("WDM-FILE-003", "five minutes",
                   dispatch="IoMarkIrpPending(Irp); if (Device != NULL) return STATUS_PENDING;")

    def test_waits_for_ever(self):
        self.found("WDM-IRP-022",
                   dispatch="KEVENT never; KeInitializeEvent(&never, NotificationEvent, FALSE);"
                            "KeWaitForSingleObject(&never, Executive, KernelMode, FALSE, NULL);")

    def test_assertion(self):
        self.found("WDM-IRP-021", "Irp == NULL",
                   dispatch='RtlAssert((PVOID)"Irp == NULL", (PVOID)__FILE__, __LINE__, NULL);')


if __name__ == "__main__":
    unittest.main()
