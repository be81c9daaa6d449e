"""Opening, declaring, appending rows one at a time and many, closing."""
import array
import decimal
import os
import signal
import threading
import time
import unittest
import warnings

import weir
from support import Case

try:
    import numpy
except ImportError:
    numpy = None


class Rows(Case):
    def table(self, columns=None, **options):
        self.db = self.open(**options)
        return self.db.table("x", columns or {"i": int, "r": float, "s": str, "b": bytes})

    def stored(self, sql="SELECT * FROM x ORDER BY rowid"):
        self.assertTrue(self.db.sync("applied", 30))
        return self.rows(sql)

    def test_each_type_comes_back(self):
        t = self.table()
        t.append(-2**63, 1.5, "text", b"\x00\xff")
        t.append(2**63 - 1, float("inf"), "größe €", b"")
        t.append(None, None, "a\0b", None)
        self.assertEqual(self.stored(), [(-2**63, 1.5, "text", b"\x00\xff"),
                                         (2**63 - 1, float("inf"), "größe €", b""),
                                         (None, None, "a\0b", None)])

    def test_what_is_like_a_value_is_one(self):
        class Index:
            def __index__(self):
                return 7

        t = self.table({"a": bytes, "b": bytes, "c": int, "d": float, "e": int})
        t.append(bytearray(b"one"), memoryview(b"xtwox")[1:4], Index(), decimal.Decimal("2.5"), True)
        t.append(array.array("B", b"\x01\x02"), b"", False, 3, 1)
        self.assertEqual(self.stored(), [(b"one", b"two", 7, 2.5, 1), (b"\x01\x02", b"", 0, 3.0, 1)])

    @unittest.skipUnless(numpy, "numpy is missing")
    def test_scalars_of_numpy(self):
        t = self.table({"a": int, "b": float, "c": int, "d": float, "e": str})
        t.append(numpy.int32(-5), numpy.float32(0.5), numpy.bool_(True), numpy.float64(0.1),
                 numpy.str_("n"))
        with self.assertRaises(OverflowError):
            t.append(numpy.uint64(2**64 - 1), 0, 0, 0, "")
        self.assertEqual(self.stored(), [(-5, 0.5, 1, 0.1, "n")])

    def test_what_is_no_value_is_refused_and_appends_nothing(self):
        t = self.table()
        for value, error in [(2**63, OverflowError), (-2**63 - 1, OverflowError),
                             ("\ud800", UnicodeEncodeError), (object(), TypeError),
                             ([1], TypeError), ({}, TypeError), (1j, TypeError)]:
            with self.subTest(value=repr(value)), self.assertRaises(error):
                t.append(1, 1.0, "s", value)
        self.assertEqual(self.stored(), [])

    def test_wrong_count_says_what_was_expected(self):
        t = self.table()
        with self.assertRaisesRegex(weir.Misuse, "table x has 4 values, and 2 were given") as c:
            t.append(1, 2)
        self.assertEqual((c.exception.name, c.exception.status), ("WEIR_MISUSE", -1))
        self.assertIsInstance(c.exception, ValueError)
        with self.assertRaises(weir.Misuse):
            t.append()

    def test_more_columns_than_fit_on_the_stack(self):
        names = [f"c{i}" for i in range(300)]
        t = self.table([(name, int) for name in names])
        t.append(*range(300))
        t.append_many([range(300, 600)])
        self.assertEqual(self.stored(), [tuple(range(300)), tuple(range(300, 600))])

    def test_types_by_name_and_wrong_ones(self):
        db = self.open()
        t = db.table("k", [("id", weir.KEY), ("v", "text"), ("w", weir.Type.REAL)])
        self.assertEqual(t.columns, {"id": weir.KEY, "v": weir.Type.TEXT, "w": weir.Type.REAL})
        for kind in (dict, "varchar", 77, None):
            with self.subTest(kind=kind), self.assertRaises(TypeError):
                db.table("n", {"a": kind})
        with self.assertRaises(weir.Misuse):
            db.table("n", {})
        with self.assertRaises(TypeError):
            db.table("a\0b", {"a": int})

    def test_a_table_that_does_not_fit(self):
        import sqlite3
        with sqlite3.connect(self.path) as c:
            c.execute("CREATE VIEW v AS SELECT 1 AS a")
        c.close()
        with self.assertRaises(weir.SchemaError) as caught:
            self.open().table("v", {"a": int})
        self.assertIn("v", caught.exception.text)

    # ---- many rows

    def test_many_rows_of_any_sequences(self):
        t = self.table({"i": int, "s": str})
        self.assertEqual(t.append_many([]), 0)
        self.assertEqual(t.append_many([(1, "a"), [2, "b"], {3: 0, "c": 0}]), 3)
        self.assertEqual(t.append_many((i, str(i)) for i in range(4, 2000)), 1996)
        self.assertEqual(self.stored(), [(1, "a"), (2, "b"), (3, "c")] +
                         [(i, str(i)) for i in range(4, 2000)])

    def test_a_row_that_is_used_again(self):
        def again():
            row = [0, ""]
            for i in range(1000):
                row[0], row[1] = i, "text number %d" % i
                yield row

        t = self.table({"i": int, "s": str})
        self.assertEqual(t.append_many(again()), 1000)
        self.assertEqual(self.stored(), [(i, f"text number {i}") for i in range(1000)])

    def test_rows_before_an_error_are_appended(self):
        def broken():
            for i in range(700):
                yield i, "x"
            raise KeyError("mine")

        t = self.table({"i": int, "s": str})
        with self.assertRaises(KeyError) as caught:
            t.append_many(broken())
        self.assertEqual(caught.exception.rows, 700)
        for bad, error in [((1, 2, 3), weir.Misuse), (5, TypeError), ("ab", TypeError),
                           ((2**70, ""), OverflowError)]:
            with self.subTest(bad=bad), self.assertRaises(error) as caught:
                t.append_many([(1, "y"), bad, (2, "y")])
            self.assertEqual(caught.exception.rows, 1)
        self.assertEqual(self.stored("SELECT s, count(*) FROM x GROUP BY s"), [("x", 700), ("y", 4)])

    def test_rows_that_do_not_fit_into_a_call_together(self):
        t = self.table({"b": bytes}, lane_bytes=65536)
        self.assertEqual(t.append_many([bytes([i % 256]) * 3000] for i in range(500)), 500)
        self.assertEqual(self.stored("SELECT count(*), sum(length(b)) FROM x"), [(500, 1500000)])
        with self.assertRaises(weir.TooBig):
            t.append(b"x" * 40000)
        with self.assertRaises(weir.TooBig) as caught:
            t.append_many([[b"x"], [b"x" * 40000]])
        self.assertEqual(caught.exception.rows, 1)

    # ---- a full ring

    def test_a_full_ring_is_waited_for_and_not_counted(self):
        t = self.table({"b": bytes}, lane_bytes=65536)
        for i in range(400):
            t.append(b"%020000d" % i)
        self.assertEqual(self.stored("SELECT count(*) FROM x"), [(400,)])
        self.assertEqual(self.db.stats()["rows_refused"], 0)

    def fill(self, **options):
        """A ring that stays full: the journal may not grow, and SQLite is locked."""
        import sqlite3
        t = self.table({"b": bytes}, lane_bytes=65536, segment_bytes=1 << 20,
                       journal_limit_bytes=4 << 20, open_timeout=0.2, **options)
        self.assertTrue(self.db.sync("applied", 30))
        lock = sqlite3.connect(self.path, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        noise = os.urandom(30000)

        def go_on():
            for _ in range(10000):
                t.append(noise)
        self.addCleanup(lambda: (lock.close(), self.db.sync("applied", 60)))
        return go_on

    def test_full_can_fail_at_once(self):
        go_on = self.fill(full="fail")
        with self.assertRaises(weir.Full):
            go_on()
        self.assertEqual(self.db.stats()["rows_refused"], 1)

    def test_full_waits_no_longer_than_told(self):
        go_on = self.fill(full_timeout=0.3)
        with self.assertRaises(weir.Full):
            go_on()
        self.assertEqual(self.db.stats()["rows_refused"], 1)

    def test_a_signal_ends_the_wait_for_room_and_others_run(self):
        go_on = self.fill(full_timeout=90)
        turns = [0]

        def count():
            while turns[0] >= 0:
                turns[0] += 1
                time.sleep(0.001)

        def interrupt():
            while not self.db.stats()["rows_published"]:
                time.sleep(0.01)
            before = turns[0]
            while turns[0] < before + 500:  # the other thread runs while the main one waits
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        threads = [threading.Thread(target=count), threading.Thread(target=interrupt)]
        for thread in threads:
            thread.start()
        with self.assertRaises(KeyboardInterrupt):
            go_on()
        turns[0] = -10**9
        for thread in threads:
            thread.join()

    # ---- closing

    def test_closed_is_said_by_everything(self):
        t = self.table()
        db = self.db
        ticket = t.append_ticket(1, 1, "", b"")
        self.assertTrue(db.close())
        self.assertTrue(db.close())
        self.assertTrue(db.closed)
        for call in (lambda: t.append(1, 1, "", b""), lambda: t.append_many([(1, 1, "", b"")]),
                     lambda: db.sync(), lambda: db.wait(ticket), db.stats,
                     lambda: db.table("y", {"a": int}), lambda: t.append_columns([1], [1], [""], [b""])):
            with self.assertRaises(weir.Closed):
                call()

    def test_rows_that_are_not_applied_are_said_at_close(self):
        import sqlite3
        t = self.table(open_timeout=0.2)
        self.assertTrue(self.db.sync("applied", 30))
        lock = sqlite3.connect(self.path, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        t.append(1, 1, "", b"")
        with self.assertWarns(weir.Unapplied):
            self.assertFalse(self.db.close())
        lock.close()
        db = self.open()
        self.assertTrue(db.sync("applied", 30))
        self.assertEqual(self.rows("SELECT count(*) FROM x"), [(1,)])

    def test_a_database_that_nobody_closes(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            t = weir.open(self.path).table("x", {"a": int})
            t.append(1)
            del t
        self.assertTrue(any(w.category is ResourceWarning for w in caught))
        self.assertEqual(self.rows("SELECT count(*) FROM x"), [(1,)])

    def test_errors_of_opening(self):
        self.open()
        with self.assertRaisesRegex(weir.Locked, "WEIR_LOCKED"):
            weir.open(self.path, open_timeout=0.1)
        with self.assertRaises(weir.DatabaseError):
            weir.open(self.path + "missing", must_exist=True)
        with self.assertRaises(weir.Misuse):
            weir.open(self.path + "2", lane_bytes=3)
        with self.assertRaises(ValueError):
            weir.open("a\0b")
        with self.assertRaises(ValueError):
            weir.open(self.path + "2", full="maybe")
        self.assertTrue(all(issubclass(e, weir.Error) for e in (weir.Locked, weir.DatabaseError)))

    # ---- what else there is

    def test_insert_now(self):
        t = self.table({"id": weir.KEY, "v": str})
        one = t.insert_now(None, "a")
        two = t.insert_now(40, "b", timeout=30)
        three = t.insert_now(None, "c", timeout=0)
        self.assertEqual((one.key, one.applied, two.key, three.key), (1, True, 40, 41))
        self.assertTrue(self.db.wait(three.ticket, "applied", 30))
        with self.assertRaises(weir.Rejected):
            t.insert_now(40, "again")
        self.assertEqual(self.stored(), [(1, "a"), (40, "b"), (41, "c")])

    def test_keep(self):
        t = self.table({"i": int})
        t.append_many([[i] for i in range(1000)])
        self.assertTrue(self.db.sync("applied", 30))
        t.keep(rows=10)
        deadline = time.monotonic() + 30
        while self.rows("SELECT count(*) FROM x")[0][0] > 11:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        with self.assertRaises(weir.NotFound):
            t.keep(age=1, time_column="nothing")


if __name__ == "__main__":
    unittest.main()
