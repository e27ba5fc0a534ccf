"""One chart: its data, its specification, and the files that it becomes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sim.montecarlo.exports.spreadsheet import csv_text

SCALE = 2.0  # of a PNG, for screens of today


def theme(text: str, quiet: str, grid: str, background: str) -> dict[str, Any]:
    """A Vega-Lite configuration: colours of what only helps to read."""
    return {
        "background": background,
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "title": {"color": text, "subtitleColor": quiet, "fontSize": 14, "subtitlePadding": 4},
        "axis": {
            "labelColor": quiet,
            "titleColor": quiet,
            "titleFontWeight": "normal",
            "gridColor": grid,
            "domainColor": grid,
            "tickColor": grid,
        },
        "legend": {"labelColor": quiet, "titleColor": quiet},
        "text": {"color": text},
        "rule": {"color": quiet},
    }


LIGHT = theme("#1a1a1a", "#555555", "#e2e2e2", "#ffffff")
DARK = theme("#eeeeee", "#b4b4b4", "#3a3f47", "#14171c")


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
    def notes(self) -> tuple[str, ...]:
        """What is to be said beside it: whose worlds, what a line or a band means."""
        subtitle = self.spec["title"].get("subtitle", ())
        return (subtitle,) if isinstance(subtitle, str) else tuple(subtitle)

    @property
    def alt(self) -> str:
        """What it shows, with its figures, in words."""
        text: str = self.spec["description"]
        return text

    @property
    def embedded(self) -> dict[str, Any]:
        """The specification for a page: as wide as its container, whatever that is.

        The page says the question and the notes, since text in a picture does not wrap; colours of
        text and lines that only help to read are the page's (``LIGHT`` and
        ``DARK`` are for one of each).
        """
        fitted = {"type": "fit-x", "contains": "padding"}
        own = {name: value for name, value in self.spec.items() if name != "title"}
        return {**own, "width": "container", "autosize": fitted}


def save(charts: Iterable[Chart], folder: Path) -> list[Path]:
    """Write each chart as SVG and PNG, its data as CSV, its specification as JSON."""
    import vl_convert as vlc  # noqa: PLC0415 (a large library, for those who draw only)

    written: list[Path] = []
    for chart in charts:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(chart.spec, sort_keys=True)
        shown = json.dumps({**chart.spec, "config": LIGHT})
        files = {
            "svg": vlc.vegalite_to_svg(shown).encode(),
            "png": vlc.vegalite_to_png(shown, scale=SCALE),
            "csv": csv_text(chart.frame).encode(),
            "vl.json": text.encode(),
        }
        for ending, content in files.items():
            path = folder / f"{chart.name}.{ending}"
            path.write_bytes(content)
            written.append(path)
    return written
