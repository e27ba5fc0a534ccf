"""What a reader of one tool's logs says of itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.container import Columnar

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a log.

    Attributes
    ----------
    kind : str
        What contains its rows: CSV, JSON lines, Parquet, access log.
    names : tuple of str
        Its columns, without blanks around them; of nested ones their dotted paths.
    sample : sequence of dict
        First objects, as they stand; none of a table without keys.
    """

    kind: str
    names: tuple[str, ...]
    sample: Sequence[Row] = ()
    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", frozenset(self.names))

    def has(self, *names: str) -> bool:
        """Whether all these columns are there."""
        return self.known.issuperset(names)

    def first(self, names: Iterable[str]) -> str | None:
        """The first of some columns that is there."""
        return next((name for name in names if name in self.known), None)


@dataclass(frozen=True, slots=True)
class Format:
    """Logs of one tool.

    Attributes
    ----------
    name : str
        What a scenario's ``format`` calls it.
    about : str
        Whose it is, and what it says, in a line.
    recognises : callable
        Whether a log is of this format.
    columns : callable
        Which of its columns hold what; one that is not of the format may get those it would have.
    source : str
        Where that is written.
    columnar : Columnar or None
        How most such rows are read a column at a time.
    rows : callable or None
        The rows of an object, where it is not one itself.
    """

    name: str
    about: str
    recognises: Callable[[Head], bool]
    columns: Callable[[Head], TraceColumns]
    rows: Callable[[Row], Iterator[Row]] | None = None
    source: str = ""
    columnar: Columnar | None = None
