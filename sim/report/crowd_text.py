"""The answer of ``sim size --most-users``."""

from typing import Any

from sim.report.columns import Column
from sim.report.figures import Figure, duration, scale
from sim.report.parts import Grid, Paragraph, Telling
from sim.report.size_text import TEST, kept_cells, latency_text
from sim.studies.measure import Measure
from sim.studies.size import Capacity

SECONDS = Figure("latency", "", "seconds")


def tell(answer: Capacity) -> Telling:
    """The decision, and every number of users that was looked at."""
    basis = (
        f"The answer is wrong with a chance of at most {100 * answer.error:g} %; a world is"
        f" {duration(answer.horizon_s)} of traffic, and {answer.simulated_worlds:,} were"
        f" simulated, at most {answer.worlds:,} of a number of users."
    )
    return Telling(
        answer.sentence,
        details=(Paragraph(f"SLO: {answer.asked}."),),
        figures=(_table(answer),),
        method=(Paragraph(basis),),
        brief=(_table(answer),),
    )


def _table(answer: Capacity) -> Grid:
    frame = answer.candidates
    known = frame["latency_p95_p50_s"].dropna()
    latency = scale(SECONDS, float(known.median()) if len(known) else 1.0)
    heads = ("users", "keep the SLO", "95 % interval", "worlds", f"p95 {latency.unit}")
    rows = [_row(row, latency) for row in frame.to_dict(orient="records")]
    what = Measure.parse(answer.latency_metric).words()
    foot = f"{TEST}; p95: {what}, in the median of the row's worlds."
    columns = (*map(Column, heads), Column("", right=False))
    return Grid(columns, (("", rows),), notes=(foot,))


def _row(row: dict[Any, Any], latency: Any) -> tuple[str, ...]:
    return (
        f"{row['users']:,.0f}",
        *kept_cells(row),
        f"{row['worlds']:.0f}",
        latency_text(row, latency),
        row["verdict"],
    )
