"""The six layer rules: layer-edge, core-pure, windows-headers-apart, one-door, build-mixing,
library-folder."""

from __future__ import annotations

import re

from .tree import File, Include, Tree

# What each layer stands on directly; it may include all that lies beneath.
ON = {
    "sync": (),
    "core": ("sync",),
    "edges": ("core",),
    "kernel": ("core",),
    "wdm": ("kernel",),
    "wdf": ("wdm",),
    "win32": ("kernel", "wdm"),
    "com": ("win32",),
    "soap": ("core",),
    "wws": ("soap", "win32"),
    "mi": ("soap", "win32"),
    "guest": ("sync",),
    "host": ("guest", "wdf", "com", "wws", "mi"),
    "explore": ("guest", "wdf", "com", "wws", "mi"),
    "cli": ("explore", "host"),
}
FACADES = ("kernel", "wdm", "wdf", "win32", "com", "wws", "mi")
ONE_BUILD_EACH = ("src/sync", "src/core", "src/edges", "src/kernel", "src/wdm", "src/win32",
                  "include/belay")

# Layers that see the operating system only through sync.
SEALED = ("kernel", "wdm", "wdf", "win32")

STANDARD = set(
    """algorithm any array barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes
    climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal
    cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution
    expected filesystem format forward_list fstream functional future initializer_list iomanip ios iosfwd
    iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric
    optional ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex
    source_location span sstream stack stdexcept stop_token streambuf string string_view strstream
    syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility
    valarray variant vector version atomic
    assert.h ctype.h errno.h float.h inttypes.h iso646.h limits.h locale.h math.h setjmp.h signal.h
    stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h time.h uchar.h
    wchar.h wctype.h""".split()
)
LOGGING = {"iostream", "fstream", "ostream", "syncstream", "cstdio", "stdio.h", "syslog.h"}
DOOR_HEADERS = {
    "thread": "thread", "stop_token": "thread", "future": "thread", "pthread.h": "thread",
    "threads.h": "thread", "sched.h": "thread", "mutex": "lock", "shared_mutex": "lock",
    "condition_variable": "lock", "semaphore": "lock", "semaphore.h": "lock", "latch": "lock",
    "barrier": "lock", "linux/futex.h": "lock", "atomic": "atomic", "stdatomic.h": "atomic",
    "time.h": "clock", "ctime": "clock", "sys/time.h": "clock", "malloc.h": "heap",
}

# Third-party libraries: how their includes begin, and the folders that may name them.
LIBRARIES = {
    "fuse": ("host",),
    "liburing": ("edges", "host"),
    "boost/beast": ("soap",),
    "boost/asio": ("soap",),
    "libxml": ("soap",),
    "CLI/": ("cli",),
    "nlohmann/": ("explore", "host"),
    "toml": ("guest", "explore"),
    "boost/context": ("sync",),
    "elfutils/": ("guest",),
    "dwarf.h": ("guest",),
    "libelf.h": ("guest",),
    "gelf.h": ("guest",),
    # A stand-in for std::format, which g++ 12 does not have; text is made at the edges.
    "fmt/": ("guest", "explore", "host", "cli"),
    # A stand-in for std::expected: result<T> of our own API.
    "tl/expected.hpp": ("core", "win32", "guest", "explore", "host", "cli"),
    "gtest": (), "gmock": (), "benchmark": (),
    # Whom the cancellation core is measured beside.
    "asio": (), "oneapi": (),
}
# Folders under an include path that the compiler or the kernel brings along.
SYSTEM_FOLDERS = ("sys/", "linux/", "bits/", "asm/", "arpa/", "net/", "netinet/", "sanitizer/")

WINDOWS_TYPES = re.compile(
    r"\b(NTSTATUS|HRESULT|MI_Result|P?IRP|P?DEVICE_OBJECT|P?DRIVER_OBJECT|HANDLE|DWORD|U?LONG|"
    r"P?UNICODE_STRING|PVOID|KIRQL|P?LARGE_INTEGER|P?OVERLAPPED|WDF[A-Z]+|STATUS_[A-Z_]+|E_[A-Z]+)\b")
