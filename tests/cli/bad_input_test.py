"""Bad input gets one clear line that says what to do, and its exit code; never a hang or a crash."""

import unittest

from belay_case import BelayCase, driver

SMALL = ("--executions", "200", "--bound", "1", "--budget", "20", "--no-files")


class BadInput(BelayCase):
    # ---- files

    def test_source_does_not_compile(self):
        self.file("x.c", "#include <ntddk.h>\nint f( { }\n")
        done = self.belay("check", "x.c")
        self.assert_exit(done, 2)
        lines = done.stderr.splitlines()
        self.assertIn("x.c:2", done.stderr)  # the compiler's own message first
        self.assertTrue(lines[-1].startswith("belay: x.c does not compile with gcc"), done.stderr)

    def test_no_such_file(self):
        self.refused(self.belay("check", "gone.c"), "gone.c", "no such file")
        self.refused(self.belay("check", "gone.so"), "gone.so", "No such file")

    def test_is_a_folder(self):
        (self.folder / "f.so").mkdir()
        self.refused(self.belay("check", "f.so"), "f.so", "is no file")

    def test_empty_file(self):
        self.refused(self.belay("check", self.file("e.so", "")), "is empty", "belay cc")

    def test_not_elf(self):
        self.refused(self.belay("check", self.file("t.so", "hello world")), "is no ELF file", "belay cc")

    def test_windows_binary(self):
        self.refused(self.belay("check", self.file("d.sys", b"MZ\x90\0" + bytes(400))), "Windows binary", "source")

    def test_program_not_library(self):
        self.file("p.c", "int main(void) { return 0; }\n")
        self.host_compile("-no-pie", "p.c", "-o", "p.so")
        self.refused(self.belay("check", "p.so"), "is no shared library")

    def test_plain_library(self):
        self.file("p.c", "int DriverEntry(void) { return 0; }\n")
        self.host_compile("-shared", "-fPIC", "p.c", "-o", "p.so")
        self.refused(self.belay("check", "p.so"), "was not built by `belay cc`")

    def test_other_abi(self):
        so = self.build("d.c", driver())
        path = self.folder / so
        path.write_bytes(path.read_bytes().replace(b"abi=1;", b"abi=9;"))
        self.refused(self.belay("check", so), "guest ABI 9", "build it again with `belay cc`")

    def test_truncated(self):
        whole = (self.folder / self.build("d.c", driver())).read_bytes()
        for length in [4, 16, 63, 64, 100, *range(500, len(whole) - 1, max(1, len(whole) // 23))]:
            with self.subTest(length=length):
                self.refused(self.belay("check", self.file("t.so", whole[:length])), "t.so")

    def test_damaged(self):
        whole = (self.folder / self.build("d.c", driver())).read_bytes()
        for at in range(16, len(whole), max(7, len(whole) // 60)):
            broken = bytearray(whole)
            broken[at] ^= 0xFF
            with self.subTest(at=at):
                self.refused(self.belay("check", self.file("t.so", bytes(broken))), "t.so")

    def test_not_instrumented(self):
        so = self.build("d.c", driver(), "-fno-sanitize=thread")
        self.refused(self.belay("check", so), "is not instrumented", "belay cc")

    # ---- drivers

    def test_no_driver_entry(self):
        self.file("d.c", "#include <ntddk.h>\nNTSTATUS Other(PIRP Irp) { return Irp->IoStatus.Status; }\n")
        self.refused(self.belay("check", "d.c"), "d.c", "no DriverEntry")

    def test_driver_entry_fails(self):
        self.file("d.c", driver(entry='DbgPrint("no room\\n"); if (Path != NULL) return STATUS_INSUFFICIENT_RESOURCES;'))
        self.refused(self.belay("check", "d.c"), "d.c", "DriverEntry returned 0xc000009a", "no room")

    def test_no_device(self):
        self.file("d.c", driver(entry="Driver->DriverUnload = NULL; if (Path != NULL) return STATUS_SUCCESS;"))
        self.refused(self.belay("check", "d.c"), "d.c", "no device")

    def test_serves_nothing(self):
        self.file("d.c", driver().replace("Driver->MajorFunction[IRP_MJ_READ] = Done;", "(void)Done;"))
        self.refused(self.belay("check", "d.c"), "serves no read, write or device control")

    def test_import_planned(self):
        self.file("d.c", driver(before="NTSTATUS IoFrobnicateEverythingAtOnce(PIRP Irp);",
                                dispatch="IoFrobnicateEverythingAtOnce(Irp);"))
        self.refused(self.belay("check", "d.c"), "IoFrobnicateEverythingAtOnce", "planned")

    def test_import_misspelt(self):
        self.file("d.c", driver(before="VOID IoAcquireCancelSpinLok(PKIRQL Irql);",
                                dispatch="KIRQL irql; IoAcquireCancelSpinLok(&irql);"))
        self.refused(self.belay("check", "d.c"), "IoAcquireCancelSpinLok", "nearest it has is IoAcquireCancelSpinLock")

    def test_import_of_c_library(self):
        self.file("d.c", driver(before="#include <stdio.h>", dispatch='printf("%p", (void*)Irp);'))
        self.refused(self.belay("check", "d.c"), "printf", "DbgPrint")

    def test_spins_for_ever(self):
        self.file("d.c", driver(dispatch="for (;;) { __asm__ volatile(\"\"); }"))
        done = self.belay("check", "d.c", *SMALL)
        self.assert_exit(done, 3)
        self.assertIn("never comes to an end", done.stderr)
        self.assertIn("WDM-IRP-016", done.stdout)

    def test_spins_at_load(self):
        self.file("d.c", driver(entry="for (;;) { __asm__ volatile(\"\"); }"))
        done = self.belay("check", "d.c", *SMALL)
        self.assert_exit(done, 3)
        self.assertIn("never comes to an end", done.stderr)
        self.assertIn("WDM-IRP-016", done.stdout)

    def test_recurses_for_ever(self):
        self.file("d.c", driver(before="static volatile int Depth;\n"
                                       "static __attribute__((noinline)) int Down(volatile char* p)\n"
                                       "{ volatile char more[512]; more[0] = *p; Depth++; return Down(more) + more[0]; }\n",
                                dispatch="volatile char c = 0; Down(&c);"))
        done = self.belay("check", "d.c", *SMALL)
        self.assert_exit(done, 3)
        self.assertIn("never comes to an end", done.stderr)
        self.assertIn("error:", done.stdout)

    # ---- scenarios

    def scenario(self, text, *words):
        self.file("d.c", driver())
        return self.refused(self.belay("check", "d.c", "--scenario", self.file("s.toml", text)), *words)

    def test_scenario_unknown_key(self):
        self.scenario("device = 'x'\nclint = 3\n", "s.toml:2", '"clint"', 'did you mean "client"?')

    def test_scenario_unknown_request_key(self):
        self.scenario("clients = 1\n[[request]]\nop = 'read'\nlenght = 3\n", "s.toml:4", "lenght", '"length"')

    def test_scenario_wrong_value(self):
        self.scenario("clients = 'two'\n", "s.toml:1", "clients", "whole number")
        self.scenario("[[request]]\nop = 'reed'\n", "s.toml:2", "op", '"read"')
        self.scenario("[[request]]\nop = 'control'\n", "s.toml:2", "code")
        self.scenario("[[request]]\nop = 'write'\ninput = '0g'\n", "s.toml:3", "hexadecimal")

    def test_scenario_not_toml(self):
        self.scenario("clients = = 2\n", "s.toml:1")

    def test_scenario_missing(self):
        self.file("d.c", driver())
        self.refused(self.belay("check", "d.c", "--scenario", "gone.toml"), "gone.toml", "No such file")

    def test_device_unknown(self):
        self.file("d.c", driver())
        self.refused(self.belay("check", "d.c", "--device", "\\Device\\Other"), "no device is named \\Device\\Other")

    # ---- traces

    def wrong_driver(self):
        """A driver that completes twice, checked; returns its .so. The trace is in t.json."""
        so = self.build("w.c", driver(dispatch="IoCompleteRequest(Irp, IO_NO_INCREMENT);"))
        self.assert_exit(self.belay("check", so, "--trace", "t.json", "--no-files"), 1)
        return so

    def test_trace_of_another_build(self):
        self.wrong_driver()
        self.build("w.c", driver(dispatch="/* other */ IoCompleteRequest(Irp, 1);"))
        self.refused(self.belay("replay", "t.json"), "other code", "belay check")

    def test_trace_cut(self):
        self.wrong_driver()
        text = (self.folder / "t.json").read_text()
        self.file("t.json", text[: len(text) // 2])
        self.refused(self.belay("replay", "t.json"), "t.json", "it is not whole")

    def test_trace_not_json(self):
        self.refused(self.belay("replay", self.file("t.json", "\nhello\n")), "t.json", "line 2", "not JSON")

    def test_trace_of_something_else(self):
        self.refused(self.belay("replay", self.file("t.json", '{"a": 1}')), "no trace of belay")
        self.refused(self.belay("replay", "gone.json"), "gone.json", "No such file")

    def test_driver_of_trace_gone(self):
        (self.folder / self.wrong_driver()).unlink()
        self.refused(self.belay("replay", "t.json"), "is gone", "--driver")

    # ---- output

    def test_full_disk_trace(self):
        so = self.wrong_driver()
        self.refused(self.belay("check", so, "--trace", "/dev/full", "--no-files"), "/dev/full", "No space left")

    def test_full_disk_page(self):
        so = self.wrong_driver()
        self.refused(self.belay("check", so, "--html", "/dev/full", "--no-files"), "/dev/full", "No space left")
        self.refused(self.belay("check", so, "--json", "/dev/full", "--no-files"), "/dev/full", "No space left")

    def test_full_disk_output(self):
        self.file("d.c", driver())
        for arguments in (("check", "d.c", *SMALL), ("list",), ("explain", "WDM-IRP-001"), ("--help",)):
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                self.refused(self.belay(*arguments, stdout=full), "standard output", "No space left")

    def test_full_disk_driver(self):
        self.file("d.c", driver())
        self.refused(self.belay("cc", "d.c", "-o", "/dev/full/x.so"), "/dev/full/x.so", "cannot be written")

    def test_unwritable_folder(self):
        self.environment["XDG_CACHE_HOME"] = "/dev/null"
        self.file("d.c", driver())
        self.refused(self.belay("check", "d.c"), "XDG_CACHE_HOME")

    # ---- options

    def test_unknown_option(self):
        self.refused(self.belay("check", "d.c", "--clinets", "3"), "--clinets", "--help")

    def test_unknown_verb(self):
        self.refused(self.belay("chekc"), "did you mean check?")

    def test_no_verb(self):
        self.refused(self.belay(), "no verb")

    def test_wrong_bound(self):
        self.refused(self.belay("check", "d.c", "--bound", "many"), "--bound many")
        self.refused(self.belay("check", "d.c", "--clients", "99"), "--clients")
        self.refused(self.belay("check", "d.c", "--strategy", "luck"), "--strategy")

    def test_wrong_operation(self):
        self.refused(self.belay("check", "d.c", "--op", "reed"), "--op reed", "read, write or a control code")

    def test_no_compiler(self):
        self.file("d.c", driver())
        self.refused(self.belay("check", "d.c", "--cc", "no-such-compiler"), "no-such-compiler", "--cc", code=77)

    def test_unknown_clause(self):
        self.refused(self.belay("explain", "WDM-CANCEL-0112"), "no such clause", "WDM-CANCEL-011")

    def test_expectation_typo(self):
        self.file("d.c", driver())
        self.file("d.expect", 'verdict = "holds"\nclause = ["WDM-IRP-001"]\n')
        self.refused(self.belay("check", "d.c", "--expect", "d.expect"), "d.expect:2", 'did you mean "clauses"?')

    # ---- the registry

    def registry(self, content, *words):
        self.file("d.c", driver())
        if isinstance(content, str):
            content = ("Windows Registry Editor Version 5.00\n[HKLM\\SOFTWARE\\X]\n" + content).encode()
        return self.refused(self.belay("check", "d.c", "--registry", self.file("r.reg", content)), *words)

    def test_registry_typo(self):
        self.registry(b"", "r.reg:1", "Windows Registry Editor Version 5.00")
        self.registry(b"REGEDIT4\n", "r.reg:1", "Windows Registry Editor Version 5.00")
        self.registry(b"Windows Registry Editor Version 5.00\n\n\"a\"=dword:1\n", "r.reg:3", "needs a [key]")
        self.registry(b"Windows Registry Editor Version 5.00\n\xe9\n", "r.reg:2", "UTF-8")
        self.registry("[HKEY_CURRENT_USER\\X]\n", "r.reg:3", "HKEY_LOCAL_MACHINE")
        self.registry("[HKLM\\SOFTWARE\n", "r.reg:3", "the ] is missing")
        self.registry("[HKLM\\A\\\\B]\n", "r.reg:3", "1 to 255 characters")
        self.registry("[HKLM]\n", "r.reg:3", "a key below it")
        self.registry("[-HKLM\\A]\n@=-\n", "r.reg:4", "not deleted")
        self.registry("name=dword:1\n", "r.reg:3", '"name"=')
        self.registry('"name" dword:1\n', "r.reg:3", "= is missing")
        self.registry('"name=dword:1\n', "r.reg:3", 'the " at the end')
        self.registry('"a"="C:\\x"\n', "r.reg:3", "is written \\\\")
        self.registry('"a"="b" c\n', "r.reg:3", "something after")
        self.registry('"a"=dword:123456789\n', "r.reg:3", "one to eight")
        self.registry('"a"=dwrod:1\n', "r.reg:3", "dword:0000002a", "hex:01,ff")
        self.registry('"a"=hex(c):1\n', "r.reg:3", "from 0 to b")
        self.registry('"a"=hex:1,\\\n  2g\n', "r.reg:4", "hexadecimal digits")
        self.registry('"a"=hex:1,\\\n', "r.reg:3", "middle of a value")

    def test_registry_missing(self):
        self.file("d.c", driver())
        self.refused(self.belay("check", "d.c", "--registry", "gone.reg"), "gone.reg", "No such file")
        self.refused(self.belay("check", "d.c", "--registry", "."), "is a folder")
        self.refused(self.belay("run", "d.c", "--registry", "gone.reg"), "gone.reg", "No such file")

    def test_budget_too_small(self):
        self.file("d.c", driver())
        done = self.belay("check", "d.c", "--clients", "6", "--bound", "full", "--budget", "0.2", "--no-files")
        self.assert_exit(done, 3)
        self.assertIn("inconclusive", done.stdout)


if __name__ == "__main__":
    unittest.main()
