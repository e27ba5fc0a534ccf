"""What kind of file a log is, by its content."""

import json
from typing import Final

from sim.catalog.logs.access_lines import ACCESS_LINES, is_access_line
from sim.catalog.logs.container import BLOCK_BYTES, Container, file_errors, text_of
from sim.catalog.logs.csv_table import CSV
from sim.catalog.logs.json_table import (
    JSON_ARRAY,
    JSON_LINES,
    JSON_OBJECTS,
    json_container,
    rows_within,
)
from sim.catalog.logs.parquet_table import MAGIC, PARQUET
from sim.errors import TraceError
from sim.model.input_file import opened

OTHERS: Final = {
    b"PK\x03\x04": "is a zip archive or a workbook (save the sheet as CSV)",
    b"\xd0\xcf\x11\xe0": "is a workbook (save the sheet as CSV)",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd (decompress it first)",
    b"\xfd7zX": "is compressed with xz (decompress it first)",
    b"BZh": "is compressed with bzip2 (decompress it first)",
    b"SQLi": "is a database (export the table as CSV)",
    b"\xff\xfe": "is UTF-16 text (save it as UTF-8)",
    b"\xfe\xff": "is UTF-16 text (save it as UTF-8)",
}
BEGINNING = 1 << 20


def container(path: str) -> Container:
    """The kind of table in a file."""
    with file_errors(path):
        with opened(path, "trace") as file:
            head = file.read(4)
        if head == MAGIC:
            return PARQUET
        for magic, message in OTHERS.items():
            if head.startswith(magic):
                raise TraceError(f"{path}: {message}")
        with text_of(path) as text:
            beginning = text.read(BEGINNING).lstrip()
    if not beginning:
        raise TraceError(f"{path}: the file is empty (a trace has one row per request)")
    if is_access_line(beginning[:4096].splitlines()[0]):
        return ACCESS_LINES
    if beginning.startswith("["):
        return JSON_ARRAY
    return _of_objects(path, beginning) if beginning.startswith("{") else CSV


def document(path: str, table: Container) -> Container | None:
    """The rows within the only object of a file; None if that has none."""
    first = table.sample(path)
    if len(first) != 1 or not any(rows_within(first[0])):
        return None
    return json_container(0 if table is JSON_OBJECTS else None, rows_within, whole=True)


def _of_objects(path: str, beginning: str) -> Container:
    first, _, rest = beginning.partition("\n")
    if not rest.strip():
        return JSON_LINES if len(beginning) < BEGINNING else _of_long_line(path)
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return JSON_LINES if rest.lstrip().startswith("{") else JSON_OBJECTS
    return JSON_LINES


def _of_long_line(path: str) -> Container:
    """Lines of text longer than most, or a document in one."""
    with file_errors(path), text_of(path) as text:
        is_one = "\n" not in text.read(BLOCK_BYTES).rstrip()
    return json_container(None, rows_within, whole=True) if is_one else JSON_LINES