LOG_CALLS = re.compile(r"\b(?:std\s*::\s*)?(cout|cerr|clog|f?printf|puts|fputs|syslog|DbgPrint(?:Ex)?)\b")
NEW = re.compile(r"(?<!operator )(?<!operator)\bnew\b(?!\s*\((?!\s*std\s*::\s*nothrow))(?=\s*[\w:(])")

DOOR_TOKENS = (
    ("thread", re.compile(
        r"\bstd\s*::\s*(?:jthread|thread|this_thread|async|future|shared_future|promise|packaged_task|"
        r"stop_token|stop_source|stop_callback)\b|\bpthread_\w+|\bthrd_\w+|\bthread_local\b|\b__thread\b")),
    ("lock", re.compile(
        r"\bstd\s*::\s*(?:(?:recursive_|shared_)?(?:timed_)?mutex|lock_guard|unique_lock|shared_lock|"
        r"scoped_lock|condition_variable(?:_any)?|counting_semaphore|binary_semaphore|latch|barrier|"
        r"once_flag|call_once)\b|\b(?:mtx|cnd)_\w+|\bSYS_futex\b|\bsem_(?:init|wait|post|timedwait)\b")),
    ("atomic", re.compile(
        r"\bstd\s*::\s*(?:atomic(?:_\w+)?|memory_order(?:_\w+)?)\b|\b__atomic_\w+|\b__sync_\w+|\b_Atomic\b")),
    ("clock", re.compile(
        r"\bstd\s*::\s*chrono\s*::\s*\w+_clock\b|\b\w+_clock\s*::\s*now\b|"
        r"\b(?:clock_gettime|gettimeofday|timespec_get|timerfd_\w+|timer_create|__rdtscp?|__builtin_ia32_rdtscp?)\b")),
)
# Plain C names: only a call counts, not a member or a declaration of the same name.
CALLS = (
    ("sleep", ("sleep", "usleep", "nanosleep", "clock_nanosleep", "pause")),
    ("clock", ("time",)),
    ("heap", ("malloc", "calloc", "realloc", "free", "aligned_alloc", "posix_memalign", "memalign",
              "strdup", "strndup", "reallocarray")),
)
CALL = re.compile(r"(?<![\w.])(" + "|".join(n for _, names in CALLS for n in names) + r")\b\s*(\(?)")
BEFORE = re.compile(r"(\w+|->|::|[^\s\w])\s*$")
STATEMENTS = {"return", "else", "do", "case", "co_return", "co_yield", "throw", "co_await", "and", "or", "not"}


def layer_of(path: str) -> str | None:
    if path.startswith("include/belay/"):
        return "core"
    if path.startswith("src/"):
        return path.split("/")[1] if path.count("/") >= 2 else None
    return None


def beneath(layer: str) -> set[str]:
    found: set[str] = set()
    pending = [layer]
    while pending:
        for lower in ON.get(pending.pop(), ()):
            if lower not in found:
                found.add(lower)
                pending.append(lower)
    return found


def included_layer(include: Include) -> str | None:
    first = include.path.split("/")[0]
    if first == "belay":
        return "core"
    return first if first in ON and "/" in include.path else None


def windows_names(tree: Tree) -> set[str]:
    known = "ntddk.h wdm.h ntifs.h wdf.h windows.h objbase.h webservices.h mi.h ntdef.h ntstatus.h".split()
    prefix = "include/windows/"
    return {f.path[len(prefix):].lower() for f in tree.under("include/windows")} | set(known)


def is_windows(include: Include, names: set[str]) -> bool:
    path = include.path.replace("\\", "/").lower()
    return path in names or path.startswith("windows/")


def library_of(include: Include) -> str | None:
    return next((start for start in LIBRARIES if include.path.startswith(start)), None)


def sources(tree: Tree) -> list[File]:
    return [f for f in tree.under("src", "include/belay") if f.is_cpp]


