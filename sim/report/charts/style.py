"""How all charts look: colours that everybody can tell apart, titles that ask."""

from typing import Any

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart

# Okabe and Ito (2008), Color Universal Design.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW, BLACK = "#56B4E9", "#D55E00", "#F0E442", "#000000"
GREY = "#666666"  # of what only helps to read
PALETTE = [BLUE, ORANGE, GREEN, VERMILION, PINK, SKY, YELLOW]  # yellow is hard to see on white

Drawing = alt.LayerChart | alt.FacetChart | alt.Chart


def drawn(
    name: str,
    frame: pd.DataFrame,
    drawing: Drawing,
    question: str,
    subtitle: str | list[str],
    width: float,
    height: float | alt.Step,
) -> Chart:
    """A drawing under the question that it answers, with the data behind it."""
    title = alt.TitleParams(question, subtitle=subtitle, anchor="start")
    spec = drawing.properties(title=title, width=width, height=height).to_dict()
    return Chart(name, frame, spec)


def number_axis(form: str, **options: Any) -> alt.Axis:
    """An axis of numbers. Thousands (``~s``) are counted from one on: half a second is no 500m."""
    if form != "~s":
        return alt.Axis(format=form, **options)
    parts = "abs(datum.value) < 1 ? format(datum.value, '~g') : format(datum.value, '~s')"
    return alt.Axis(labelExpr=parts, **options)
