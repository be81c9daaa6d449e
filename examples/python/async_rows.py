#!/usr/bin/env python3
"""asyncio: many tasks append and await that their rows are on the disk; no thread waits for any.

usage: async_rows.py [DATABASE]
"""
import asyncio
import sys

import weir


async def client(orders: weir.Table, number: int) -> None:
    for i in range(20):
        await orders.append_async(number, i, level="durable")  # tasks share a sync of the disk


async def main(path: str) -> None:
    with weir.open(path) as db:
        orders = db.table("orders", {"client": int, "number": int})
        await asyncio.gather(*[client(orders, n) for n in range(50)])
        last = orders.append_ticket(-1, -1)
        print("applied:", await db.wait_async(last, "applied", timeout=5))
        print(db.stats()["rows_published"], "rows,", db.stats()["syncs"], "syncs")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "run.db"))
