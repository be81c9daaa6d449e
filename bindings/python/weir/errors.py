"""Exceptions: one class for each status of the library."""
from __future__ import annotations

from typing import Dict, Optional, Type

from . import _weir


class Error(Exception):
    """A call of weir failed, and changed nothing but what its documentation says.

    status: the library's number; name: its name, "WEIR_FULL"; text: what happened, where, and what
    to do. rows: of append_many() and append_columns(), how many rows were appended before.
    """

    status = 0
    rows: Optional[int] = None

    def __init__(self, status: int, name: str, text: str) -> None:
        super().__init__(status, name, text)
        self.status = status
        self.name = name
        self.text = text

    def __str__(self) -> str:
        return f"{self.text} ({self.name})"


class Misuse(Error, ValueError):
    """The call or an argument breaks the function's rules."""


class NoMemory(Error, MemoryError):
    """Memory could not be allocated."""


class InputOutputError(Error):
    """The operating system reported an input/output error."""


class NoSpace(Error):
    """The file system is full."""


class Full(Error):
    """The ring or the journal is full; the row was refused and counted."""


class TooBig(Error):
    """The row is larger than half a lane (option lane_bytes)."""


class Closed(Error):
    """The database is closed or closing."""


class Forked(Error):
    """This is a forked child: open handles do not cross a fork."""


class Locked(Error):
    """Another process or handle has the journal open."""


class Busy(Error):
    """The database is locked by another connection."""


class DatabaseError(Error):
    """The database is missing, unusable or no database."""


class SchemaError(Error):
    """The table in the database does not fit the declaration."""


class Damaged(Error):
    """Promised bytes of the journal are damaged or missing: see weir-recover."""


class Foreign(Error):
    """The journal and the database do not belong together."""


class VersionError(Error):
    """The file was written by a newer version of the format."""


class Rejected(Error):
    """SQLite refused the row; it stands in the table weir_reject with the reason."""


class Stopped(Error):
    """The journal stopped after an error it could not repair."""


class NotFound(Error):
    """There is no such thing."""


class Unsupported(Error):
    """The system lacks something that this call relies on."""


class Timeout(Error, TimeoutError):
    """The time is over; nothing has failed, and what was appended goes its way."""


class Unapplied(UserWarning):
    """Closing left rows in the journal that are not in the database yet; the next opening, or
    weir-recover, applies them."""


_classes: Dict[int, Type[Error]] = {
    _weir.PENDING: Timeout, _weir.MISUSE: Misuse, _weir.NO_MEMORY: NoMemory,
    _weir.IO: InputOutputError, _weir.NO_SPACE: NoSpace, _weir.FULL: Full, _weir.TOO_BIG: TooBig,
    _weir.CLOSED: Closed, _weir.FORKED: Forked, _weir.LOCKED: Locked, _weir.BUSY: Busy,
    _weir.DATABASE: DatabaseError, _weir.SCHEMA: SchemaError, _weir.DAMAGED: Damaged,
    _weir.FOREIGN: Foreign, _weir.VERSION: VersionError, _weir.REJECTED: Rejected,
    _weir.STOPPED: Stopped, _weir.NOT_FOUND: NotFound, _weir.UNSUPPORTED: Unsupported,
}


def _make(status: int, name: str, text: str) -> Error:
    return _classes.get(status, Error)(status, name, text)


_weir.register_errors(_make)
