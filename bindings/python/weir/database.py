"""Opening a database, waiting, closing."""
from __future__ import annotations

import atexit
import enum
import logging
import os
import queue
import threading
import time
import warnings
import weakref
from typing import Any, Callable, Dict, Optional, Tuple

from . import _weir
from .errors import Closed, Error, Forked, Unapplied
from .table import Columns, Table, Ticket
from .waiting import Waiters


class Level(enum.IntEnum):
    """How safe a row is; the names in small letters are taken as well."""

    PUBLISHED = 0
    """Survives the death of the process: reached when an append returns."""
    DURABLE = 1
    """On the disk: survives a power cut."""
    APPLIED = 2
    """In the database, committed and synced."""


class Event(enum.IntEnum):
    """What an operator must know of; see weir.h."""

    RECOVERED = 1
    TORN_TAIL = 2
    DAMAGE = 3
    SYNC_FAILED = 4
    STOPPED = 5
    APPLY_WAITS = 6
    APPLY_STOPPED = 7
    APPLY_RESUMED = 8
    REJECTED = 9
    NO_SPACE = 10
    WEAKENED = 11
    GROWS_AGAIN = 12
    TABLE_MENDED = 13
    WAL_GROWS = 14
    KEEP_FAILS = 15
    LOG_REFUSED = 16
    NO_LANE = 17
    JOURNAL = 18
    READER_PASSED = 19
    POSITION_MOVED = 20
    SINK_LAGS = 21
    SINK_DETACHED = 22


_ordinary = {Event.RECOVERED, Event.TORN_TAIL, Event.APPLY_RESUMED, Event.GROWS_AGAIN}
_SLICE_MS = 50  # how long a call may keep the main thread from answering a signal
_FOREVER = 0xFFFFFFFF


def level_of(level: Any) -> int:
    if isinstance(level, str):
        try:
            return int(Level[level.upper()])
        except KeyError:
            raise ValueError(f"a level is 'published', 'durable' or 'applied', not {level!r}") \
                from None
    return int(Level(level))


def milliseconds(seconds: Optional[float]) -> int:
    """None is for ever. What is more than 49 days is for ever as well."""
    if seconds is None:
        return _FOREVER
    if seconds < 0:
        raise ValueError("a time to wait is not negative")
    return min(int(seconds * 1000 + 0.999), _FOREVER)


def _option_ms(seconds: Optional[float]) -> int:
    return 0 if seconds is None else max(1, min(milliseconds(seconds), _FOREVER - 1))


def log_event(event: int, text: str) -> None:
    """What becomes of events without on_event: records of the logger "weir"."""
    try:
        ordinary = Event(event) in _ordinary
    except ValueError:  # of a newer library
        ordinary = False
    logging.getLogger("weir").log(logging.INFO if ordinary else logging.WARNING, "%s", text)


