"""Access logs of nginx and Envoy as text: a line a request, with a time in brackets.

Tokens are told by name (``prompt_tokens=812 completion_tokens="120"``), or are the two numbers at
the end of each line, after the last quotation mark: prompt, then output.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.container import (
    BLOCK_BYTES,
    SAMPLE,
    Batch,
    Container,
    file_errors,
    lines_of,
    text_of,
)
from sim.errors import TraceError
from sim.model.input_file import expanded

TIME: Final = (
    r"\[(?P<time>\d{1,2}/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d[^\]]{0,8}"
    r"|\d{4}-\d\d-\d\d[T ][^\]]{5,24})\]"
)
AT_END: Final = r'["\]]\s+"?(?P<prompt>\d+|-)"?\s+"?(?P<output>\d+|-)"?\s*$'
PAIR = re.compile(r'([A-Za-z_][\w.\-]{0,63})=(?:"(?:-|\d+)"|-|\d+)(?=[\s,;]|$)')
LINE = re.compile(TIME)
ENDS = re.compile(AT_END)
LAST_BUT_ONE, LAST = "last number but one", "last number"
MOST_ODD = 0.5  # share of lines that are none of an access log


def is_access_line(line: str) -> bool:
    """Whether a line is one of an access log: a time in brackets near its beginning.

    >>> is_access_line('::1 - - [01/Jul/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 2')
    True
    >>> is_access_line('[{"a": 1}]')
    False
    """
    return LINE.search(line[:400]) is not None and '"' in line


def _sample(path: str) -> list[str]:
    with file_errors(path), text_of(path) as text:
        return [line.rstrip("\r\n") for line in islice(lines_of(text), SAMPLE)]


def _columns(path: str) -> list[str]:
    lines = _sample(path)
    names = dict.fromkeys(name for line in lines for name in PAIR.findall(line))
    ends = sum(ENDS.search(line) is not None for line in lines)
    numbers = (LAST_BUT_ONE, LAST) if 2 * ends > len(lines) else ()
    return ["time", *names, *numbers]


def _batches(path: str, wanted: TraceColumns) -> Iterator[Batch]:
    read = arrow_csv.ReadOptions(block_size=BLOCK_BYTES, column_names=["line"])
    parse = arrow_csv.ParseOptions(delimiter="\x01", quote_char=False, ignore_empty_lines=False)
    convert = arrow_csv.ConvertOptions(column_types={"line": pa.string()})
    options = {"read_options": read, "parse_options": parse, "convert_options": convert}
    rows = odd = 0
    with file_errors(path), expanded(path, "trace") as raw, pa.PythonFile(raw, mode="r") as stream:
        for batch in arrow_csv.open_csv(stream, **options):
            lines = batch.column("line")
            found = tuple(_found(lines, name) for name in wanted.names)
            rows, odd = rows + len(lines), odd + found[0].null_count
            yield found
    if odd > MOST_ODD * rows:
        raise TraceError(f"{path}: {odd:,} of {rows:,} lines are none of an access log")


def _found(lines: Any, name: str) -> Any:
    """What stands under a name in each line, nothing where nothing does."""
    if name == "time":
        return pc.struct_field(pc.extract_regex(lines, TIME), "time")
    if name in (LAST_BUT_ONE, LAST):
        part = "prompt" if name == LAST_BUT_ONE else "output"
        return pc.struct_field(pc.extract_regex(lines, AT_END), part)
    pattern = rf'(?:^|[\s,;]){re.escape(name)}="?(?P<value>[^\s",;]*)'
    return pc.struct_field(pc.extract_regex(lines, pattern), "value")


def _place(path: str, row: int) -> str:
    return f"{path}:{row + 1}"


ACCESS_LINES = Container("access log", _columns, _batches, _place, has_lists=False)
