"""Levels, tickets, signals while waiting, events, threads, the end of the interpreter."""
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

import weir
from support import Case

LOCKED = """
import sqlite3, sys, weir
db = weir.open(sys.argv[1], open_timeout=0.2)
t = db.table("x", {"i": int})
k = db.table("k", {"id": weir.KEY})
db.sync("applied", 30)
lock = sqlite3.connect(sys.argv[1], isolation_level=None)
lock.execute("BEGIN IMMEDIATE")
ticket = t.append_ticket(1)
"""


class Waiting(Case):
    def test_levels(self):
        db = self.open(linger=3600, apply_linger=3600)
        t = db.table("x", {"i": int})
        ticket = t.append_ticket(1)
        self.assertTrue(db.wait(ticket, "published", 0))
        self.assertFalse(db.wait(ticket, "applied", 0))
        self.assertFalse(db.sync("applied", 0))
        self.assertTrue(db.wait(ticket, weir.Level.DURABLE))
        self.assertTrue(db.sync(weir.Level.APPLIED, 30))
        self.assertTrue(db.wait(ticket, 2, 0))
        for level in ("safe", 3, -1):
            with self.assertRaises(ValueError):
                db.sync(level)
        with self.assertRaises(ValueError):
            db.sync("durable", -1)
        for ticket in (None, (1, 2), 5):
            with self.assertRaises(TypeError):
                db.wait(ticket)

    def test_waiting_ends_with_its_time(self):
        db = self.open(open_timeout=0.2)
        t = db.table("x", {"id": weir.KEY})
        self.assertTrue(db.sync("applied", 30))
        lock = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(lock.close)
        lock.execute("BEGIN IMMEDIATE")
        ticket = t.append_ticket(1)
        begin = time.monotonic()
        self.assertFalse(db.wait(ticket, "applied", 0.2))
        self.assertFalse(db.sync("applied", 0.2))
        self.assertEqual(t.insert_now(None, timeout=0.2)[::2], (2, False))
        self.assertGreaterEqual(time.monotonic() - begin, 0.6)
        lock.execute("ROLLBACK")
        self.assertTrue(db.wait(ticket, "applied", 30))

    def interrupted(self, call):
        """A signal ends a call of the main thread that would wait for ever; other threads ran."""
        code = LOCKED + """
import os, signal, threading, time
def later():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=later).start()
try:
    %s
except KeyboardInterrupt:
    print("interrupted")
lock.execute("ROLLBACK")
print(db.sync("applied", 30), db.close())
""" % call
        done = self.run_python(code, self.path)
        self.assertEqual((done.stdout, done.returncode), ("interrupted\nTrue True\n", 0), done.stderr)

    def test_a_signal_ends_sync(self):
        self.interrupted("db.sync('applied')")

    def test_a_signal_ends_wait(self):
        self.interrupted("db.wait(ticket, 'applied')")

    def test_a_signal_ends_insert_now(self):
        self.interrupted("k.insert_now(None, timeout=None)")

    def test_closing_ends_the_wait_of_others(self):
        db = self.open(open_timeout=0.2)
        t = db.table("x", {"i": int})
        self.assertTrue(db.sync("applied", 30))
        lock = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(lock.close)
        lock.execute("BEGIN IMMEDIATE")
        ticket = t.append_ticket(1)
        ends = []

        def wait(call):
            try:
                ends.append(call())
            except weir.Closed:
                ends.append("closed")

        threads = [threading.Thread(target=wait, args=(call,)) for call in
                   (lambda: db.sync("applied"), lambda: db.wait(ticket, "applied"))]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        with self.assertWarns(weir.Unapplied):
            self.assertFalse(db.close())
        for thread in threads:
            thread.join()
        self.assertEqual(ends, ["closed", "closed"])

    def test_threads_append_freely(self):
        db = self.open()
        t = db.table("x", {"thread": int, "i": int})

        def work(number):
            for i in range(2000):
                t.append(number, i)
                if i % 500 == 0:
                    db.sync("durable", 30)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(db.close())
        self.assertEqual(self.rows("SELECT count(*), count(DISTINCT thread * 10000 + i) FROM x"),
                         [(12000, 12000)])
        for number in range(6):  # each thread's rows are in order
            found = [i for i, in self.rows(f"SELECT i FROM x WHERE thread = {number} ORDER BY rowid")]
            self.assertEqual(found, list(range(2000)))


