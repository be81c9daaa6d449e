"""What the tests share: a folder of each test's own, and reading the database."""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import weir


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.path = os.path.join(self.folder, "run.db")

    def open(self, **options):
        """A database that the test need not close, with its events in self.events."""
        self.events = []
        options.setdefault("on_event", lambda event, text: self.events.append((event, text)))
        db = weir.open(self.path, **options)
        self.addCleanup(db.close)
        return db

    def rows(self, sql, path=None):
        connection = sqlite3.connect(path or self.path)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def run_python(self, code, *arguments, **options):
        """A program of its own; its output is text."""
        return subprocess.run([sys.executable, "-c", code, *arguments], text=True, timeout=100,
                              capture_output=True, **options)
