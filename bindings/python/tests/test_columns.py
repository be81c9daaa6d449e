"""append_columns: buffers, arrays of numpy, sequences, masks."""
import array
import ctypes
import struct
import unittest

import weir
from support import Case

try:
    import numpy
except ImportError:
    numpy = None


class Columns(Case):
    def setUp(self):
        super().setUp()
        self.db = self.open()

    def table(self, *kinds):
        self.t = self.db.table("x", [(f"c{i}", kind) for i, kind in enumerate(kinds)])
        return self.t

    def stored(self):
        self.assertTrue(self.db.sync("applied", 30))
        return self.rows("SELECT * FROM x ORDER BY rowid")

    def test_buffers_of_the_standard_library(self):
        t = self.table(int, float)
        self.assertEqual(t.append_columns(array.array("h", [1, -2, 3]), array.array("d", [.5, 1, 2])), 3)
        self.assertEqual(t.append_columns(memoryview(b"\x01\xff"), (ctypes.c_float * 2)(1, 2)), 2)
        view = memoryview(array.array("q", range(10)))
        self.assertEqual(t.append_columns(view[::-3], view[0:4]), 4)
        self.assertEqual(self.stored(), [(1, .5), (-2, 1), (3, 2), (1, 1), (255, 2), (9, 0), (6, 1),
                                         (3, 2), (0, 3)])

    def test_sequences(self):
        t = self.table(int, str, bytes)
        self.assertEqual(t.append_columns([1, None, True], ("a", "ä", None),
                                          [b"x", bytearray(b"y"), memoryview(b"z")]), 3)
        self.assertEqual(t.append_columns(range(5), map(str, range(5)), (b"" for _ in range(5))), 5)
        self.assertEqual(t.append_columns({"c2": [], "c0": [], "c1": []}), 0)
        self.assertEqual(self.stored(), [(1, "a", b"x"), (None, "ä", b"y"), (1, None, b"z")] +
                         [(i, str(i), b"") for i in range(5)])

    def test_masks_of_sequences_and_buffers(self):
        t = self.table(int, int)
        t.append_columns([1, 2, 3], array.array("q", [4, 5, 6]),
                         masks={"c0": [True, False, False], "c1": [0, 0, 1]})
        self.assertEqual(self.stored(), [(None, 4), (2, 5), (3, None)])
        with self.assertRaises(ValueError):
            t.append_columns([1], [2], masks={"other": [True]})
        with self.assertRaises(ValueError):
            t.append_columns([1], array.array("q", [2]), masks={"c1": [True, False]})
        with self.assertRaises(ValueError):
            t.append_columns([1], [2], masks={"c1": [True, False]})

    def test_what_is_wrong_appends_nothing(self):
        t = self.table(int, int)
        wide = array.array("Q", [1, 2**63])
        for columns, error in [(([1, 2], [1]), ValueError), (([1],), ValueError), ((5, 6), TypeError),
                               (("ab", "cd"), TypeError), (([1, 2], wide), OverflowError),
                               (([1, 2**70], [1, 2]), OverflowError), (([1, []], [1, 2]), TypeError),
                               (([1, 2], ["a", "\udc00"]), UnicodeEncodeError),
                               (({"c0": [1]},), ValueError),
                               ((memoryview(b"abcd").cast("B", (2, 2)), [1, 2]), ValueError),
                               (((ctypes.c_longdouble * 2)(), [1, 2]), TypeError),
                               (((ctypes.c_int32.__ctype_be__ * 2)(), [1, 2]), TypeError)]:
            with self.subTest(columns=columns), self.assertRaises(error):
                t.append_columns(*columns)
        self.assertEqual(self.stored(), [])
        t.append_columns(wide[:1], array.array("Q", [2**63 - 1]))
        self.assertEqual(self.stored(), [(1, 2**63 - 1)])

    def test_rows_that_do_not_fit_into_a_call_together(self):
        self.db.close()
        self.db = self.open(lane_bytes=65536)
        t = self.table(int, str)
        t.append_columns(range(3000), [f"{i:0500d}" for i in range(3000)])
        rows = self.stored()
        self.assertEqual(rows, [(i, f"{i:0500d}") for i in range(3000)])
        with self.assertRaises(weir.TooBig) as caught:
            t.append_columns([1, 2], ["a", "x" * 50000])
        self.assertEqual(caught.exception.rows, 1)


