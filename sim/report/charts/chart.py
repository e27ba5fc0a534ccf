"""One chart: its data, its specification, and the files that it becomes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sim.montecarlo.exports.spreadsheet import csv_text

SCALE = 2.0  # of a PNG, for screens of today


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture that answers the question in its title.

    Attributes
    ----------
    name : str
        Of its files.
    frame : pandas.DataFrame
        The data behind it.
    spec : dict
        A Vega-Lite specification, data included.
    """

    name: str
    frame: pd.DataFrame
    spec: dict[str, Any]


def save(charts: Iterable[Chart], folder: Path) -> list[Path]:
    """Write each chart as SVG and PNG, its data as CSV, its specification as JSON."""
    import vl_convert as vlc  # noqa: PLC0415 (a large library, for those who draw only)

    written: list[Path] = []
    for chart in charts:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(chart.spec, sort_keys=True)
        files = {
            "svg": vlc.vegalite_to_svg(text).encode(),
            "png": vlc.vegalite_to_png(text, scale=SCALE),
            "csv": csv_text(chart.frame).encode(),
            "vl.json": text.encode(),
        }
        for ending, content in files.items():
            path = folder / f"{chart.name}.{ending}"
            path.write_bytes(content)
            written.append(path)
    return written
