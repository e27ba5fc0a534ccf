"""Which format a log is of, and which of its columns hold what."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sim.catalog.logs.columns import NEEDED, TraceColumns
from sim.catalog.logs.container import Container
from sim.catalog.logs.format import Format, Head
from sim.catalog.logs.formats import FORMATS
from sim.catalog.logs.kinds import container, document
from sim.errors import TraceError
from sim.model.rule import require

MOST_COLUMNS = 1000
OWN = "columns"  # the name of the format whose columns people name


@dataclass(frozen=True, slots=True)
class Found:
    """A log that is known.

    Attributes
    ----------
    format : str
    table : Container
    columns : TraceColumns
        As the file spells them.
    names : tuple of str
        All that the file has.
    """

    format: str
    table: Container
    columns: TraceColumns
    names: tuple[str, ...]


def find(path: str, layout: str | TraceColumns, given: Mapping[str, Any]) -> Found | None:
    """The format of a file and its columns; None if it is of no known format.

    Parameters
    ----------
    path : str
    layout : str or TraceColumns
        ``auto``, a name in ``FORMATS``, or the names of the columns.
    given : mapping
        What is known of the columns besides, as `TraceColumns` has it.
    """
    table = container(path)
    names = _names(path, table)
    own = layout if isinstance(layout, TraceColumns) else _own(layout, given)
    if own is not None:
        return _of_own(path, table, names, own)
    assert isinstance(layout, str)
    require(layout in ("auto", *FORMATS), "format", layout, f"must be auto, {', '.join(FORMATS)}")
    head = Head(table.name, names, table.sample(path))
    known = FORMATS.get(layout) or _recognised(head)
    if known is None and (within := document(path, table)) is not None:
        table = within
        head = Head(table.name, _names(path, table), table.sample(path))
        known = _recognised(head)
    if known is None:
        return None
    columns = known.columns(head)
    if known.rows is not None:
        table = _flattened(path, table, known)
        head = Head(table.name, _names(path, table))
        columns = _without_what_lacks(columns, head)
    columns = replace(columns, **{k: v for k, v in given.items() if v is not None})
    return Found(known.name, table, _spelled(path, table, head.names, columns), head.names)


def names_of(path: str) -> tuple[str, ...]:
    """The columns of a file, or the keys of its objects, as they are spelled there."""
    return _names(path, container(path))


def _own(layout: str, given: Mapping[str, Any]) -> TraceColumns | None:
    """The columns as they are given by hand; None where a format is to tell them."""
    missing = [key for key in NEEDED if given.get(key) is None]
    if layout == OWN:
        require(not missing, "columns", ", ".join(missing), "must be named for the format columns")
    if missing or layout not in ("auto", OWN):
        return None
    return TraceColumns(**{key: value for key, value in given.items() if value is not None})


def _of_own(path: str, table: Container, names: tuple[str, ...], own: TraceColumns) -> Found:
    """Columns named by hand, also within the only object of a file."""
    if table.has_keys and not {name.strip() for name in names}.issuperset(own.needed):
        within = document(path, table)
        if within is not None:
            table, names = within, _names(path, within)
    return Found(OWN, table, _spelled(path, table, names, own), names)


def _names(path: str, table: Container) -> tuple[str, ...]:
    found = table.columns(path)
    if not found:
        raise TraceError(f"{path}: no columns (a trace has a time and two numbers of tokens)")
    if len(found) > MOST_COLUMNS:
        raise TraceError(f"{path}: more than {MOST_COLUMNS} columns (is it a trace?)")
    return tuple(found)


def _recognised(head: Head) -> Format | None:
    stripped = Head(head.kind, tuple(name.strip() for name in head.names), head.sample)
    return next((each for each in FORMATS.values() if each.recognises(stripped)), None)


def _flattened(path: str, table: Container, known: Format) -> Container:
    if table.flattened is None or known.rows is None:
        raise TraceError(f"{path}: is {table.name}, and {known.name} is JSON")
    return table.flattened(known.rows, known.columnar)


def _without_what_lacks(columns: TraceColumns, head: Head) -> TraceColumns:
    """The columns of a format without those that no row has."""
    lacking = {
        key: None
        for key in ("session", "cached", "blocks", "delay")
        if getattr(columns, key) is not None and getattr(columns, key) not in head.known
    }
    return replace(columns, **lacking)  # type: ignore[arg-type]  # names of fields that may be None


def _spelled(
    path: str, table: Container, names: tuple[str, ...], columns: TraceColumns
) -> TraceColumns:
    """The columns as the file spells them; those that it lacks raise TraceError."""
    if columns.delay is not None and table.has_keys and columns.delay not in names:
        names = (*names, columns.delay)  # which the first turns of all have not
    if columns.blocks is not None and not table.has_lists:
        message = f"a {table.name} file has no lists, as {columns.blocks!r} must be"
        raise TraceError(f"{path}: {message} (JSON lines and Parquet have)")
    keys = ("timestamp", "prompt_tokens", "output_tokens", "session", "parent", "blocks", "delay",
            "cached")  # fmt: skip
    found = {key: _present(path, names, name) for key in keys if (name := getattr(columns, key))}
    also = tuple(_present(path, names, name) for name in columns.also_prompt)
    return replace(columns, **found, also_prompt=also)  # type: ignore[arg-type]  # of its own keys


def _present(path: str, found: tuple[str, ...], name: str) -> str:
    """The column of this name, as the file spells it (blanks around it), if it is there once."""
    stripped = [column.strip() for column in found]
    if stripped.count(name) == 1:
        return found[stripped.index(name)]
    if name in stripped:
        raise TraceError(f"{path}: column {name!r} is there {stripped.count(name)} times")
    lowered = {column.casefold(): column for column in stripped}
    close = difflib.get_close_matches(name.casefold(), lowered, n=1)  # not of any other file
    remedy = f" (nearest: {lowered[close[0]]!r})" if close else ""
    raise TraceError(f"{path}: no column {name!r}{remedy}", tuple(stripped))
