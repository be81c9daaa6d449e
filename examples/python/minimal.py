#!/usr/bin/env python3
"""The smallest program: a thousand rows, which are in the database when it ends.

usage: minimal.py [DATABASE]
"""
import sqlite3
import sys

import weir

path = sys.argv[1] if len(sys.argv) > 1 else "run.db"
with weir.open(path) as db:
    prices = db.table("prices", {"tick": int, "price": float})
    for tick in range(1000):
        prices.append(tick, 100 + tick / 8)  # survives a kill from here on
    db.sync("applied", timeout=5)  # now they can be SELECTed
    print(sqlite3.connect(path).execute("SELECT count(*) FROM prices").fetchone()[0], "rows")
