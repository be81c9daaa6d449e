"""A logging.Handler whose records survive the crash that they explain."""
from __future__ import annotations

import json
import logging
import threading
from typing import Any

from .database import Database
from .table import Type

_COLUMNS = [("time_ns", Type.INTEGER), ("level", Type.TEXT), ("thread", Type.INTEGER),
            ("file", Type.TEXT), ("line", Type.INTEGER), ("message", Type.TEXT),
            ("fields", Type.TEXT)]
_LEVELS = [(logging.CRITICAL, "FATAL"), (logging.ERROR, "ERROR"), (logging.WARNING, "WARN"),
           (logging.INFO, "INFO"), (logging.DEBUG, "DEBUG")]
_OWN = set(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


def level_name(number: int) -> str:
    """The library's name for a level of logging: "WARN" for WARNING, "FATAL" for CRITICAL."""
    return next((name for least, name in _LEVELS if number >= least), "TRACE")


def _clean(text: str) -> str:
    """Text that UTF-8 has: a lone surrogate is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class LogHandler(logging.Handler):
    """Makes each record a row of a table, in the shape of the library's own log.

        logging.getLogger().addHandler(weir.LogHandler(db))

    Columns: time_ns, level ("TRACE" … "FATAL"), thread (the kernel's id), file, line, message,
    fields. The message is what the handler's formatter makes, with the traceback of exc_info;
    fields is a JSON object of what was given as extra, or NULL. A row is published when the logging
    call returns: it survives SIGKILL. Nothing is raised into the program: errors go to
    handleError(), as with every handler.
    """

    def __init__(self, database: Database, table: str = "log", level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.table = database.table(table, _COLUMNS)

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record's row. The thread is the one that calls."""
        try:
            extra = {k: v for k, v in vars(record).items() if k not in _OWN}
            fields = json.dumps(extra, default=repr) if extra else None
            self.table.append(int(record.created * 1e9), level_name(record.levelno),
                              threading.get_native_id(), _clean(record.pathname), record.lineno,
                              _clean(self.format(record)), fields)
        except Exception:
            self.handleError(record)
