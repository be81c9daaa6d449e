#!/usr/bin/env python3
"""bench.py: what appending costs from Python. Run it with the package of a release build:

    PYTHONPATH=build/release/bindings/python bindings/python/bench.py [ROUNDS]

One row at a time: bursts of 20 rows of 5 values, each burst timed, with a pause between bursts, as
the C bench does; the median burst, less the same loop without a call. What CPython takes to make the
call and C's own append are in that figure. Columns: 2,000,000 values in four columns a call; the median of ROUNDS
calls, each into an empty ring, and the rate at which the database follows. Times move with the
machine and its load, which is printed.
"""
import os
import shutil
import statistics
import sys
import tempfile
import time

sys.path.pop(0)  # the source of the package is beside this file, without the extension

import numpy
import weir

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
BURST, BURSTS = 20, 2000
ROWS = 500_000


def burst_ns(append):
    """Nanoseconds a row of the median burst."""
    times = []
    clock = time.perf_counter_ns
    for _ in range(BURSTS):
        begin = clock()
        for i in range(BURST):
            append(i, 2.5, "some text", None, b"bytes")
        times.append((clock() - begin) / BURST)
        time.sleep(0.0002)
    return statistics.median(times)


def loop_ns():
    """The same without a call: what the loop and the clock cost."""
    times = []
    clock = time.perf_counter_ns
    for _ in range(BURSTS):
        begin = clock()
        for _ in range(BURST):
            pass
        times.append((clock() - begin) / BURST)
        time.sleep(0.0002)
    return statistics.median(times)


def rows(db):
    t = db.table("one", {"i": int, "r": float, "s": str, "n": str, "b": bytes})
    burst_ns(t.append)
    rounds = sorted(burst_ns(t.append) - loop_ns() for _ in range(ROUNDS))
    print(f"append, 5 values: {statistics.median(rounds):.0f} ns a call "
          f"({rounds[0]:.0f} … {rounds[-1]:.0f})")
    begin = time.perf_counter()
    t.append_many((i, 2.5, "some text", None, b"bytes") for i in range(ROWS))
    took = time.perf_counter() - begin
    print(f"append_many, 5 values, from a generator: {1e9 * took / ROWS:.0f} ns a row")


def columns(db):
    t = db.table("many", {"i": int, "j": int, "r": float, "s": float})
    a = [numpy.arange(ROWS), numpy.arange(ROWS, dtype="i4"), numpy.arange(ROWS) / 8,
         numpy.arange(ROWS, dtype="f4")]
    rates = []
    for _ in range(ROUNDS):
        db.sync("applied")
        begin = time.perf_counter()
        t.append_columns(*a)
        rates.append(4 * ROWS / (time.perf_counter() - begin) / 1e6)
    print(f"append_columns, 4 columns of numbers: {statistics.median(rates):.1f} M values/s "
          f"({min(rates):.1f} … {max(rates):.1f})")
    begin = time.perf_counter()
    for _ in range(3):
        t.append_columns(*a)
    db.sync("applied")
    print(f"the same until it is applied: {12 * ROWS / (time.perf_counter() - begin) / 1e6:.1f} "
          "M values/s")
    u = db.table("texts", {"i": int, "s": str})
    words = numpy.array([f"text {i}" for i in range(ROWS)])
    rates = []
    for _ in range(ROUNDS):
        db.sync("applied")
        begin = time.perf_counter()
        u.append_columns(a[0], words)
        rates.append(2 * ROWS / (time.perf_counter() - begin) / 1e6)
    print(f"append_columns, a number and a text of numpy: {statistics.median(rates):.1f} M values/s "
          f"({min(rates):.1f} … {max(rates):.1f})")


folder = tempfile.mkdtemp()
try:
    print(f"weir {weir.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} processors, "
          f"load {os.getloadavg()[0]:.1f}")
    with weir.open(os.path.join(folder, "run.db"), lane_bytes=64 << 20) as db:
        rows(db)
        columns(db)
finally:
    shutil.rmtree(folder)
