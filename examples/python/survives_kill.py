#!/usr/bin/env python3
"""A log whose last words survive: the child logs and is killed; the parent reads what it said.

usage: survives_kill.py [DATABASE]
"""
import logging
import os
import signal
import sqlite3
import subprocess
import sys

import weir

path = sys.argv[1] if len(sys.argv) > 1 else "run.db"
if len(sys.argv) > 2:  # the child
    logging.getLogger().addHandler(weir.LogHandler(weir.open(path)))
    logging.getLogger().setLevel(logging.INFO)
    logging.info("it begins", extra={"pid": os.getpid()})
    logging.error("the last words of %d", os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)

subprocess.run([sys.executable, __file__, path, "child"])
with weir.open(path, on_event=lambda event, text: print(text)) as db:  # opening recovers
    db.sync("applied", timeout=5)
    for level, message in sqlite3.connect(path).execute("SELECT level, message FROM log"):
        print(level, message)
