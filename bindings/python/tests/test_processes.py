"""Forks and multiprocessing."""
import multiprocessing
import os
import subprocess
import sys
import unittest

import weir
from support import Case


def append_in_a_process(path, number):
    with weir.open(path) as db:
        db.table("x", {"i": int}).append(number)


def try_in_a_child(db, table, path, answers):
    """What a forked child gets from each call, by multiprocessing."""
    for call in (lambda: table.append(1), lambda: table.append_many([[1]]),
                 lambda: table.append_columns([1]), db.sync, db.stats, db.close,
                 lambda: db.table("y", {"a": int}), lambda: weir.open(path + "2")):
        try:
            call()
            answers.put("nothing")
        except weir.Error as error:
            answers.put(type(error).__name__)


class Processes(Case):
    def test_a_forked_child_is_told(self):
        db = self.open()
        t = db.table("x", {"i": int})
        t.append(0)
        context = multiprocessing.get_context("fork")
        answers = context.SimpleQueue()
        child = context.Process(target=try_in_a_child, args=(db, t, self.path, answers))
        child.start()
        self.assertEqual([answers.get() for _ in range(8)], ["Forked"] * 8)
        child.join(30)
        self.assertEqual(child.exitcode, 0)
        t.append(1)  # the parent goes on
        self.assertTrue(db.sync("applied", 30))
        self.assertEqual(self.rows("SELECT i FROM x"), [(0,), (1,)])

    def test_a_child_that_exits_as_programs_do(self):
        done = self.run_python("""
import os, sys, warnings, weir
warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later: a fork beside threads
db = weir.open(sys.argv[1])
t = db.table("x", {"i": int})
t.append(1)
pid = os.fork()
if pid == 0:
    sys.exit(0)        # runs atexit, and drops the objects
assert os.waitpid(pid, 0)[1] == 0
t.append(2)
print(db.close())
""", self.path)
        self.assertEqual((done.stdout, done.stderr), ("True\n", ""))
        self.assertEqual(self.rows("SELECT i FROM x"), [(1,), (2,)])

    def test_spawned_processes(self):
        context = multiprocessing.get_context("spawn")
        self.open().close()
        for number in range(2):
            child = context.Process(target=append_in_a_process, args=(self.path, number))
            child.start()
            child.join(60)
            self.assertEqual(child.exitcode, 0)
        self.assertEqual(self.rows("SELECT i FROM x"), [(0,), (1,)])

    def test_a_child_may_open_after_the_last_close(self):
        append_in_a_process(self.path, 1)
        context = multiprocessing.get_context("fork")
        child = context.Process(target=append_in_a_process, args=(self.path, 2))
        child.start()
        child.join(60)
        self.assertEqual(child.exitcode, 0)
        self.assertEqual(self.rows("SELECT i FROM x"), [(1,), (2,)])


if __name__ == "__main__":
    unittest.main()
