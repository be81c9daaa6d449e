"""DBManager, and the kill test: a child is killed while it saves; what it was told is safe must be in
the database, once. WEIR_SEED=N repeats the kills of a run."""
import os
import random
import signal
import struct
import subprocess
import sys
import time
import unittest

import weir
from support import Case

CHILD = r"""
import os, struct, sys, weir
manager = weir.DBManager(sys.argv[1], threshold=500)
told = open(sys.argv[2], "r+b", buffering=0)
run = manager.save_simulation_run("killed", int(sys.argv[3]))
os.pwrite(told.fileno(), struct.pack("<q", run), 0)
i = 0
while True:
    tick, agent = divmod(i, 200)
    if i % 2:
        manager.save_transaction(run, tick, agent, i, "food", 1.5, i / 8, "spot")
    else:
        manager.save_agent_state(run, tick, agent, "firm", i / 4, i % 10 != 0)
    i += 1
    os.pwrite(told.fileno(), struct.pack("<q", i), 8)   # this many are acknowledged
    if i == 1: print("begun", flush=True)
    if i % 5000 == 0: manager.flush(0)
"""
ROUNDS = 8


class Manager(Case):
    def test_a_run(self):
        with weir.DBManager(self.path, threshold=500) as manager:
            one = manager.save_simulation_run("baseline", seed=7)
            two = manager.save_simulation_run("other")
            manager.save_agent_state(one, 0, 5, "bank", 12.5, is_active=False)
            manager.save_agent_state(run_id=two, tick=1, agent_id=6, agent_type="firm", assets=1)
            manager.save_transaction(one, 0, 5, 6, "energy", 2.0, 9.5, "contract")
            self.assertTrue(manager.flush())
            self.assertEqual((one, two, manager.threshold), (1, 2, 500))
            self.assertEqual(self.rows("SELECT * FROM simulation_run"),
                             [(1, "baseline", 7), (2, "other", None)])
            self.assertEqual(self.rows("SELECT * FROM agent_state"),
                             [(1, 0, 5, "bank", 12.5, 0), (2, 1, 6, "firm", 1.0, 1)])
            self.assertEqual(self.rows("SELECT * FROM market_transaction"),
                             [(1, 0, 5, 6, "energy", 2.0, 9.5, "contract")])
        with self.assertRaises(weir.Closed):
            manager.save_simulation_run("late")
        with self.assertRaises(ValueError):
            weir.DBManager(self.path, threshold=0)

    def test_ids_go_on_after_opening_again(self):
        for wanted in (1, 2, 3):
            with weir.DBManager(self.path) as manager:
                self.assertEqual(manager.save_simulation_run("again", wanted), wanted)
        self.assertEqual(self.rows("SELECT id, seed FROM simulation_run"), [(1, 1), (2, 2), (3, 3)])

    def killed_once(self, wait, seed):
        """What the child was told: its run, and how many rows are safe."""
        told = os.path.join(self.folder, "told")
        with open(told, "wb") as file:
            file.write(bytes(16))
        child = subprocess.Popen([sys.executable, "-c", CHILD, self.path, told, str(seed)],
                                 stdout=subprocess.PIPE)
        try:
            self.assertEqual(child.stdout.readline(), b"begun\n")
            time.sleep(wait)
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        self.assertEqual(child.returncode, -signal.SIGKILL)
        with open(told, "rb") as file:
            return struct.unpack("<qq", file.read())

    def test_kill(self):
        seed = int(os.environ.get("WEIR_SEED") or time.time_ns() % 10**9)
        print(f"seed {seed}", flush=True)
        draw = random.Random(seed)
        acknowledged = {}
        for number in range(ROUNDS):
            run, rows = self.killed_once(draw.uniform(0, 0.3), number)
            self.assertNotIn(run, acknowledged, f"seed {seed}")
            acknowledged[run] = rows
        with weir.DBManager(self.path, on_event=lambda *_: None) as manager:
            self.assertTrue(manager.flush(60))
        self.assertEqual(self.rows("SELECT name FROM sqlite_master WHERE name = 'weir_reject'"),
                         [])  # it is made for the first row that is refused
        self.assertEqual([r for r, in self.rows("SELECT id FROM simulation_run ORDER BY id")],
                         sorted(acknowledged))
        for run, rows in acknowledged.items():
            found = sorted(int(a * 4) for a, in self.rows(
                f"SELECT assets FROM agent_state WHERE run_id = {run}"))
            found += [int(p * 8) for p, in self.rows(
                f"SELECT price FROM market_transaction WHERE run_id = {run}")]
            found.sort()
            # The last append may have returned without being written down as acknowledged.
            self.assertIn(found, (list(range(rows)), list(range(rows + 1))),
                          f"seed {seed}, run {run}: {rows} acknowledged, {len(found)} found")


if __name__ == "__main__":
    unittest.main()
