"""Specifications of charts as the page has them: as small as they can be, as wide as there is room.

Rows become columns of numbers with so many digits as anybody can see; columns that no part of the
chart names are left out. The page's script makes rows of them again.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

COUNTED = re.compile(r"\b(param|view|concat)_\d+\b")
LINE = 98  # letters, after which :mod:`sim.report.charts.style` breaks a note
DIGITS = 6  # significant: a picture of a thousand dots shows three


def compact(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A specification without title, whose data are columns; a chart of one panel has no width.

    Returns
    -------
    dict
        ``spec``, its ``title`` and ``subtitle`` as lists of lines, ``width`` in pixels as drawn
        (0 for several panels), and ``data`` by the names of data sets, each by column.
    """
    drawn = _renumbered(spec)
    sets = drawn.pop("datasets", {})
    for name in ("title", "$schema"):
        drawn.pop(name, None)
    width = _width(drawn)
    if width:
        drawn = _stretched(drawn, width)
    named = json.dumps(drawn).replace("\\", "")  # as which dots in names of fields are written
    return {
        "spec": drawn,
        **heading(spec),
        "width": width,
        "data": {name: dict(_columns(rows, named)) for name, rows in sets.items()},
    }


def heading(spec: Mapping[str, Any]) -> dict[str, list[str]]:
    """The lines of a chart's ``title`` and ``subtitle``."""
    title = spec.get("title", {})
    parts = title if isinstance(title, dict) else {"text": title}
    found = {"title": parts.get("text", []), "subtitle": parts.get("subtitle", [])}
    return {name: [text] if isinstance(text, str) else list(text) for name, text in found.items()}


def sentences(lines: list[str]) -> str:
    """Lines as they follow upon each other: those that were only broken are one again.

    >>> sentences(["4 worlds", "line: median"]), sentences(["a" * 95 + " b", "next"])[-6:]
    ('4 worlds; line: median', 'b next')
    >>> sentences(["4 worlds.", "Line: median."])
    '4 worlds. Line: median.'
    """
    text = lines[0] if lines else ""
    for before, line in pairwise(lines):
        was_broken = len(before) + 1 + len(line.split(" ", 1)[0]) > LINE
        ended = before.endswith((".", ";", ":"))
        text += f" {line}" if was_broken or ended else f"; {line}"
    return text


def _renumbered(spec: Mapping[str, Any]) -> dict[str, Any]:
    """With names that Altair counts up over a process counted over this specification."""
    numbers: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"{found[1]}_{len(numbers) + 1}")

    drawn = {key: value for key, value in spec.items() if key != "datasets"}
    again: dict[str, Any] = json.loads(COUNTED.sub(renamed, json.dumps(drawn)))
    return again | ({"datasets": spec["datasets"]} if "datasets" in spec else {})


def _width(spec: Mapping[str, Any]) -> float:
    """Of a chart of one panel; 0 for others."""
    width = spec.get("width")
    one = "mark" in spec or "layer" in spec
    return float(width) if one and isinstance(width, int | float) else 0.0


def _stretched(value: Any, width: float) -> Any:
    """The same, with what stands at the right end there, however wide it is."""
    if isinstance(value, dict):
        at_end = {"value": width}
        return {
            key: {"value": "width"} if key in ("x", "x2") and item == at_end
            else _stretched(item, width)
            for key, item in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [_stretched(item, width) for item in value]
    return value


def _columns(rows: list[Mapping[str, Any]], named: str) -> Iterator[tuple[str, list[Any]]]:
    """The columns of rows that a specification names."""
    names = dict.fromkeys(name for row in rows for name in row)
    for name in names:
        if json.dumps(name)[1:-1].replace("\\", "") in named:
            yield name, [_rounded(row.get(name)) for row in rows]


def _rounded(value: Any) -> Any:
    """A number with as many digits as are seen; whole ones without a point."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 2**53 else short
