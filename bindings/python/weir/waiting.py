"""Waiting in an event loop, by the library's descriptors: no thread waits."""
from __future__ import annotations

import asyncio
import os
import threading
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import _weir
from .errors import Closed, Error


class _Waiter(NamedTuple):
    ticket: Tuple[int, int, int]
    level: int
    future: "asyncio.Future[bool]"
    loop: asyncio.AbstractEventLoop


def _resolve(future: "asyncio.Future[bool]", error: Optional[BaseException]) -> None:
    if future.done():  # cancelled, or its time was over
        return
    if error is None:
        future.set_result(True)
    else:
        future.set_exception(error)


class Waiters:
    """All tasks that wait for rows of a handle, of any thread's loop.

    A loop reads a copy (dup) of the level's descriptor while any of its tasks waits. Several loops
    may do so: whichever reads first asks for the waiters of all.
    """

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.lock = threading.Lock()
        self.waiters: List[_Waiter] = []
        self.readers: Dict[Tuple[asyncio.AbstractEventLoop, int], int] = {}
        self.stopped = False

    async def wait(self, ticket: Any, level: int, timeout: Optional[float]) -> bool:
        if self.handle.wait(ticket, level, 0):
            return True
        loop = asyncio.get_running_loop()
        waiter = _Waiter(ticket, level, loop.create_future(), loop)
        with self.lock:
            if self.stopped:
                raise Closed(_weir.CLOSED, "WEIR_CLOSED", "the database is closed")
            self._watch(loop, level)
            self.waiters.append(waiter)
        try:
            self.handle.request(level)
            self._ask(level)  # it may have been reached before the loop watched
            return await asyncio.wait_for(waiter.future, timeout)
        except asyncio.TimeoutError:
            return False
        finally:
            self._forget(waiter)

    def _watch(self, loop: asyncio.AbstractEventLoop, level: int) -> None:
        if (loop, level) in self.readers:
            return
        fd = os.dup(self.handle.descriptor(level))  # closed by its loop alone
        self.readers[loop, level] = fd
        loop.add_reader(fd, self._readable, fd, level)

    def _readable(self, fd: int, level: int) -> None:
        try:
            os.read(fd, 8)  # before asking, so that nothing is missed
        except BlockingIOError:
            pass  # another loop was faster
        self._ask(level)

    def _ask(self, level: int) -> None:
        with self.lock:
            waiting = [w for w in self.waiters if w.level == level]
        for waiter in waiting:
            try:
                if not self.handle.wait(waiter.ticket, level, 0):
                    continue
                error: Optional[Error] = None
            except Closed:
                continue  # close() says what became of it
            except Error as failure:
                error = failure
            self._tell(waiter, error)

    @staticmethod
    def _tell(waiter: _Waiter, error: Optional[BaseException]) -> None:
        try:
            waiter.loop.call_soon_threadsafe(_resolve, waiter.future, error)
        except RuntimeError:
            pass  # that loop is closed, and nobody waits there

    def _forget(self, waiter: _Waiter) -> None:
        """In its loop's thread: when nobody waits there any more, the loop stops watching."""
        with self.lock:
            self.waiters = [w for w in self.waiters if w is not waiter]
            if any(w.loop is waiter.loop and w.level == waiter.level for w in self.waiters):
                return
            fd = self.readers.pop((waiter.loop, waiter.level), None)
        if fd is not None:
            waiter.loop.remove_reader(fd)
            os.close(fd)

    def stop(self) -> None:
        """Nobody may begin to wait any more."""
        with self.lock:
            self.stopped = True

    def end(self, level: Optional[int]) -> None:
        """The handle is closed, and every row has reached level; None: nobody knows."""
        closed = Closed(_weir.CLOSED, "WEIR_CLOSED",
                        "the database was closed before the row reached the level")
        with self.lock:
            waiting = list(self.waiters)
        for waiter in waiting:
            self._tell(waiter, None if level is not None and waiter.level <= level else closed)