class Events(Case):
    def reject(self, db):
        t = db.table("k", {"id": weir.KEY})
        t.append(1)
        t.append(1)
        self.assertTrue(db.sync("applied", 30))

    def test_each_event_of_the_header_has_a_name(self):
        header = os.path.join(os.environ["WEIR_SOURCE_DIR"], "include", "weir", "weir.h")
        with open(header, encoding="utf-8") as file:
            found = re.findall(r"WEIR_EVENT_(\w+) = (\d+)", file.read())
        self.assertEqual({name: int(number) for name, number in found},
                         {event.name: event.value for event in weir.Event})

    def test_a_callable_gets_them_and_may_call_anything(self):
        seen = []

        def on_event(event, text):
            seen.append((event, text, db.stats()["rows_published"], db.sync("durable", 10)))

        db = self.open(on_event=on_event)
        self.reject(db)
        deadline = time.monotonic() + 30
        while not seen and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertTrue(db.close())
        self.assertEqual([s[0] for s in seen], [weir.Event.REJECTED])
        self.assertIn("refused", seen[0][1])

    def test_a_callable_may_raise_and_may_close(self):
        closed = threading.Event()

        def on_event(event, text):
            db.close()
            closed.set()
            raise ValueError("mine")

        with self.assertLogs("weir", "ERROR") as logs:
            db = self.open(on_event=on_event)
            t = db.table("k", {"id": weir.KEY})
            t.append_many([[1], [1]])
            db.sync("durable", 10)
            self.assertTrue(closed.wait(30))
            time.sleep(0.1)
        self.assertIn("mine", logs.output[0])

    def test_without_a_callable_they_are_logged(self):
        with self.assertLogs("weir", "WARNING") as logs:
            db = self.open(on_event=None)
            self.reject(db)
            db.close()
        self.assertEqual(len(logs.records), 1)
        self.assertIn("refused", logs.output[0])

    def test_what_opening_recovers_is_told(self):
        self.assertEqual(self.run_python("import weir, sys, os, signal\n"
                                         "t = weir.open(sys.argv[1]).table('x', {'i': int})\n"
                                         "t.append(5)\n"
                                         "os.kill(os.getpid(), signal.SIGKILL)", self.path).returncode,
                         -signal.SIGKILL)
        db = self.open()
        self.assertTrue(db.sync("applied", 30))
        self.assertEqual(self.rows("SELECT i FROM x"), [(5,)])
        self.assertTrue(db.close())
        self.assertIn(weir.Event.RECOVERED, [event for event, _ in self.events])

    def test_closing_waits_until_they_are_delivered(self):
        seen = []
        db = self.open(on_event=lambda event, text: (time.sleep(0.3), seen.append(event)))
        self.reject(db)
        db.close()
        self.assertEqual(seen, [weir.Event.REJECTED])

    def test_a_slow_callable_keeps_nobody_waiting(self):
        go_on = threading.Event()
        db = self.open(on_event=lambda event, text: go_on.wait())
        self.reject(db)
        t = db.table("x", {"i": int})
        t.append_many([[i] for i in range(1000)])
        self.assertTrue(db.sync("applied", 30))
        go_on.set()


class TheEnd(Case):
    def test_an_interpreter_that_ends_closes(self):
        for end in ("", "sys.exit(0)", "raise SystemExit", "threading.Thread(target=t.append, args=(6,)).start()"):
            with self.subTest(end=end):
                path = os.path.join(self.folder, f"{len(end)}.db")
                done = self.run_python("import sys, threading, weir\n"
                                       "db = weir.open(sys.argv[1], linger=60, apply_linger=60)\n"
                                       "t = db.table('x', {'i': int})\n"
                                       "t.append(5)\n" + end, path)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertFalse(os.path.exists(path + "-weir/ring"))
                self.assertEqual(self.rows("SELECT i FROM x LIMIT 1", path), [(5,)])

    def test_an_end_without_ceremony_loses_nothing(self):
        for end in ("os._exit(3)", "os.abort()", "os.kill(os.getpid(), 9)"):
            with self.subTest(end=end):
                path = os.path.join(self.folder, f"{len(end)}.db")
                self.run_python("import os, sys, weir\n"
                                "t = weir.open(sys.argv[1]).table('x', {'i': int})\n"
                                "for i in range(1000): t.append(i)\n" + end, path)
                with weir.open(path, on_event=lambda *_: None) as db:
                    self.assertTrue(db.sync("applied", 30))
                self.assertEqual(self.rows("SELECT count(*), sum(i) FROM x", path), [(1000, 499500)])

    def test_events_at_the_end_hang_nothing(self):
        done = self.run_python("import sys, weir\n"
                               "db = weir.open(sys.argv[1])\n"
                               "db.table('k', {'id': weir.KEY}).append_many([[1]] * 1000)\n", self.path)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
