"""Tables: what is not on the fast path of appending (that is in C)."""
from __future__ import annotations

import enum
from typing import (TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple,
                    Union)

from . import _weir
from .errors import Timeout

if TYPE_CHECKING:
    from .database import Database

Columns = Union[Mapping[str, Any], Iterable[Tuple[str, Any]]]
Ticket = Tuple[int, int, int]
"""Names one row of this opening, to wait for it. What is in it is the library's."""


class Type(enum.IntEnum):
    """Column types, as SQLite has them. Any column takes a value of any type."""

    INTEGER = 1
    REAL = 2
    TEXT = 3
    BLOB = 4
    KEY = 5
    """INTEGER PRIMARY KEY; None there takes the next key."""


KEY = Type.KEY

_types = {int: Type.INTEGER, bool: Type.INTEGER, float: Type.REAL, str: Type.TEXT,
          bytes: Type.BLOB}


def column_type(kind: Any) -> Type:
    """int, float, str, bytes, bool, a Type or its name, as a Type."""
    try:
        if isinstance(kind, str):
            return Type[kind.upper()]
        return _types[kind] if isinstance(kind, type) else Type(kind)
    except (KeyError, ValueError):
        raise TypeError(f"a column is int, float, str, bytes, bool or weir.KEY, and not {kind!r}") \
            from None


class Insert(NamedTuple):
    """What became of insert_now(): the key, a ticket, and whether the row is in the database."""

    key: int
    ticket: Ticket
    applied: bool


class Table(_weir.Table):
    """A declared table; made by Database.table(). Any thread may use it."""

    __slots__ = ("columns", "_database")
    columns: Dict[str, Type]
    _database: Database

    def __new__(cls, database: Database, name: str, columns: Columns) -> Table:
        pairs = columns.items() if isinstance(columns, Mapping) else columns
        typed = tuple((column, column_type(kind)) for column, kind in pairs)
        self = super().__new__(cls, database._handle, name, tuple((c, int(k)) for c, k in typed))
        self.columns = dict(typed)
        self._database = database
        return self

    def __init__(self, database: Database, name: str, columns: Columns) -> None:
        super().__init__()

    def __repr__(self) -> str:
        return f"<weir.Table {self.name!r} of {self._database.path!r}>"

    def append_columns(self, *columns: Any, masks: Optional[Mapping[str, Any]] = None) -> int:
        """Append many rows, a column at a time; return how many.

        columns: one for each column of the table, in order; or one mapping of names to columns; or
        one Arrow table or record batch, whose columns are found by name. A column is a numpy array,
        anything with a buffer of one dimension (strides are no matter), an Arrow array (C data
        interface), or a sequence of values as append() takes them. Masked arrays, NaT and Arrow's
        nulls become NULL, and so does what masks says: a mapping from a column's name to an array
        of bool, True for NULL. Times (datetime64, timedelta64, Arrow's timestamps) become integers
        in nanoseconds. numpy's texts become TEXT; its bytes become BLOB, or TEXT in a str column.

        Every value is looked at before the first row is appended: OverflowError for an integer
        beyond 64 bits, ValueError for columns of different lengths. Rows are then published a
        thousand at a time without the interpreter's lock; do not change the arrays meanwhile. After
        weir.Full and the like, the exception's attribute rows says how many were appended.
        """
        names = list(self.columns)
        if len(columns) == 1 and isinstance(columns[0], Mapping):
            columns = _by_name(columns[0], names)
        elif len(columns) == 1 and not masks and _is_arrow_table(columns[0], names):
            try:
                return self._append_columns(("struct", tuple(names), _capsules(columns[0])))
            except ImportError:  # pandas exports by pyarrow, which need not be there
                columns = tuple(columns[0][name] for name in names)
        unknown = set(masks or ()) - set(names)
        if unknown:
            raise ValueError(f"masks of columns that the table does not have: {sorted(unknown)}")
        if len(columns) != len(names):
            raise ValueError(f"table {self.name!r} has {len(names)} columns, and {len(columns)} "
                             "were given")
        parts = [_part(column, kind, (masks or {}).get(name))
                 for column, (name, kind) in zip(columns, self.columns.items())]
        return self._append_columns(tuple(parts))

    def insert_now(self, *values: Any, timeout: Optional[float] = 5.0) -> Insert:
        """Append one row and wait until it is in the database, for at most timeout seconds.

        The table has a column weir.KEY; None there takes the next key. With a timeout of 0 the
        answer is the key at once. applied is False when the time was over: then the row is
        published, and will be applied. Raises weir.Rejected when SQLite refused it.
        """
        status, key, ticket = self._database._call(self._insert, timeout, values)
        return Insert(key, ticket, status == _weir.OK)

    async def append_async(self, *values: Any, level: Any = "durable",
                           timeout: Optional[float] = None) -> Ticket:
        """Append one row, and await until it has reached a level."""
        ticket = self.append_ticket(*values)
        if not await self._database.wait_async(ticket, level=level, timeout=timeout):
            raise Timeout(_weir.PENDING, "WEIR_PENDING", "the row has not reached the level in time")
        return ticket

    def keep(self, *, rows: int = 0, bytes: int = 0, age: float = 0,
             time_column: Optional[str] = None) -> None:
        """Keep the table within limits: its oldest rows are deleted. 0 is no limit.

        age: in seconds, by the integers of time_column, nanoseconds since 1970. Each call replaces
        the last one; they hold for this opening.
        """
        self._keep(rows, bytes, int(age * 1e9), time_column)