class _Worker:
    """A thread that calls for the main thread, so that this one can answer signals. Calls that wait
    for everything, or for what became of a row, cannot be cut into slices."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue = queue.SimpleQueue()
        self.busy = False
        threading.Thread(target=self._run, name="weir-waits", daemon=True).start()

    def _run(self) -> None:
        while True:
            one = self.calls.get()
            if one is None:
                return
            function, args, answer, done = one
            try:
                answer.append((function(*args), None))
            except BaseException as error:  # it is raised in the thread that waits
                answer.append((None, error))
            del function, args
            done.set()

    def call(self, function: Callable, args: Tuple) -> Any:
        answer: list = []
        done = threading.Event()
        self.busy = True  # for ever, if a signal ends the wait below
        self.calls.put((function, args, answer, done))
        try:
            done.wait()
        except BaseException:
            self.calls.put(None)  # it ends after that call
            raise
        self.busy = False
        value, error = answer[0]
        if error is not None:
            raise error
        return value


class Database:
    """An open database and its journal; weir.open() makes it. Any thread may use it.

    A context manager: leaving it closes. Closing answers: it raises when rows may have stayed
    behind in the ring, and warns (weir.Unapplied) when rows wait in the journal for the next
    opening.
    """

    def __init__(self, path: Any, *, journal_directory: Any = None, lane_bytes: int = 0,
                 lanes_max: int = 0, segment_bytes: int = 0, journal_limit_bytes: int = 0,
                 full: str = "wait", full_timeout: Optional[float] = None,
                 linger: Optional[float] = None, apply_linger: Optional[float] = None,
                 open_timeout: Optional[float] = None, archive: bool = False,
                 must_exist: bool = False, zstd_level: int = 0,
                 on_event: Optional[Callable[[Event, str], Any]] = None) -> None:
        if full not in ("wait", "fail"):
            raise ValueError(f"full is 'wait' or 'fail', and not {full!r}")
        self.path = os.fspath(path)
        self._pid = os.getpid()
        self._worker: Optional[_Worker] = None
        self._handle = _weir.Handle(
            os.fsencode(self.path),
            None if journal_directory is None else os.fsencode(journal_directory), lane_bytes,
            lanes_max, segment_bytes, journal_limit_bytes, full == "wait",
            _option_ms(full_timeout), _option_ms(linger), _option_ms(apply_linger),
            _option_ms(open_timeout), archive, must_exist, zstd_level)
        self._closing = threading.Lock()
        self._closed = False
        self._waiters = Waiters(self._handle)
        self._events = threading.Thread(target=_deliver, name="weir-events", daemon=True,
                                        args=(self._handle, on_event or log_event))
        self._events.start()
        _open.add(self)

    def __repr__(self) -> str:
        return f"<weir.Database {self.path!r}{' closed' if self.closed else ''}>"

    @property
    def closed(self) -> bool:
        """Was close() called?"""
        return self._closed

    # ---- tables --------------------------------------------------------------------------------

    def table(self, name: str, columns: Columns) -> Table:
        """Declare a table to append to.

        columns: a mapping or pairs of name and type: int, float, str, bytes, bool, or weir.KEY for
        an INTEGER PRIMARY KEY. A table that the database lacks is created when the declaration is
        applied. One that exists is used as it is, with its constraints and triggers: each column
        must be there by name, and columns at the end that it lacks are added.

        Raises weir.SchemaError, weir.Busy, weir.DatabaseError, weir.Misuse, weir.Closed.
        """
        return Table(self, name, columns)

    # ---- waiting -------------------------------------------------------------------------------

    def _call(self, function: Callable, timeout: Optional[float], values: Tuple) -> Any:
        """function(timeout_ms, *values), so that the main thread goes on answering signals."""
        wait_ms = milliseconds(timeout)
        if wait_ms <= _SLICE_MS or threading.current_thread() is not threading.main_thread():
            return function(wait_ms, *values)
        if self._worker is None or self._worker.busy:
            self._worker = _Worker()
        return self._worker.call(function, (wait_ms, *values))

    def sync(self, level: Any = "durable", timeout: Optional[float] = None) -> bool:
        """Wait until every append that returned before, by any thread, has reached level.

        level: weir.Level or its name, "durable" or "applied". timeout: seconds; None is for ever, 0
        asks without waiting. Returns whether it is reached; raises when it never will be. Rows that
        SQLite refused count as applied.
        """
        number = level_of(level)
        wait_ms = milliseconds(timeout)
        if self._handle.sync(number, min(wait_ms, _SLICE_MS)):  # most end here
            return True
        if wait_ms <= _SLICE_MS:
            return False
        rest = None if wait_ms == _FOREVER else (wait_ms - _SLICE_MS) / 1000
        return self._call(lambda ms: self._handle.sync(number, ms), rest, ())

    def wait(self, ticket: Ticket, level: Any = "durable", timeout: Optional[float] = None) -> bool:
        """The same for the row that a ticket names."""
        number = level_of(level)
        wait_ms = milliseconds(timeout)
        end = None if wait_ms == _FOREVER else time.monotonic() + wait_ms / 1000
        while True:
            left = _SLICE_MS if end is None else int(1000 * (end - time.monotonic()) + 0.999)
            if self._handle.wait(ticket, number, max(0, min(left, _SLICE_MS))):
                return True
            if end is not None and left <= _SLICE_MS:
                return False

    async def wait_async(self, ticket: Ticket, level: Any = "durable",
                         timeout: Optional[float] = None) -> bool:
        """Await until the row of a ticket has reached level; no thread waits for it.

        Works in any asyncio event loop that has add_reader. Returns False after timeout seconds.
        """
        return await self._waiters.wait(ticket, level_of(level), timeout)

    async def sync_async(self, level: Any = "durable", timeout: Optional[float] = None) -> bool:
        """sync() in the event loop's executor: a thread waits."""
        import asyncio

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self.sync, level, timeout)

    # ---- batches, statistics -------------------------------------------------------------------

    def batch(self) -> "Batch":
        """Begin a batch: rows of several tables that are published together.

            with db.batch() as b:
                b.append(accounts, 1, -5.0)
                b.append(accounts, 2, 5.0)

        Leaving the block commits, an exception in it rolls back. All rows are applied in one
        transaction, or, after a crash, none. One thread at a time uses a batch.
        """
        return Batch(self._handle)

    def stats(self) -> Dict[str, int]:
        """Counts since this opening, as struct weir_stats in weir.h explains them."""
        return self._handle.stats()

    # ---- closing -------------------------------------------------------------------------------

    def close(self) -> bool:
        """Make every row durable, apply what can be within open_timeout, stop the threads, unlock.

        Returns True when all is applied. False, with a warning weir.Unapplied, when rows wait in
        the journal for the next opening. Raises weir.Stopped or weir.InputOutputError when rows
        stayed in the ring (it is closed all the same), and weir.Forked in a forked child. Calling
        it again does nothing.
        """
        if os.getpid() != self._pid:
            self._handle.sync(0, 0)  # raises weir.Forked
        with self._closing:
            if self._closed:
                return True
            self._closed = True
        _open.discard(self)
        reached: Optional[Level] = None  # by every row
        try:
            self._waiters.stop()
            reached = Level.APPLIED if self._handle.close() == _weir.OK else Level.DURABLE
        finally:
            self._waiters.end(reached)
            if self._worker is not None:
                self._worker.calls.put(None)
            if threading.current_thread() is not self._events:
                self._events.join()
        if reached is not Level.APPLIED:
            warnings.warn(f"{self.path}: rows wait in the journal and are not applied yet; the next "
                          "opening or weir-recover applies them", Unapplied, stacklevel=2)
        return reached is Level.APPLIED

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True) or os.getpid() != self._pid:
            return
        warnings.warn(f"{self!r} was never closed", ResourceWarning, source=self)
        try:
            self.close()
        except Error as error:
            log_event(Event.STOPPED, f"{self.path}: {error}")