def check_edges(tree: Tree) -> None:
    windows = windows_names(tree)
    for file in sources(tree):
        layer = layer_of(file.path)
        if layer not in ON:
            tree.breach(file, 1, "layer-edge",
                        "lies in no layer (move it into one of src/{" + ",".join(ON) + "})")
            continue
        allowed = beneath(layer) | {layer}
        for include in file.includes:
            target = included_layer(include)
            if target is not None and target not in allowed:
                rule = "core-pure" if layer == "core" else "layer-edge"
                tree.breach(file, include.line, rule,
                            f"{layer} includes {include}, but stands on "
                            f"{', '.join(sorted(beneath(layer))) or 'nothing'} only (move the code up a "
                            "layer, or hand the lower one a callback)")
            elif target is None and include.quoted and not is_windows(include, windows):
                tree.breach(file, include.line, "layer-edge",
                            f"{include} does not say which layer it is from (write "
                            f'"{layer}/…", the path from src, or <…> for a system header)')
    for layer, lower in ON.items():  # the table above is the picture; keep it free of cycles
        assert layer not in beneath(layer), (layer, lower)


def check_core(tree: Tree) -> None:
    windows = windows_names(tree)
    for file in sources(tree):
        if layer_of(file.path) not in ("core", "sync"):
            continue
        core = layer_of(file.path) == "core"
        for include in file.includes:
            if is_windows(include, windows):
                tree.breach(file, include.line, "core-pure",
                            f"{include} is a Windows header (translate in the facade's .cpp instead)")
            elif not core or included_layer(include):
                continue
            elif include.path in LOGGING:
                tree.breach(file, include.line, "core-pure",
                            f"{include} is for logging (return a result and let the caller say it)")
            elif include.path not in STANDARD and not library_of(include):
                tree.breach(file, include.line, "core-pure",
                            f"{include} is neither the standard library nor sync nor core (go through sync)")
        if not core:
            continue
        for pattern, what in ((WINDOWS_TYPES, "is a Windows name"), (LOG_CALLS, "is logging")):
            for match in pattern.finditer(file.code):
                tree.breach(file, file.line_of(match.start()), "core-pure",
                            f"{match[0]} {what} (that belongs above core)")


def check_windows_apart(tree: Tree) -> None:
    windows = windows_names(tree)
    for file in tree.under("include/windows"):
        for include in file.includes:
            if included_layer(include):
                tree.breach(file, include.line, "windows-headers-apart",
                            f"a Windows header includes {include} (declare here what a guest may see)")
    for file in tree.under("include/belay"):
        for include in file.includes:
            if is_windows(include, windows):
                tree.breach(file, include.line, "windows-headers-apart",
                            f"our API includes {include} (use our own types)")
    for file in tree.under("src"):
        belay = [i for i in file.includes if i.path.startswith("belay/")]
        both = [i for i in file.includes if is_windows(i, windows)]
        if belay and both and (file.is_header or layer_of(file.path) not in FACADES):
            tree.breach(file, both[0].line, "windows-headers-apart",
                        f"{both[0]} beside {belay[0]} (only the .cpp of a facade may include both)")
    for file in tree.under("examples/drivers"):
        for include in file.includes:
            if included_layer(include):
                tree.breach(file, include.line, "windows-headers-apart",
                            f"a guest includes {include} (a driver sees Windows headers only)")


def is_library_call(code: str, match: re.Match) -> bool:
    """Whether this plain name is the C library's: called or its address taken, and not a member,
    a name in a namespace of ours, or a declaration of our own."""

    def token_before(end: int) -> tuple[str, int]:
        found = BEFORE.search(code, max(0, end - 80), end)
        return (found[1], found.start()) if found else ("", 0)

    token, at = token_before(match.start())
    if token == "::":
        token, at = token_before(at)
        if token == "std":
            return bool(match[2])
        if token.isidentifier() and token not in STATEMENTS or token == ">":
            return False
        return bool(match[2])
    if token in (".", "->", "~"):
        return False
    if not match[2]:
        return token == "&" and match[1] in dict(CALLS)["heap"]
    if token == "&" and code[at - 1 : at] == "&":
        return True
    return not (token in ("*", "&", ">") or token.isidentifier() and token not in STATEMENTS)


