"""What ./run bench compares, and with what it is content. One line, one comparison.

Benchmarks are named without their shape: "T1/belay_claim" is "loop/T1/belay_claim". Where the shape is
not the only one of that name it is written.
"""

import typing


class Line(typing.NamedTuple):
    row: str
    work: str  # what is done, in the row's first line; "" repeats it
    ours: str
    other: str  # "" for a number that stands for itself
    name: str  # of the other
    want: str  # "<=": ours / other, at most; ">=": other / ours, at least; "=": within that of 1;
    #            "ns", "bytes", "fair": ours itself, at most, exactly, at least; "": nothing is asked
    value: float = 0
    note: str = ""


def floor(row, work, ours, other, name, at_most, note=""):
    return Line(row, work, ours, other, name, "<=", at_most, note)


def peers(row, ours, names, note=None, at=None):
    """`names`: the contestants, each with how many times faster ours is to be, or None."""
    title = {"libstdc++": "libstdc++", "libc++": "libc++", "go": "Go", "asio": "Asio, bare",
             "asio_mutex": "Asio + mutex", "tbb": "oneTBB", "mutex_list": "mutex + list",
             "timerfd": "timerfd"}
    return [Line(row, "", ours, f"{at or row.split()[0]}/{name}", title[name], ">=" if wanted else "",
                 wanted or 0, (note or {}).get(name, "")) for name, wanted in names.items()]


BARE = "no synchronisation at all"
CHILD = "a child context"
FLAGS = "sets flags, calls nothing"

