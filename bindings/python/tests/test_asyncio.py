"""Waits that can be awaited, and batches."""
import asyncio
import sqlite3
import threading
import unittest

import weir
from support import Case


class Awaiting(Case):
    def setUp(self):
        super().setUp()
        self.db = self.open(open_timeout=0.2)
        self.t = self.db.table("x", {"i": int})
        self.assertTrue(self.db.sync("applied", 30))

    def test_rows_are_awaited(self):
        async def main():
            await self.t.append_async(0)
            await self.t.append_async(1, level="applied")
            self.assertEqual(self.rows("SELECT count(*) FROM x"), [(2,)])
            await asyncio.gather(*[self.t.append_async(i, level="applied") for i in range(2, 200)])
            self.assertEqual(self.rows("SELECT count(*) FROM x"), [(200,)])
            self.assertTrue(await self.db.wait_async(self.t.append_ticket(1), timeout=30))
            self.assertTrue(await self.db.sync_async("applied", 30))
            self.assertFalse(self.db._waiters.readers)

        asyncio.run(main())
        asyncio.run(main_again(self.t))

    def test_a_wait_ends_with_its_time_or_is_cancelled(self):
        lock = sqlite3.connect(self.path, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")

        async def main():
            ticket = self.t.append_ticket(1)
            self.assertFalse(await self.db.wait_async(ticket, "applied", 0.1))
            with self.assertRaises(weir.Timeout):
                await self.t.append_async(2, level="applied", timeout=0.1)
            task = asyncio.ensure_future(self.db.wait_async(ticket, "applied"))
            await asyncio.sleep(0.05)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertFalse(self.db._waiters.waiters)
            task = asyncio.ensure_future(self.db.wait_async(ticket, "applied"))
            await asyncio.sleep(0.05)
            lock.close()
            self.assertTrue(await task)

        asyncio.run(main())

    def test_loops_in_several_threads(self):
        async def main():
            for i in range(50):
                await self.t.append_async(i, level="applied", timeout=30)

        threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.rows("SELECT count(*) FROM x"), [(150,)])

    def test_closing_ends_a_wait(self):
        lock = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(lock.close)
        lock.execute("BEGIN IMMEDIATE")

        async def main():
            task = asyncio.ensure_future(self.t.append_async(1, level="applied"))
            await asyncio.sleep(0.05)
            with self.assertWarns(weir.Unapplied):
                await asyncio.get_running_loop().run_in_executor(None, self.db.close)
            with self.assertRaises(weir.Closed):
                await task

        asyncio.run(main())

    def test_closing_makes_rows_durable_though_they_are_not_applied(self):
        lock = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(lock.close)
        lock.execute("BEGIN IMMEDIATE")

        async def main():
            ticket = self.t.append_ticket(1)
            tasks = [asyncio.ensure_future(self.db.wait_async(ticket, level))
                     for level in ("durable", "applied")]
            await asyncio.sleep(0)  # both wait; the loop reads no descriptor before the end
            with self.assertWarns(weir.Unapplied):
                self.db.close()
            self.assertTrue(await tasks[0])
            with self.assertRaises(weir.Closed):
                await tasks[1]

        asyncio.run(main())


async def main_again(t):
    await t.append_async(5, level="applied")


class Batches(Case):
    def setUp(self):
        super().setUp()
        self.db = self.open()
        self.a = self.db.table("a", {"i": int, "s": str})
        self.b = self.db.table("b", {"v": bytes})

    def counts(self):
        self.assertTrue(self.db.sync("applied", 30))
        return self.rows("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)")[0]

    def test_all_or_nothing(self):
        with self.db.batch() as batch:
            batch.append(self.a, 1, "x")
            batch.append(self.b, b"y")
            self.assertEqual(self.counts(), (0, 0))
        self.assertTrue(self.db.wait(batch.ticket, "applied", 30))
        self.assertEqual(self.counts(), (1, 1))
        with self.assertRaises(KeyError), self.db.batch() as batch:
            batch.append(self.a, 2, "x")
            raise KeyError
        self.assertEqual(self.counts(), (1, 1))

    def test_misuse(self):
        with self.db.batch() as batch:
            for values, error in [((), TypeError), ((5, 1), TypeError), ((self.a, 1), weir.Misuse),
                                  ((self.a, 2**64, ""), OverflowError)]:
                with self.assertRaises(error):
                    batch.append(*values)
            batch.append(self.b, b"")
        for call in (batch.commit, lambda: batch.append(self.b, b"")):
            with self.assertRaises(weir.Misuse):
                call()
        batch.rollback()
        self.assertEqual(self.counts(), (0, 1))

    def test_a_batch_that_outlives_its_database(self):
        batch = self.db.batch()
        batch.append(self.b, b"")
        self.db.close()
        with self.assertRaises(weir.Closed):
            batch.commit()
        with self.assertRaises(weir.Closed):
            self.db.batch()


if __name__ == "__main__":
    unittest.main()