@unittest.skipUnless(numpy, "numpy is missing")
class Numpy(Columns):
    def test_each_integer_type(self):
        t = self.table(*[int] * 8)
        kinds = "i1 i2 i4 i8 u1 u2 u4 u8".split()
        ends = [(numpy.iinfo(k).min, numpy.iinfo(k).max) for k in kinds[:-1]] + [(0, 2**63 - 1)]
        t.append_columns(*[numpy.array(e, dtype=k) for e, k in zip(ends, kinds)])
        self.assertEqual(self.stored(), [tuple(e[0] for e in ends), tuple(e[1] for e in ends)])

    def test_floats_and_bools(self):
        t = self.table(float, float, float, int)
        values = [0.0, -1.5, float("inf"), 6.103515625e-05, 5.9604644775390625e-08, 65504.0]
        t.append_columns(numpy.array(values, "f2"), numpy.array(values, "f4"),
                         numpy.array(values, "f8"), numpy.array([1, 0, 1, 0, 1, 1], dtype=bool))
        self.assertEqual(self.stored(), [(v, v, v, b) for v, b in zip(values, [1, 0, 1, 0, 1, 1])])

    def test_strides_byte_order_and_nan(self):
        t = self.table(int, float, int)
        grid = numpy.arange(12).reshape(4, 3)
        t.append_columns(grid[:, 1], numpy.array([1, numpy.nan, 3, 4.])[::-1],
                         numpy.arange(4, dtype=">i4"))
        self.assertEqual(self.stored(), [(1, 4, 0), (4, 3, 1), (7, None, 2), (10, 1, 3)])

    def test_masked_arrays(self):
        t = self.table(int, int)
        one = numpy.ma.masked_array([1, 2, 3], mask=[0, 1, 0])
        t.append_columns(one, numpy.ma.masked_array([1, 2, 3]), masks={"c0": [1, 0, 0]})
        self.assertEqual(self.stored(), [(None, 1), (None, 2), (3, 3)])
        huge = numpy.ma.masked_array(numpy.array([1, 2**64 - 1], "u8"), mask=[0, 1])
        t.append_columns(huge, [1, 2])
        self.assertEqual(self.stored()[3:], [(1, 1), (None, 2)])

    def test_texts(self):
        t = self.table(str, str, bytes, str)
        words = ["", "plain", "größe", "€", "😀!", "a\0b"]
        t.append_columns(numpy.array(words), numpy.array([w.encode() for w in words]),
                         numpy.array([b"", b"ab", b"c\0d", b"\xff", b"", b"x"]),
                         numpy.array(words, dtype=object))
        self.assertEqual(self.stored(), [(w, w, b, w) for w, b in zip(
            words, [b"", b"ab", b"c\0d", b"\xff", b"", b"x"])])
        with self.assertRaises(ValueError):
            t.append_columns(numpy.array(["ok", "\ud800"]), ["", ""], ["", ""], ["", ""])

    def test_many_wide_texts(self):
        t = self.table(str)
        words = numpy.array([f"€{i}" * (i % 40) for i in range(5000)])
        t.append_columns(words)
        self.assertEqual(self.stored(), [(w,) for w in words.tolist()])

    def test_times_become_nanoseconds(self):
        t = self.table(int, int)
        t.append_columns(numpy.array(["2020-01-01", "NaT", "1969-12-31"], "M8[D]"),
                         numpy.array([1, 2, 3], "m8[ms]"), masks={"c1": [0, 0, 1]})
        self.assertEqual(self.stored(), [(1577836800 * 10**9, 10**6), (None, 2 * 10**6),
                                         (-86400 * 10**9, None)])
        with self.assertRaises(OverflowError):
            t.append_columns(numpy.array(["3000-01-01"], "M8[D]"), [1])

    def test_many_rows_while_other_threads_run(self):
        import threading
        t = self.table(int, float)
        count = 200000
        a, b = numpy.arange(count), numpy.arange(count) / 8
        threads = [threading.Thread(target=t.append_columns, args=(a, b)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(self.db.sync("applied", 60))
        self.assertEqual(self.rows("SELECT count(*), sum(c0), sum(c1), count(DISTINCT c0) FROM x"),
                         [(3 * count, 3 * int(a.sum()), 3 * float(b.sum()), count)])


if __name__ == "__main__":
    unittest.main()