LINES = [
    floor("T1", "arm + disarm, claim routine", "T1/belay_claim", "floor/cas_pair", "2 raw CAS", 1.10),
    floor("T1", "arm + disarm, notify routine", "T1/belay_notify", "floor/cas_pair", "2 raw CAS", 1.10),
    *peers("T1", "T1/belay_notify", {"libstdc++": 2.8, "libc++": None, "asio": None, "asio_mutex": None,
                                     "mutex_list": None, "go": 10}, {"asio": BARE, "go": CHILD}),

    floor("T2", "a life, decided: claim", "T2/belay_claim", "floor/cas", "1 raw CAS", 1.15),
    floor("T2", "a life, decided: notify", "T2/belay_notify", "floor/cas", "1 raw CAS", 1.15),
    floor("T2", "the same on a reused slot", "T2/belay_replace", "floor/cas", "1 raw CAS", 1.15),
    *peers("T2", "T2/belay_notify", {"libstdc++": 9, "libc++": None, "asio": None, "asio_mutex": None,
                                     "mutex_list": None, "go": 18}, {"asio": BARE, "go": CHILD}),

    floor("T3", "add + remove a listener", "T3/belay", "floor/cas_pair", "2 raw CAS", 1.15),
    *peers("T3", "T3/belay", {"libstdc++": 2.5, "libc++": None, "mutex_list": None, "go": 9},
           {"go": CHILD}),
    Line("T3", "the same, RAII callback", "T3/belay_callback", "T3/libstdc++", "libstdc++", ">=", 2.5),

    floor("T4", "T3 among 1,000, a random one", "T4_1k/belay", "T3/belay", "T3", 1.10),
    Line("T4", "", "T4_1k/belay", "floor/list_1k", "bare list, 2 locks", ""),
    *peers("T4", "T4_1k/belay", {"libstdc++": 2.5, "libc++": None, "mutex_list": None, "go": None},
           {"go": CHILD}, "T4_1k"),
    floor("T4", "T3 among 10,000, a random one", "T4_10k/belay", "T3/belay", "T3", 1.10),
    Line("T4", "", "T4_10k/belay", "floor/list_10k", "bare list, 2 locks", ""),
    *peers("T4", "T4_10k/belay", {"libstdc++": 2.5, "libc++": None, "mutex_list": None, "go": None},
           {"go": CHILD}, "T4_10k"),

    floor("T5", "T3 by two threads on one source", "T5/belay", "floor/xadd_pair", "2 shared xadd", 1.25),
    Line("T5", "  how fair", "T5/belay", "", "", "fair", 0.6),
    *peers("T5", "T5/belay", {"libstdc++": 1.8, "libc++": None, "mutex_list": None, "go": 7},
           {"go": CHILD}),

    floor("T6", "the same on a wide source", "T6/belay_wide", "T3/belay", "T3, one thread", 0.60),
    Line("T6", "  how fair", "T6/belay_wide", "", "", "fair", 0.95),
    *peers("T6", "T6/belay_wide", {"libstdc++": 5, "libc++": None, "mutex_list": None, "go": 20},
           {"go": CHILD}, "T5"),

    floor("T7", "cancel, 1 claim routine", "T7/belay_claim", "floor/cas_call", "raw RMW + call", 1.2),
    Line("T7", "", "T7/belay_claim", "floor/load_cas_call", "load, CAS, call", ""),
    *peers("T7", "T7/belay_claim", {"libstdc++": 35, "libc++": 7, "asio": None, "asio_mutex": None,
                                    "tbb": None, "mutex_list": None, "go": None},
           {"libstdc++": "a futex call each", "asio": BARE, "tbb": FLAGS, "go": CHILD}),
    floor("T7", "cancel, 1 notify routine", "T7/belay_notify", "floor/rmw2_call", "2 raw RMW + call",
          1.15),
    *peers("T7", "T7/belay_notify", {"libstdc++": 18, "libc++": 3.5}),
    Line("T7", "cancel, a source with 1 listener", "T7/belay_source", "T7/libstdc++", "libstdc++", ""),
    Line("T7", "", "T7/belay_source", "T7/libc++", "libc++", ""),

    floor("T8", "cancel, 1,000 listeners, each", "T8/belay", "floor/cas_call_1k", "raw RMW + call",
          1.15),
    *peers("T8", "T8/belay", {"libstdc++": 30, "libc++": None, "tbb": None, "mutex_list": None, "go": 5},
           {"libstdc++": "a futex call each", "tbb": FLAGS, "mutex_list": "the lock held throughout",
            "go": CHILD}),
    Line("T8", "cancel, 1,000 children, each", "T8/belay_children", "T8/go", "Go", "", 0, CHILD),

    Line("T9", "100,000 shuffled, hints, each", "T9_100k/belay_fan_out", "T9_100k/belay", "no hints", ""),
    *peers("T9", "T9_100k/belay_fan_out", {"libstdc++": 40, "libc++": None, "mutex_list": None,
                                           "go": None},
           {"libstdc++": "a futex call each", "mutex_list": "the lock held throughout", "go": CHILD},
           "T9_100k"),
    Line("T9", "1,000,000 shuffled, hints, each", "T9_1m/belay_fan_out", "T9_1m/belay", "no hints", ""),
    *peers("T9", "T9_1m/belay_fan_out", {"libstdc++": 40, "libc++": None, "mutex_list": None},
           {"libstdc++": "a futex call each", "mutex_list": "the lock held throughout"}, "T9_1m"),

    Line("T10", "complete races cancel, notify", "T10/belay_notify", "T10/libstdc++", "libstdc++", ">=",
         1.8),
    *peers("T10", "T10/belay_notify", {"libc++": None, "mutex_list": None}),
    Line("T10", "", "T10/belay_notify", "floor/empty_race", "the harness alone", ""),
    Line("T10", "complete races cancel, claim", "T10/belay_claim", "T10/libstdc++", "libstdc++", ">=",
         1.8),

    floor("T11", "create, arm, cancel, destroy", "T11/belay_notify", "floor/cas", "1 raw CAS", 3.7),
    *peers("T11", "T11/belay_notify", {"libstdc++": 14, "libc++": None, "asio": None, "asio_mutex": None,
                                       "tbb": None, "mutex_list": None, "go": 6},
           {"asio": BARE, "tbb": FLAGS, "go": CHILD}),

    floor("T12", "attach + detach, child operation", "T12/belay_operation", "floor/cas_pair",
          "2 raw CAS", 1.2),
    floor("T12", "attach + detach, child source", "T12/belay_source", "floor/cas_pair", "2 raw CAS",
          1.2),
    *peers("T12", "T12/belay_source", {"libstdc++": 3.5, "libc++": None, "tbb": None, "mutex_list": None,
                                       "go": 9}, {"tbb": "and runs an empty task"}),

    Line("T13", "deadline arm + disarm, none pending", "T13_0/belay", "", "", "ns", 14),
    Line("T13", "  1,000 pending", "T13_1k/belay", "T13_0/belay", "none pending", "=", 0.15),
    Line("T13", "  1,000,000 pending", "T13_1m/belay", "T13_0/belay", "none pending", "=", 0.15),
    Line("T13", "with the clock read, none pending", "T13_0/belay_clock", "T13_0/timerfd", "timerfd",
         ">=", 20),
    Line("T13", "", "T13_0/belay_clock", "T13_0/go", "Go", ">=", 5, "AfterFunc, Stop"),
    Line("T13", "", "T13_0/belay_clock", "T13_0/asio", "Asio timer", "", 0, "runs the handler, too"),
    Line("T13", "", "T13_0/belay_clock", "floor/clock", "the clock alone", ""),
    Line("T13", "with the coarse clock read", "T13_0/belay_coarse", "T13_0/go", "Go", ">=", 5,
         "AfterFunc, Stop"),
    Line("T13", "  1,000,000 pending", "T13_1m/belay_clock", "T13_1m/go", "Go", ">=", 5,
         "AfterFunc, Stop"),
    Line("T13", "", "T13_1m/belay_clock", "T13_1m/asio", "Asio timer", "", 0,
         "runs the handler, too"),

    Line("T14", "CPU of a waiter for 20 ms", "T14/belay", "", "", "ns", 100_000),
    Line("T14", "  for a source's listener", "T14/belay_source", "", "", "ns", 100_000),
    *peers("T14", "T14/belay", {"libstdc++": None, "libc++": None, "mutex_list": None}),

    Line("T15", "an operation", "T15/belay_operation", "", "", "bytes", 16),
    Line("T15", "a routine", "T15/belay_routine", "", "", "bytes", 24),
    Line("T15", "a listener", "T15/belay_listener", "T15/libstdc++_registration", "libstdc++", "bytes",
         48),
    Line("T15", "a source", "T15/belay_source", "T15/libstdc++_source", "libstdc++", ""),
    Line("T15", "", "T15/belay_source", "T15/asio_source", "Asio, armed", ""),
    Line("T15", "", "T15/belay_source", "T15/tbb_source", "oneTBB", ""),
    Line("T15", "", "T15/belay_source", "T15/mutex_list_source", "mutex + list", ""),
    Line("T15", "a child operation", "T15/belay_child_operation", "", "", "bytes", 48),
    Line("T15", "a child source", "T15/belay_child_source", "T15/libstdc++_child", "libstdc++", ""),
    Line("T15", "a deadline", "T15/belay_deadline", "", "", ""),

    Line("T16", "biased arm + disarm", "T16/belay_biased", "", "", "ns", 1.2),
    *peers("T16", "T16/belay_biased", {"libstdc++": 25, "libc++": None}, None, "T1"),
    Line("T16", "what its cancel costs", "T16/belay_biased_cancel", "T7/belay_claim", "T7, claim", ""),
    Line("T16", "  each of 1,000 in one call", "T16/belay_biased_cancel_all", "T7/belay_claim",
         "T7, claim", ""),

    Line("poll", "has anybody cancelled?", "poll/belay", "floor/poll", "raw load", ""),
    *peers("poll", "poll/belay", {"libstdc++": None, "libc++": None, "tbb": None, "mutex_list": None,
                                  "go": None}),
]
