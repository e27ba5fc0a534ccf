"""Logs in JSON: lines of objects, indented objects, an array of them, or one that holds them.

Of lines and arrays Arrow reads the wanted columns alone, if each is of one type; else, and where
rows are nested in some way of their own, objects are read one by one.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.container import (
    A_LIST,
    BLOCK_BYTES,
    DOCUMENT_BYTES,
    LISTS,
    SAMPLE,
    Batch,
    Columnar,
    Container,
    Row,
    Rows,
    file_errors,
    lines_of,
)
from sim.catalog.logs.dotted import MOST, flat, reach
from sim.catalog.logs.json_lines import JsonAsLines
from sim.errors import TraceError
from sim.model.input_file import InputFileError, expanded

JSON_ROWS = 65_536
Objects = Callable[[str], Iterator[tuple[int, Row]]]
Keys = dict[str, tuple[str, ...]]


def json_container(
    level: int | None,
    rows: Rows | None = None,
    whole: bool = False,
    columnar: Columnar | None = None,
) -> Container:
    """How one kind of JSON is read.

    Parameters
    ----------
    level : int or None
        None for lines, 0 for indented objects, 1 for an array of objects.
    rows : callable or None
        The rows of an object, where it is not one itself.
    whole : bool
        Whether the rows are within one object.
    columnar : Columnar or None
        How to read most such rows a column at a time.
    """

    def place(path: str, number: int) -> str:
        return f"{path}: record {number}" if level is not None else f"{path}:{number}"

    most = DOCUMENT_BYTES if whole else BLOCK_BYTES

    def objects(path: str) -> Iterator[tuple[int, Row]]:
        for number, found in _objects(path, level, place, most):
            for row in rows(found) if rows else (found,):
                yield number, row

    def sample(path: str) -> list[Row]:
        return [found for _, found in islice(objects(path), SAMPLE)]

    def columns(path: str) -> list[str]:
        return list(_keys(sample(path)))

    def batches(path: str, wanted: TraceColumns) -> Iterator[Batch]:
        known = sample(path)
        keys = _keys(known)
        keys = {name: keys.get(name, (name,)) for name in wanted.names}
        for schema in _schemas(wanted, keys, known) if rows is None else ():
            table = _table(path, level, schema)
            if table is not None:
                yield tuple(_field(table, keys[name]) for name in wanted.names)
                return
        _, first = next(_objects(path, level, place, most))
        for schema in columnar.schemas(first) if columnar else ():
            table = _table(path, level, schema)
            found = None if table is None else columnar.columns(table)  # type: ignore[union-attr]
            if found is not None:
                yield tuple(found[name] for name in wanted.names)
                return
        yield from _as_text(path, objects(path), wanted, keys, place)

    def where(path: str, row: int) -> str:
        found = next(islice(objects(path), row, None), None)
        return path if found is None else place(path, found[0])

    def flattened(more: Rows, at_once: Columnar | None) -> Container:
        def both(found: Row) -> Iterator[Row]:
            for each in rows(found) if rows else (found,):
                yield from more(each)

        return json_container(level, both, whole, None if rows else at_once)

    kind = "JSON lines" if level is None else "JSON array" if level else "JSON objects"
    kind = "JSON document" if whole else kind
    return Container(kind, columns, batches, where, sample, flattened, has_keys=True)


@contextmanager
def _stream(path: str, level: int | None) -> Iterator[io.BufferedReader]:
    """Bytes of a plain or compressed file, as lines of objects."""
    with expanded(path, "trace") as raw:
        yield raw if level is None else io.BufferedReader(JsonAsLines(raw, level), 1 << 20)


def _objects(
    path: str, level: int | None, place: Callable[[str, int], str], most: int
) -> Iterator[tuple[int, Row]]:
    """Line number, or number among others, and object of every line that is not blank."""
    with (
        file_errors(path),
        _stream(path, level) as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
    ):
        count = 0
        for number, line in enumerate(lines_of(text, most), start=1):
            if not line.strip():
                continue
            count += 1
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                found = None
            at = number if level is None else count
            if not isinstance(found, dict):
                raise TraceError(f"{place(path, at)}: is not a JSON object")
            yield at, found


def _keys(sample: list[Row]) -> Keys:
    """Keys of the first objects by their dotted paths, those of their outermost level first."""
    outer = dict.fromkeys(key for found in sample for key in found)
    found: Keys = {}
    for row in sample:
        for name, keys in flat(row).items():
            found.setdefault(name, keys)
    top = {key: (key,) for key in outer if found.get(key, (key,)) == (key,)}
    within = {name: keys for name, keys in found.items() if name not in top}
    return top | dict(islice(within.items(), max(MOST - len(top), 0)))


def _schemas(wanted: TraceColumns, keys: Keys, sample: list[Row]) -> Iterator[pa.Schema]:
    """Types that the columns may have, the likeliest first."""
    likely = {
        name: _type(wanted, name, [reach(row, keys[name]) for row in sample]) for name in keys
    }
    yield _schema(likely, keys)
    wider = {n: pa.float64() if kind == pa.int64() else kind for n, kind in likely.items()}
    wider |= {name: pa.int64() for name in wanted.tokens if likely[name] == pa.int64()}
    if wider != likely:
        yield _schema(wider, keys)


def _type(wanted: TraceColumns, name: str, values: list[Any]) -> Any:
    if name == wanted.blocks:
        return LISTS
    kinds = {type(value) for value in values if value is not None}
    if str in kinds:
        return pa.string()
    return pa.float64() if float in kinds or name == wanted.delay else pa.int64()


def _schema(types: dict[str, Any], keys: Keys) -> pa.Schema:
    """Structures within structures."""
    tree: dict[str, Any] = {}
    for name, kind in types.items():
        *above, last = keys[name]
        inner = tree
        for key in above:
            below = inner.setdefault(key, {})
            inner = below if isinstance(below, dict) else {}
        inner[last] = kind
    return pa.schema([(key, _structure(below)) for key, below in tree.items()])


def _structure(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    return pa.struct([(key, _structure(below)) for key, below in tree.items()])


def _table(path: str, level: int | None, schema: pa.Schema) -> Any:
    """The columns of a schema; None if they are not of its types throughout."""
    read = arrow_json.ReadOptions(block_size=BLOCK_BYTES)
    parse = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    with file_errors(path), _stream(path, level) as raw, pa.PythonFile(raw, mode="r") as stream:
        try:
            return arrow_json.read_json(stream, read_options=read, parse_options=parse)
        except InputFileError:
            raise
        except (pa.ArrowInvalid, OSError):
            return None


def _field(table: Any, keys: tuple[str, ...]) -> Any:
    column = table.column(keys[0]).combine_chunks()
    return pc.struct_field(column, list(keys[1:])) if keys[1:] else column


def _as_text(
    path: str,
    objects: Iterator[tuple[int, Row]],
    wanted: TraceColumns,
    keys: Keys,
    place: Callable[[str, int], str],
) -> Iterator[Batch]:
    """Values of any type, as text: slow, for nested rows and for finding what is wrong."""
    rows: list[list[Any]] = []
    names = wanted.names
    paths = [keys[name] for name in names]
    for number, found in objects:
        row = [reach(found, path_of) for path_of in paths]
        rows.append([
            _list(value, name, place(path, number))
            if name == wanted.blocks
            else None if value is None else str(value)
            for name, value in zip(names, row, strict=True)
        ])  # fmt: skip
        if len(rows) == JSON_ROWS:
            yield _as_arrays(path, rows, wanted)
            rows = []
    if rows:
        yield _as_arrays(path, rows, wanted)


def _list(value: Any, name: str, place: str) -> list[int] | None:
    """A list of whole numbers, or nothing."""
    if value is None:
        return None
    whole = isinstance(value, list) and all(type(item) is int for item in value)
    if whole and all(-(2**63) <= item < 2**63 for item in value):
        return list(value)
    raise TraceError(f"{place}: {name} ({str(value)[:80]!r}) {A_LIST}")


def _as_arrays(path: str, rows: list[list[Any]], wanted: TraceColumns) -> Batch:
    columns = zip(*rows, strict=True)
    types = [LISTS if name == wanted.blocks else pa.string() for name in wanted.names]
    with file_errors(path):  # halves of surrogates are no text
        return tuple(pa.array(column, kind) for column, kind in zip(columns, types, strict=True))


def rows_within(found: Row) -> Iterator[Row]:
    """The longest list of objects within an object, such as the ``data`` of an API's answer."""
    lists, level = [], [found]
    for _ in range(3):
        values = [value for each in level for value in each.values()]
        lists += [v for v in values if isinstance(v, list) and v and isinstance(v[0], dict)]
        level = [value for value in values if isinstance(value, dict)]
    rows = max(lists, key=len, default=[])
    yield from (row for row in rows if isinstance(row, dict))


JSON_LINES = json_container(None)
JSON_ARRAY = json_container(1)
JSON_OBJECTS = json_container(0)
