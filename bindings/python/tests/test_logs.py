"""The handler for logging."""
import io
import json
import logging
import signal
import sys
import threading
import unittest

import weir
from support import Case


class Logs(Case):
    def setUp(self):
        super().setUp()
        self.db = self.open()
        self.handler = weir.LogHandler(self.db)
        self.logger = logging.Logger("test", 1)
        self.logger.addHandler(self.handler)

    def stored(self, columns="level, message, fields"):
        self.assertTrue(self.db.sync("applied", 30))
        return self.rows(f"SELECT {columns} FROM log ORDER BY rowid")

    def test_levels_and_arguments(self):
        for level in (5, 10, 20, 25, 30, 40, 50, 60):
            self.logger.log(level, "at %d", level)
        self.assertEqual([r[:2] for r in self.stored()], list(zip(
            "TRACE DEBUG INFO INFO WARN ERROR FATAL FATAL".split(),
            [f"at {n}" for n in (5, 10, 20, 25, 30, 40, 50, 60)])))

    def test_where_when_and_who(self):
        self.logger.info("here")
        [(time_ns, thread, file, line)] = self.stored("time_ns, thread, file, line")
        self.assertEqual((thread, file), (threading.get_native_id(), __file__))
        self.assertGreater(time_ns, 1.6e18)
        self.assertGreater(line, 10)

    def test_extra_and_exceptions(self):
        self.logger.info("filled", extra={"order": 7, "odd": object, "price": 9.5})
        try:
            raise KeyError("lost")
        except KeyError:
            self.logger.exception("it failed")
        first, second = self.stored()
        self.assertEqual(json.loads(first[2]), {"order": 7, "odd": repr(object), "price": 9.5})
        self.assertIsNone(second[2])
        self.assertTrue(second[1].startswith("it failed\nTraceback"))
        self.assertTrue(second[1].endswith("KeyError: 'lost'"))

    def test_odd_texts(self):
        self.logger.info("lone \udc80 and ü")
        self.assertEqual(self.stored()[0][1], "lone \\udc80 and ü")

    def test_nothing_is_raised_into_the_program(self):
        self.db.close()
        told, sys.stderr = sys.stderr, io.StringIO()
        try:
            self.logger.info("after the end")
            self.logger.info("%d", "no number")
            text = sys.stderr.getvalue()
        finally:
            sys.stderr = told
        self.assertIn("Logging error", text)
        self.assertIn("weir.errors.Closed", text)

    def test_it_shares_the_table_with_the_library(self):
        self.handler.close()
        other = weir.LogHandler(self.db, "log")
        own = weir.LogHandler(self.db, "mine", logging.ERROR)
        for handler in (other, own):
            self.logger.addHandler(handler)
        self.logger.warning("w")
        self.logger.error("e")
        self.assertEqual(len(self.stored()), 4)
        self.assertEqual(self.rows("SELECT message FROM mine"), [("e",)])

    def test_the_last_words_survive(self):
        self.db.close()
        done = self.run_python("import logging, os, sys, weir\n"
                               "logging.getLogger().addHandler(weir.LogHandler(weir.open(sys.argv[1])))\n"
                               "logging.error('last words')\n"
                               "os.kill(os.getpid(), 9)", self.path)
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.db = self.open()
        self.assertEqual([r[:2] for r in self.stored()], [("ERROR", "last words")])


if __name__ == "__main__":
    unittest.main()
