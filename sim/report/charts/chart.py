"""One chart: its data, its specification, and the files that it becomes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sim.montecarlo.exports.spreadsheet import csv_text
from sim.report.charts.drawer import DRAWER

LIGHT = {  # configuration of the files: a page has its own, for light and for dark
    "background": "#ffffff",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "title": {"color": "#1a1a1a", "subtitleColor": "#555555", "fontSize": 14},
    "axis": {
        "labelColor": "#555555",
        "titleColor": "#555555",
        "titleFontWeight": "normal",
        "gridColor": "#e2e2e2",
        "domainColor": "#bbbbbb",
        "tickColor": "#bbbbbb",
    },
    "legend": {"labelColor": "#555555"},
    "text": {"color": "#1a1a1a"},
    "rule": {"color": "#555555"},
}


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
        A Vega-Lite specification, data included, that stands alone: with its title, at a width of
        its own. Its ``description`` is the alternative text, for those who do not see it.
    """

    name: str
    frame: pd.DataFrame
    spec: dict[str, Any]

    @property
    def question(self) -> str:
        """What it answers."""
        text = self.spec["title"]["text"]
        return text if isinstance(text, str) else " ".join(text)

    @property
    def alt(self) -> str:
        """What it shows, with its figures, in words."""
        text: str = self.spec["description"]
        return text


def lay_out_nothing() -> None:
    """Lay out an empty picture: the first one takes as long as some thirty after it."""
    DRAWER.draw(json.dumps({"data": {"values": []}, "mark": "point"}))


def save(charts: Iterable[Chart], folder: Path) -> list[Path]:
    """Write each chart as SVG and PNG, its data as CSV, its specification as JSON."""
    written: list[Path] = []
    for chart in charts:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(chart.spec, sort_keys=True)
        picture = DRAWER.draw(json.dumps({**chart.spec, "config": LIGHT}))
        files = {
            "svg": picture.svg,
            "png": picture.png,
            "csv": csv_text(chart.frame).encode(),
            "vl.json": text.encode(),
        }
        for ending, content in files.items():
            path = folder / f"{chart.name}.{ending}"
            path.write_bytes(content)
            written.append(path)
    return written