class Batch(_weir.Batch):
    """Rows that become visible together; Database.batch() makes it."""

    ticket: Optional[Ticket] = None
    """Names the batch once it is committed, to wait for it."""

    def __enter__(self) -> "Batch":
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind is not None:
            self.rollback()
            return
        try:
            self.ticket = self.commit()
        except BaseException:
            self.rollback()
            raise


def _deliver(handle: Any, on_event: Callable[[Event, str], Any]) -> None:
    """Hands events on until the database is closed. An exception in the callable ends nothing."""
    while True:
        one = handle.next_event(1000)
        if one is False:
            return
        if one is None:
            continue
        number, text = one
        try:
            on_event(Event(number) if number in Event._value2member_map_ else number, text)
        except Exception:
            logging.getLogger("weir").exception("on_event failed for: %s", text)


_open: "weakref.WeakSet[Database]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """An interpreter that ends closes what is open. Without this nothing would be lost either."""
    for database in list(_open):
        try:
            database.close()
        except Forked:
            return  # a child's exit is none of ours
        except Error as error:
            log_event(Event.STOPPED, f"{database.path}: {error}")


def open(path: Any, **options: Any) -> Database:
    """Open an SQLite database and the journal beside it; create what is missing.

    Recovers first, if a process died. Options (all have defaults):

    journal_directory: default the database's path + "-weir".
    lane_bytes, lanes_max, segment_bytes, journal_limit_bytes, zstd_level: as in weir.h.
    full: "wait" (for full_timeout seconds, 10 by default, then weir.Full) or "fail", when the ring
        is full.
    linger, apply_linger: seconds after which a row becomes durable, applied, unasked; 0.01, 0.05.
    open_timeout: seconds that opening, declaring and closing may wait; 5.
    archive: keep applied segments. must_exist: a missing database is weir.DatabaseError.
    on_event: called as on_event(event, text) on a thread of its own; default: records of the logger
        "weir", warnings for what needs somebody.

    Raises weir.Locked, weir.DatabaseError, weir.Busy, weir.Damaged and others.
    """
    return Database(path, **options)
