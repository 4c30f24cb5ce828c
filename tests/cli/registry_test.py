"""The registry that a checked driver finds: from a .reg file, in every execution, and in a replay."""

import unittest

from belay_case import BelayCase, driver

SMALL = ("--executions", "50", "--bound", "1", "--budget", "60", "--no-files")
HEAD = "Windows Registry Editor Version 5.00\r\n\r\n"
PARAMETERS = r"[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\d\Parameters]" + "\r\n"

# Fails to load unless the value of this name has this type and these bytes.
EXPECT = r"""
static NTSTATUS Expect(PUNICODE_STRING Path, PCWSTR Value, ULONG Type, ULONG Size, const void* Bytes)
{
    UNICODE_STRING below = RTL_CONSTANT_STRING(L"Parameters"), name;
    OBJECT_ATTRIBUTES attributes;
    HANDLE service, key;
    UCHAR room[128];
    PKEY_VALUE_PARTIAL_INFORMATION found = (PKEY_VALUE_PARTIAL_INFORMATION)room;
    NTSTATUS status;
    ULONG needed;
    InitializeObjectAttributes(&attributes, Path, OBJ_CASE_INSENSITIVE, NULL, NULL);
    status = ZwOpenKey(&service, KEY_READ, &attributes);
    if (!NT_SUCCESS(status)) return status;
    InitializeObjectAttributes(&attributes, &below, OBJ_CASE_INSENSITIVE, service, NULL);
    status = ZwOpenKey(&key, KEY_READ, &attributes);
    ZwClose(service);
    if (!NT_SUCCESS(status)) return status;
    RtlInitUnicodeString(&name, Value);
    status = ZwQueryValueKey(key, &name, KeyValuePartialInformation, room, sizeof room, &needed);
    ZwClose(key);
    if (!NT_SUCCESS(status)) return status;
    DbgPrint("%ws has type %u and %u bytes\n", Value, found->Type, found->DataLength);
    if (found->Type != Type || found->DataLength != Size) return STATUS_OBJECT_TYPE_MISMATCH;
    return RtlCompareMemory(found->Data, Bytes, Size) == Size ? STATUS_SUCCESS : STATUS_DATA_ERROR;
}
"""


def expecting(*values):
    lines = "".join(f'status = Expect(Path, L"{name}", {kind}, {size}, {data}); if (!NT_SUCCESS(status)) return status;\n'
                    for name, kind, size, data in values)
    return driver(before=EXPECT, entry="NTSTATUS status;\n" + lines)


NUMBER = ("Number", "REG_DWORD", 4, r'"\x2a\0\0\0"')
# Wrong where the value is there.
WRONG = driver(before=EXPECT + "static int Wrong;",
               entry=r'Wrong = Expect(Path, L"Number", REG_DWORD, 4, "\x2a\0\0\0") == STATUS_SUCCESS;',
               dispatch="if (Wrong) IoCompleteRequest(Irp, IO_NO_INCREMENT);")


class Registry(BelayCase):
    def check(self, *arguments):
        return self.belay("check", *arguments, *SMALL)

    def content(self, text, name="d.reg"):
        return self.file(name, (HEAD + text).encode())

    def test_every_form(self):
        self.file("d.c", expecting(
            NUMBER,
            ("", "REG_SZ", 4, r'L"x"'),
            ("Te\\\\xt", "REG_SZ", 12, r'L"a\"b\\\u00e9"'),
            ("Raw", "REG_BINARY", 3, r'"\x01\xff\x0a"'),
            ("Empty", "REG_BINARY", 0, '""'),
            ("Long", "REG_MULTI_SZ", 8, r'L"a\0b\0"'),
            ("Quad", "REG_QWORD", 8, r'"\1\2\3\4\5\6\7\10"')))
        text = PARAMETERS + "\r\n".join((
            "; a comment",
            '"Number"=dword:0000002A', '@="x"', '"Te\\\\xt"="a\\"b\\\\\u00e9"', '"Raw"=hex:01,ff,\\', "  0a",
            '"Empty"=hex:', '"Long"=hex(7):61,00,00,00,62,00,00,00', '"Quad"=hex(b):1,2,3,4,5,6,7,8', ""))
        self.assert_exit(self.check("d.c", "--registry", self.content(text)), 0)
        wide = (HEAD + text).encode("utf-16")
        self.assertTrue(wide.startswith(b"\xff\xfe"))
        self.assert_exit(self.check("d.c", "--registry", self.file("wide.reg", wide)), 0)

    def test_files_follow_one_another(self):
        self.file("d.c", expecting(NUMBER))
        first = self.content(PARAMETERS + '"Number"=dword:1\n"Other"="x"\n', "1.reg")
        second = self.content(r"[hklm\system\ControlSet001\services\D\parameters]" + '\n"NUMBER"=dword:2a\n', "2.reg")
        self.assert_exit(self.check("d.c", "--registry", first, "--registry", second), 0)
        self.refused(self.check("d.c", "--registry", second, "--registry", first), "0xc000003e")
        gone = self.content("[-" + PARAMETERS[1:], "3.reg")
        self.refused(self.check("d.c", "--registry", second, "--registry", gone), "0xc0000034")
        gone = self.content(PARAMETERS + '"Number"=-\n', "4.reg")
        self.refused(self.check("d.c", "--registry", second, "--registry", gone), "0xc0000034")

    def test_scenario(self):
        self.file("d.c", expecting(NUMBER))
        (self.folder / "sub").mkdir()
        self.content(PARAMETERS + '"Number"=dword:2a\n', "sub/d.reg")
        self.file("sub/s.toml", 'registry = ["d.reg"]\n')
        self.assert_exit(self.check("d.c", "--scenario", "sub/s.toml"), 0)
        self.file("sub/s.toml", 'registry = ["gone.reg"]\n')
        self.refused(self.check("d.c", "--scenario", "sub/s.toml"), "gone.reg", "No such file")

    def test_callbacks(self):
        self.file("d.c", WRONG)
        self.assert_exit(self.check("d.c", "--callbacks"), 0)
        reg = self.content(PARAMETERS + '"Number"=dword:2a\n')
        done = self.belay("check", "d.c", "--callbacks", "--registry", reg, "--trace", "t.json")
        self.assert_exit(done, 1)
        (self.folder / reg).unlink()
        self.assert_exit(self.belay("replay", "t.IRP_MJ_READ.json"), 1)

    def test_replay(self):
        so = self.build("d.c", WRONG)
        self.assert_exit(self.check(so), 0)
        reg = self.content(PARAMETERS + '"Number"=dword:2a\n')
        self.assert_exit(self.belay("check", so, "--registry", reg, "--trace", "t.json", "--no-files"), 1)
        (self.folder / reg).unlink()
        (self.folder / so).rename(self.folder / "renamed.so")
        self.assert_exit(self.belay("replay", "t.json", "--driver", "renamed.so"), 1)


if __name__ == "__main__":
    unittest.main()
