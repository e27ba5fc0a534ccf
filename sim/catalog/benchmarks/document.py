"""A file of unknown kind: its values, by its content; its name says nothing.

JSON, lines of JSON, tables with a header (commas, semicolons or tabs between the cells), and other
text; plain or gzip. What is wrong with a file is said with its line, and none of it is repeated
before it is known to be a benchmark's.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.errors import MeasurementError
from sim.model.input_file import InputFileError, content, expanded

MOST_CONTAINERS = 5_000_000  # of JSON, 64 bytes each and more
MOST_COLUMNS = 1000
DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """What a file holds.

    Attributes
    ----------
    path, sha256 : str
    objects : tuple
        The values of JSON: one, or one a line.
    is_lines : bool
        Whether there is one a line.
    columns : tuple of str
        Names in the header of a table.
    rows : tuple of mapping
        Its cells as text, by column.
    text : str
        All of any other text.
    """

    path: str
    sha256: str
    objects: tuple[Any, ...] = ()
    is_lines: bool = False
    columns: tuple[str, ...] = ()
    rows: tuple[Mapping[str, str], ...] = ()
    text: str = ""

    @property
    def first(self) -> Mapping[str, Any]:
        """The first object, empty where there is none or it is no mapping."""
        found = self.objects[0] if self.objects else {}
        return found if isinstance(found, dict) else {}

    def has(self, *keys: str) -> bool:
        """Whether the first object has all of some keys."""
        return all(key in self.first for key in keys)

    def place(self, index: int) -> str:
        """Where an object or a row stands, for messages."""
        if self.columns:
            return f"{self.path}: row {index + 1}"
        return f"{self.path}: line {index + 1}" if self.is_lines else self.path


def read_document(path: str) -> Document:
    """Read a file.

    Raises
    ------
    MeasurementError
    """
    try:
        digest = hashlib.sha256(content(path, "benchmark")).hexdigest()
        with expanded(path, "benchmark") as file:
            text = file.read().decode("utf-8-sig")
    except InputFileError as error:
        raise MeasurementError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise MeasurementError(f"{path}: is not UTF-8 text") from None
    start = text[:4096].lstrip()
    if not start:
        raise MeasurementError(f"{path}: the file is empty")
    if start[0] in "{[":
        objects, is_lines = _json(path, text)
        return Document(path, digest, objects, is_lines)
    if _is_table(start):
        columns, rows = _table(path, text.lstrip())
        return Document(path, digest, columns=columns, rows=rows)
    return Document(path, digest, text=text)


def _json(path: str, text: str) -> tuple[tuple[Any, ...], bool]:
    """The value of JSON, or those of its lines."""
    if text.count("{") + text.count("[") > MOST_CONTAINERS:
        raise MeasurementError(f"{path}: has more than {MOST_CONTAINERS:,} lists and objects")
    try:
        return (json.loads(text),), False
    except (ValueError, RecursionError):
        pass
    objects = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            objects.append(json.loads(line))
        except (ValueError, RecursionError):
            message = "is not whole, or not JSON (was the benchmark stopped while it wrote?)"
            raise MeasurementError(f"{path}:{number}: {message}") from None
    return tuple(objects), True


def _is_table(start: str) -> bool:
    """Whether a text begins with a header of several names, which are no measurements."""
    header = start.split("\n", 1)[0].rstrip("\r")
    if header.startswith(("# HELP", "# TYPE")) or "{" in header or ": " in header:
        return False
    return any(mark in header for mark in DELIMITERS)


def _table(path: str, text: str) -> tuple[tuple[str, ...], tuple[Mapping[str, str], ...]]:
    """Columns and rows."""
    header = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text.removeprefix("# "), newline=""), delimiter=delimiter)
    try:
        columns = tuple(name.strip() for name in next(reader))
        if len(columns) > MOST_COLUMNS:
            raise MeasurementError(f"{path}: has more than {MOST_COLUMNS} columns")
        if len(set(columns)) < len(columns):
            raise MeasurementError(f"{path}: has two columns of one name")
        rows = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(columns):
                message = f"{len(cells)} cells, the header has {len(columns)}"
                raise MeasurementError(f"{path}:{reader.line_num}: {message}")
            rows.append(dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise MeasurementError(f"{path}:{reader.line_num}: {error}") from None
    if not rows:
        raise MeasurementError(f"{path}: has a header and no rows")
    return columns, tuple(rows)