def door_uses(file: File, layer: str):
    """(line, kind, text) of each name that belongs behind the door."""
    for include in file.includes:
        if include.path in DOOR_HEADERS and not include.quoted:
            yield include.line, DOOR_HEADERS[include.path], str(include)
    for kind, pattern in DOOR_TOKENS:
        for match in pattern.finditer(file.code):
            yield file.line_of(match.start()), kind, match[0]
    kinds = {name: kind for kind, names in CALLS for name in names}
    for match in CALL.finditer(file.code):
        if is_library_call(file.code, match):
            yield file.line_of(match.start()), kinds[match[1]], match[1]
    if layer == "core":
        for match in NEW.finditer(file.code):
            yield file.line_of(match.start()), "heap", "a new-expression"


def check_door(tree: Tree) -> None:
    windows = windows_names(tree)
    for file in sources(tree):
        layer = layer_of(file.path)
        if layer == "sync":
            continue
        for line, kind, text in door_uses(file, layer):
            if not tree.allow.permits("one-door", file.path, kind):
                tree.breach(file, line, "one-door",
                            f"{text}: {kind} outside src/sync (use what sync/sync.hpp offers)")
        for include in file.includes:
            if layer in SEALED and not (
                included_layer(include) or is_windows(include, windows) or library_of(include)
                or include.quoted or include.path in STANDARD
            ) and not tree.allow.permits("one-door", file.path, include.path):
                tree.breach(file, include.line, "one-door",
                            f"{include} is the operating system (let sync offer what you need)")


def check_mixing(tree: Tree) -> None:
    opens = re.compile(r"^[ \t]*(?:inline[ \t]+)?namespace[ \t]+belay\b(?P<rest>[^{;=\n]*)", re.M)
    for file in tree.under(*ONE_BUILD_EACH):
        if not file.is_header:
            continue
        for match in opens.finditer(file.code):
            if not re.match(r"[ \t]*::[ \t]*inline[ \t]+BELAY_BUILD\b", match["rest"]):
                tree.breach(file, file.line_of(match.start()), "build-mixing",
                            "opens namespace belay without its build (write `namespace belay::inline "
                            "BELAY_BUILD { … }`; sync/build.hpp defines it)")
    linked: dict[str, dict[str, tuple[File, int]]] = {}
    command = re.compile(r"target_link_libraries\s*\(\s*(\S+)([^)]*)\)")
    for file in tree.files:
        if not file.is_cmake:
            continue
        text = re.sub(r"#[^\n]*", lambda m: " " * len(m[0]), file.text)
        for match in command.finditer(text):
            if "${" in match[1]:
                continue  # a helper function: each of its callers chooses
            for library in re.findall(r"\bbelay_(core|native|explored)\b", match[2]):
                library = "explored" if library == "explored" else "native"
                linked.setdefault(match[1], {})[library] = (file, file.line_of(match.start()))
    for target, builds in linked.items():
        if len(builds) == 2:
            file, line = builds["explored"]
            tree.breach(file, line, "build-mixing",
                        f"{target} links the native and the explored library (make two targets of it)")


def check_libraries(tree: Tree) -> None:
    windows = windows_names(tree)
    for file in sources(tree):
        layer = layer_of(file.path)
        for include in file.includes:
            library = library_of(include)
            if library is not None and layer not in LIBRARIES[library]:
                homes = ", ".join("src/" + x for x in LIBRARIES[library]) or "tests and bench"
                tree.breach(file, include.line, "library-folder",
                            f"{include} belongs to {homes} (offer what you need from there)")
            elif (library is None and "/" in include.path and not include.quoted
                  and not included_layer(include) and not is_windows(include, windows)
                  and not include.path.startswith(SYSTEM_FOLDERS)):
                tree.breach(file, include.line, "library-folder",
                            f"{include} is of a library without a home (give it one in LIBRARIES of "
                            "tools/tidy_lib/layers.py)")


CHECKS = (check_edges, check_core, check_windows_apart, check_door, check_mixing, check_libraries)
