"""append_columns: arrays, tables and streams of Arrow, from a producer of its own."""
import struct
import unittest

import weir
from arrow_producer import (ArrowArray, ArrowStream, alive, bitmap, make_array, make_schema, released)
from support import Case


def pack(code, *values):
    return struct.pack(f"<{len(values)}{code}", *values)


def text(words, wide=False, offset=0):
    """A column of texts; offset: so many values before the first."""
    blobs = [b"before"] * offset + [w.encode() for w in words]
    ends = [sum(map(len, blobs[:i])) for i in range(len(blobs) + 1)]
    return make_array(len(words), [None, pack("q" if wide else "i", *ends), b"".join(blobs)], offset)


class Arrow(Case):
    def setUp(self):
        super().setUp()
        self.db = self.open()
        self.addCleanup(alive.clear)
        for kind in released:
            released[kind] = 0

    def column(self, format, array, name="x", kind=int, **schema):
        t = self.db.table(name, {"c": kind})
        t.append_columns(ArrowArray(make_schema(format, **schema), array))
        self.assertTrue(self.db.sync("applied", 30))
        return [v for v, in self.rows(f"SELECT c FROM {name} ORDER BY rowid")]

    def test_numbers(self):
        for format, code, values in [("c", "b", [-128, 127]), ("C", "B", [0, 255]),
                                     ("s", "h", [-2**15, 5]), ("S", "H", [0, 2**16 - 1]),
                                     ("i", "i", [-2**31, 7]), ("I", "I", [0, 2**32 - 1]),
                                     ("l", "q", [-2**63, 2**63 - 1]), ("L", "Q", [0, 2**63 - 1]),
                                     ("e", "e", [0.5, -2]), ("f", "f", [0.25, 3]), ("g", "d", [.1, 4])]:
            with self.subTest(format=format):
                array = make_array(2, [None, pack(code, *values)])
                self.assertEqual(self.column(format, array, f"t_{'u' * format.isupper()}{format}",
                                             float if code in "efd" else int), values)

    def test_nulls_and_offset(self):
        valid = bitmap([1, 1, 1, 0, 1, 0, 1, 1, 1, 0])
        array = make_array(7, [valid, pack("i", *range(10))], offset=3, nulls=3)
        self.assertEqual(self.column("i", array), [None, 4, None, 6, 7, 8, None])

    def test_bits_and_the_null_type(self):
        array = make_array(9, [bitmap([1] * 11 + [0]), bitmap([0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1])],
                           offset=3, nulls=-1)
        self.assertEqual(self.column("b", array), [1, 1, 0, 0, 1, 0, 1, 1, None])
        self.assertEqual(self.column("n", make_array(2, [], nulls=2), "n"), [None, None])

    def test_texts_and_blobs(self):
        words = ["", "one", "größe", "x" * 100]
        self.assertEqual(self.column("u", text(words, offset=2), "a", str), words)
        self.assertEqual(self.column("U", text(words, wide=True, offset=1), "b", str), words)
        blobs = [w.encode() for w in words]
        self.assertEqual(self.column("z", text(words), "c", bytes), blobs)
        self.assertEqual(self.column("Z", text(words, wide=True), "d", bytes), blobs)

    def test_views(self):
        views = (struct.pack("<i12s", 5, b"short") + struct.pack("<i4sii", 20, b"long", 1, 3) +
                 struct.pack("<iiii", -1, -1, 99, -1))
        array = make_array(3, [bitmap([1, 1, 0]), views, b"unused", b"...longer than a dozen!!",
                               pack("q", 6, 24)], nulls=1)
        self.assertEqual(self.column("vu", array, kind=str), ["short", "longer than a dozen!"[:20], None])

    def test_times(self):
        for i, (format, code, factor) in enumerate([
                ("tss:UTC", "q", 10**9), ("tsm:", "q", 10**6), ("tsu:", "q", 1000), ("tsn:", "q", 1),
                ("tdD", "i", 86400 * 10**9), ("tdm", "q", 10**6), ("tts", "i", 10**9),
                ("ttm", "i", 10**6), ("ttu", "q", 1000), ("ttn", "q", 1), ("tDs", "q", 10**9)]):
            with self.subTest(format=format):
                array = make_array(2, [None, pack(code, -3, 100)])
                self.assertEqual(self.column(format, array, f"t{i}"), [-3 * factor, 100 * factor])

    def test_dictionaries(self):
        array = make_array(4, [bitmap([1, 1, 0, 1]), pack("b", 1, 0, 77, 1)], nulls=1,
                           dictionary=text(["zero", "one"]))
        schema = make_schema("u")
        self.assertEqual(self.column("c", array, kind=str, dictionary=schema),
                         ["one", "zero", None, "one"])

    def table_of(self, *lengths, offset=0):
        schema = make_schema("+s", children=[make_schema("u", "name"), make_schema("l", "extra"),
                                             make_schema("g", "price")])
        arrays, at = [], 0
        for n in lengths:
            numbers = range(at, at + n)
            arrays.append(make_array(n - offset, [None], offset, children=[
                text([f"n{i}" for i in numbers]), make_array(n, [None, pack("q", *numbers)]),
                make_array(n, [None, pack("d", *numbers)])]))
            at += n
        return schema, arrays

    def test_a_table_by_names(self):
        t = self.db.table("p", {"price": float, "name": str})
        schema, (array,) = self.table_of(5, offset=2)
        self.assertEqual(t.append_columns(ArrowArray(schema, array)), 3)
        schema, arrays = self.table_of(3, 0, 1500)
        self.assertEqual(t.append_columns(ArrowStream(schema, arrays)), 1503)
        self.assertTrue(self.db.sync("applied", 30))
        self.assertEqual(self.rows("SELECT * FROM p ORDER BY rowid"), [
            (float(i), f"n{i}") for i in [*range(2, 5), *range(1503)]])
        self.assertEqual((released["schema"], released["array"]), (2, 4))

    def test_names_are_of_any_script(self):
        t = self.db.table("p", {"größe": int, "价": int})
        schema = make_schema("+s", children=[make_schema("l", "价"), make_schema("l", "größe")])
        array = make_array(1, [None], children=[make_array(1, [None, pack("q", n)]) for n in (1, 2)])
        t.append_columns(ArrowArray(schema, array))
        self.assertTrue(self.db.sync("applied", 30))
        self.assertEqual(self.rows('SELECT "größe", "价" FROM p'), [(2, 1)])

    def test_an_export_that_lacks_its_library(self):
        class Frame:
            columns = ["a", "b"]

            def __init__(self, **values):
                self.values = values

            def __getitem__(self, name):
                return self.values[name]

            def __arrow_c_stream__(self, requested_schema=None):
                raise ImportError("pyarrow is missing")

        t = self.db.table("p", {"a": int, "b": int})
        frame = Frame(a=[1, 2], b=[3, 4])
        self.assertEqual(t.append_columns(frame), 2)
        self.assertTrue(self.db.sync("applied", 30))
        self.assertEqual(self.rows("SELECT * FROM p"), [(1, 3), (2, 4)])

    def test_columns_in_different_chunks(self):
        t = self.db.table("p", {"a": int, "b": str, "c": int})
        chunks = [make_array(n, [None, pack("q", *range(n))]) for n in (3, 1, 4)]
        texts = [text([f"{n}.{i}" for i in range(n)]) for n in (2, 6)]
        self.assertEqual(t.append_columns(ArrowStream(make_schema("l"), chunks),
                                          ArrowStream(make_schema("u"), texts), range(8)), 8)
        self.assertTrue(self.db.sync("applied", 30))
        self.assertEqual(self.rows("SELECT * FROM p ORDER BY rowid"), list(zip(
            [0, 1, 2, 0, 0, 1, 2, 3], ["2.0", "2.1"] + [f"6.{i}" for i in range(6)], range(8))))

    def test_what_is_refused_appends_nothing_and_is_released(self):
        t = self.db.table("p", {"a": int})
        good = [None, pack("q", 1, 2)]
        schema, arrays = self.table_of(2)
        bad = [
            (TypeError, ArrowArray(make_schema("+l"), make_array(2, good))),
            (TypeError, ArrowArray(make_schema("d:10,2"), make_array(2, good))),
            (TypeError, ArrowArray(make_schema("l"), make_array(2, [None]))),
            (TypeError, ArrowArray(make_schema("l"), make_array(2, [None, None]))),
            (TypeError, ArrowArray(make_schema("l"), make_array(-1, good))),
            (TypeError, ArrowArray(make_schema("l"), make_array(2**62, good, offset=2**62))),
            (OverflowError, ArrowArray(make_schema("L"), make_array(1, [None, pack("Q", 2**63)]))),
            (OverflowError, ArrowArray(make_schema("tss:"), make_array(1, [None, pack("q", 2**62)]))),
            (ValueError, ArrowArray(make_schema("u"), make_array(2, [None, pack("i", 0, 5, 3), b"hello"]))),
            (ValueError, ArrowArray(make_schema("c", dictionary=make_schema("u")), make_array(
                1, [None, pack("b", 5)], dictionary=text(["only"])))),
            (OSError, ArrowStream(make_schema("l"), [make_array(2, good)], fails=True)),
        ]
        for error, column in bad:
            with self.subTest(error=error), self.assertRaises(error):
                t.append_columns(column)
        self.assertEqual(released["array"], len(bad))
        two = self.db.table("q", {"name": str, "missing": int})
        with self.assertRaisesRegex(ValueError, "missing"):
            two.append_columns(ArrowArray(schema, arrays[0]))
        used = ArrowArray(make_schema("l"), make_array(2, good))
        t.append_columns(used)
        with self.assertRaises(ValueError):
            t.append_columns(used)
        self.assertTrue(self.db.sync("applied", 30))
        self.assertEqual(self.rows("SELECT count(*) FROM p"), [(2,)])


if __name__ == "__main__":
    unittest.main()
