"""The programs in examples/python do what they say."""
import os
import subprocess
import sys
import unittest

from support import Case

ROOT = os.environ.get("WEIR_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "../../.."))


class Examples(Case):
    def example(self, name):
        done = subprocess.run([sys.executable, os.path.join(ROOT, "examples", "python", name),
                               self.path], text=True, capture_output=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_minimal(self):
        self.assertEqual(self.example("minimal.py"), "1000 rows\n")
        self.assertEqual(self.rows("SELECT price FROM prices WHERE tick = 1"), [(100.125,)])

    def test_survives_kill(self):
        out = self.example("survives_kill.py")
        self.assertIn("2 rows of a former process", out)
        self.assertRegex(out, r"INFO it begins\nERROR the last words of \d+\n$")

    def test_async_rows(self):
        self.assertIn("applied: True\n1001 rows,", self.example("async_rows.py"))
        self.assertEqual(self.rows("SELECT count(*) FROM orders"), [(1001,)])

    def test_none_is_forgotten(self):
        self.assertEqual(sorted(os.listdir(os.path.join(ROOT, "examples", "python"))),
                         ["async_rows.py", "minimal.py", "survives_kill.py"])


if __name__ == "__main__":
    unittest.main()