# ---- columns -------------------------------------------------------------------------------------

def _by_name(given: Mapping[str, Any], names: List[str]) -> Tuple[Any, ...]:
    if set(given) != set(names):
        raise ValueError(f"the table has the columns {names}, and {list(given)} were given")
    return tuple(given[name] for name in names)


def _capsules(column: Any) -> Tuple[Any, ...]:
    if hasattr(column, "__arrow_c_stream__"):
        return (column.__arrow_c_stream__(),)
    return tuple(column.__arrow_c_array__())


def _is_arrow(column: Any) -> bool:
    return hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__")


def _is_arrow_table(column: Any, names: List[str]) -> bool:
    """A table says so by names of columns; an Arrow array of one column has none."""
    if not _is_arrow(column):
        return False
    return len(names) > 1 or hasattr(column, "column_names") or hasattr(column, "columns")


def _times(column: Any, mask: Any) -> Tuple[Any, Any]:
    """datetime64 and timedelta64 as int64 nanoseconds, and what is NULL."""
    import numpy

    wide = column.astype(f"{column.dtype.kind}8[ns]")
    is_nat = numpy.isnat(column)
    if not (is_nat | (wide.astype(column.dtype) == column)).all():
        raise OverflowError("a time does not fit into 64 bits of nanoseconds")
    if mask is not None:
        is_nat = is_nat | numpy.asarray(mask, dtype=bool)
    return wide.view("i8"), is_nat if is_nat.any() else None


def _array(column: Any, kind: Type, mask: Any) -> Tuple[str, Any, Any]:
    """What of numpy needs a look first; imports it only where it is there."""
    if column.dtype.kind in "mM":
        column, mask = _times(column, mask)
    elif column.dtype.kind == "S" and kind == Type.TEXT:
        import numpy

        column = numpy.char.decode(column, "utf-8")
    elif column.dtype.kind == "O":
        return "sequence", column, mask
    elif not column.dtype.isnative:
        column = column.astype(column.dtype.newbyteorder("="))
    if mask is not None and column.dtype.kind != "O":
        import numpy

        mask = numpy.asarray(mask, dtype=bool)
    return "buffer", column, mask


def _part(column: Any, kind: Type, mask: Any) -> Tuple[str, Any, Any]:
    if _is_arrow(column) and mask is None:
        try:
            capsules = _capsules(column)
        except ImportError:  # pandas exports by pyarrow, which need not be there
            pass
        else:
            if len(capsules) == 1:
                return "stream", capsules[0], None
            return "array", capsules[0], capsules[1]
    if isinstance(column, (str, bytes, bytearray)) and not isinstance(column, bytearray):
        raise TypeError("a column is an array or a sequence of values, and not one text")
    if not hasattr(column, "dtype") and hasattr(column, "__array__"):
        column = column.__array__()
    if hasattr(column, "to_numpy") and hasattr(column, "dtype"):
        column = column.to_numpy()
    if hasattr(column, "dtype") and hasattr(column.dtype, "kind"):
        own = getattr(column, "mask", None)  # numpy.ma
        if own is not None and hasattr(column, "filled"):
            import numpy

            own = numpy.ma.getmaskarray(column)
            mask = own if mask is None else own | numpy.asarray(mask, dtype=bool)
            column = column.data
        return _array(column, kind, mask)
    try:
        view = memoryview(column)
    except TypeError:
        return "sequence", column, mask
    if mask is not None:
        mask = bytes(bool(bit) for bit in mask)
    return "buffer", view, mask
