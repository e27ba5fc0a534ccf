"""Charts as the pictures of a page: each with words for those who do not see it."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from sim.report.charts import Chart
from sim.report.page.document import Picture
from sim.report.page.specs import heading
from sim.studies.measure import rounded

MOST = 6  # columns and names that are told


def pictures(charts: Iterable[Chart]) -> tuple[Picture, ...]:
    """Each chart, with its question and the extent of its data in words."""
    return tuple(Picture(each.name, _as_stored(each.spec), alternative(each)) for each in charts)


def _as_stored(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A specification as it is read back from the file of the chart."""
    stored: dict[str, Any] = json.loads(json.dumps(spec, sort_keys=True))
    return stored


def alternative(chart: Chart) -> str:
    """What a chart shows, in words: its own, or what it asks and the extent of its data."""
    if said := chart.spec.get("description"):
        return str(said)
    lines = [line for part in heading(chart.spec).values() for line in part if line]
    parts = [*(line.rstrip(".;") for line in lines), "; ".join(_columns(chart.frame))]
    return f"{'. '.join(parts)}."


def _columns(frame: pd.DataFrame) -> Iterator[str]:
    """Each column from its least to its largest, or by its names."""
    for name in list(frame.columns)[:MOST]:
        column = frame[name].dropna()
        if column.empty:
            continue
        if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
            names = list(dict.fromkeys(map(str, column)))
            many = "" if len(names) <= MOST else f" … {names[-1]}"
            yield f"{name}: {', '.join(names[: MOST if not many else 1])}{many}"
            continue
        low, high = float(column.min()), float(column.max())
        if math.isfinite(low) and math.isfinite(high):
            ends = dict.fromkeys((rounded(low, 3), rounded(high, 3)))
            yield f"{name}: {' to '.join(ends)}"
