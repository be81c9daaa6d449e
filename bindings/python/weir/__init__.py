"""weir: rows from many threads, kept across any crash, in SQLite exactly once.

    import weir

    with weir.open("run.db") as db:
        prices = db.table("prices", {"tick": int, "price": float})
        prices.append(1, 9.5)                  # survives SIGKILL from here on
        db.sync("applied", timeout=1)          # now it can be SELECTed

A row is published when append() returns (it survives the death of the process), durable some
milliseconds later or after db.sync("durable") (it survives a power cut), and applied when SQLite
has committed it. Waiting for a level is never needed for a row to reach it.

Errors are exceptions below weir.Error. Events that somebody should hear of (rejected rows, a full
disk) are records of the logger "weir", unless weir.open() was given on_event. Neither a database
nor a table crosses a fork: the child gets weir.Forked. docs/PYTHON.md is the tour.
"""
from . import _weir
from .database import Batch, Database, Event, Level, open
from .errors import (Busy, Closed, DatabaseError, Damaged, Error, Foreign, Forked, Full,
                     InputOutputError, Locked, Misuse, NoMemory, NoSpace, NotFound, Rejected,
                     SchemaError, Stopped, Timeout, TooBig, Unapplied, Unsupported, VersionError)
from .logs import LogHandler
from .manager import DBManager
from .table import KEY, Insert, Table, Ticket, Type

__version__ = _weir.version
__all__ = [
    "Batch", "Busy", "Closed", "DBManager", "Damaged", "Database", "DatabaseError", "Error",
    "Event", "Foreign", "Forked", "Full", "InputOutputError", "Insert", "KEY", "Level", "Locked",
    "LogHandler", "Misuse", "NoMemory", "NoSpace", "NotFound", "Rejected", "SchemaError", "Stopped",
    "Table", "Ticket", "Timeout", "TooBig", "Type", "Unapplied", "Unsupported", "VersionError",
    "open",
]
