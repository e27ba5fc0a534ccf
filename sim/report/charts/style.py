"""How all charts look: colours that everybody can tell apart on light and dark, titles that ask.

Colours are those of Okabe and Ito (2008), Color Universal Design, of which orange and sky are
darker here and yellow is left out, so that each stands out from a white and from a black page by
3 : 1 at least, as WCAG 2.1 asks of what is needed to understand a picture. Text and lines that only
help to read have no colour in a specification: it is that of
the page that they are in.
"""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#CC8500", "#009E73", "#CC79A7"
SKY, VERMILION = "#389BD4", "#D55E00"
GREY = "#808080"  # of what only helps to read, and of what others are held against
PALETTE = [BLUE, ORANGE, GREEN, PINK, VERMILION, SKY]

WIDTH, HEIGHT = 560, 280
NARROW = 420  # pixels of a drawing, below which it is on a phone
LETTER = 6.3  # pixels of a letter of a legend, about
LINE, TITLE_LINE = 98, 74  # letters of a note and of a title that fit above a drawing
DIGITS = 7  # of a number in a specification
LONGEST = 44  # letters of a name

Drawing = alt.LayerChart | alt.FacetChart | alt.Chart
Orient = Literal["top", "bottom"]
Align = Literal["left", "center", "right"]


def drawn(
    name: str,
    frame: pd.DataFrame,
    drawing: Drawing,
    question: str,
    notes: str | Sequence[str],
    alt_text: str,
    width: float = WIDTH,
    height: float | alt.Step = HEIGHT,
) -> Chart:
    """A drawing under the question that it answers, with the data behind it.

    Parameters
    ----------
    notes : str or sequence of str
        Each begins on a line of its own.
    alt_text : str
        What it shows, with its figures.
    """
    told = [note for note in ([notes] if isinstance(notes, str) else notes) if note]
    ended = [note if note is told[-1] else f"{note}." for note in told]  # a page joins them
    lines = [line for note in ended for line in textwrap.wrap(note, LINE)]
    asked = textwrap.wrap(question, TITLE_LINE)
    title: dict[str, Any] = {"text": asked if len(asked) > 1 else question, "anchor": "start"}
    if lines:
        title["subtitle"] = lines[0] if len(lines) == 1 else lines
    whole = drawing.properties(
        width=width, height=height, description=alt_text, title=alt.TitleParams(**title)
    )
    spec = whole.to_dict(validate=False)  # a third of the time; tests do
    spec.pop("config", None)  # the page's, or that of the file
    for name_, rows in spec.get("datasets", {}).items():
        spec["datasets"][name_] = [{key: _told(cell) for key, cell in row.items()} for row in rows]
    return Chart(name, frame, spec)


def _told(cell: Any) -> Any:
    """A cell with as many digits as anybody can see, for many of them make a large page."""
    return float(f"{cell:.{DIGITS}g}") if isinstance(cell, float) else cell


def legend(
    labels: Iterable[str], orient: Orient = "top", *, beside_names: bool = False, **options: Any
) -> alt.Legend:
    """A legend of a few labels, in as many columns as there is room for, on a phone as well.

    A legend begins where the axis does: beside an axis of names there is less room.
    """
    longest = max((len(label) for label in labels), default=1)
    rooms = (WIDTH - 150, 150) if beside_names else (WIDTH, 310)
    wide, narrow = (max(int(room / (longest * LETTER + 34)), 1) for room in rooms)
    columns = wide if wide == narrow else alt.expr(f"width < {NARROW} ? {narrow} : {wide}")
    return alt.Legend(title=None, orient=orient, columns=columns, labelLimit=300, **options)


def names_axis(**options: Any) -> alt.Axis:
    """An axis of names, of which a phone has less room for."""
    limit = alt.expr(f"width < {NARROW} ? 150 : 240")
    return alt.Axis(labelLimit=limit, title=None, **options)


def brief(name: str, longest: int = LONGEST) -> str:
    """A name, with its middle left out where it is long.

    >>> brief("frontier"), brief("a" * 30 + "b" * 30, 20)
    ('frontier', 'aaaaaaaaaaaa…bbbbbbb')
    """
    plain = " ".join(name.encode("utf-8", "replace").decode().split())
    if len(plain) <= longest:
        return plain
    end = (longest - 1) * 2 // 5
    return f"{plain[: longest - 1 - end]}…{plain[len(plain) - end :]}"


def brief_names(names: Iterable[str], longest: int = LONGEST) -> dict[str, str]:
    """Short names of several, all different.

    >>> list(brief_names(["a" * 60, "a" * 61], 10).values())
    ['aaaaaa…aaa', 'aaaaaa…aaa (2)']
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        short = first = brief(name, longest)
        number = 1
        while short in found.values():
            number += 1
            short = f"{first} ({number})"
        found[name] = short
    return found


def at_x(place: float | str) -> Any:
    """At so many pixels from the left, or at the "width": quicker than what Altair infers."""
    return alt.XValue(place)  # type: ignore[no-untyped-call]


def at_y(place: float | str) -> Any:
    """At so many pixels from the top, or at the "height"."""
    return alt.YValue(place)  # type: ignore[no-untyped-call]


def level(value: float, label: str, color: str = GREY, *, below: bool = False) -> list[alt.Chart]:
    """A dashed line across the picture, with its name above its right end, or below."""
    base = alt.Chart(pd.DataFrame({"level": [value], "label": [label]})).encode(y=alt.Y("level:Q"))
    rule = base.mark_rule(color=color, strokeDash=[6, 4], strokeWidth=1.5)
    if below:
        name = base.mark_text(align="right", baseline="top", dx=-4, dy=4)
    else:
        name = base.mark_text(align="right", baseline="bottom", dx=-4, dy=-3)
    return [rule, name.encode(x=at_x("width"), text=alt.Text("label:N"))]


def upright(value: float, label: str, color: str = GREY, align: Align = "left") -> list[alt.Chart]:
    """A dashed line from bottom to top, with its name at the upper end."""
    base = alt.Chart(pd.DataFrame({"upright": [value], "label": [label]})).encode(
        x=alt.X("upright:Q")
    )
    rule = base.mark_rule(color=color, strokeDash=[6, 4], strokeWidth=1.5)
    dx = {"left": 4, "right": -4}.get(align, 0)
    name = base.mark_text(align=align, baseline="top", dx=dx)
    return [rule, name.encode(y=at_y(2), text=alt.Text("label:N"))]
