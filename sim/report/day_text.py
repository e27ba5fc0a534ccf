"""The day in a few lines: load, replicas, queue and first tokens over the time simulated."""

from collections.abc import Iterator, Mapping

import click
import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.report.figures import LATENCIES, Figure, duration, scale
from sim.report.paragraph import terminal_columns
from sim.report.sparkline import levels_of_stdout, sparkline

FloatArray = npt.NDArray[np.float64]

WIDEST, NARROWEST = 48, 8  # bars
LABEL, RANGE = 26, 20  # columns beside them, about
ROWS = (  # column of the timeline, and how it is shown
    ("load_rps", Figure("load_rps", "requests a second", "rate", "/s")),
    ("ready_replicas", Figure("ready_replicas", "replicas ready", "rate")),
    ("queue", Figure("queue", "requests waiting", "count")),
    ("ttft_p95_s", Figure("ttft_p95_s", "first token p95", "seconds")),
    ("slo_attainment", Figure("slo_attainment", "within the SLO", "share")),
)


def day_lines(medians: Mapping[str, FloatArray], design: Design) -> list[str]:
    """A line of bars for each figure that moves; none where nothing does.

    Parameters
    ----------
    medians : dict of str to (bins,) float64
        Over worlds, by column of the timeline.
    design : Design
        Of any world, for its horizon.
    """
    bins = len(np.flatnonzero(design.horizon.edges_s < design.horizon.duration_s))
    room = terminal_columns() or LABEL + WIDEST + RANGE
    width = min(WIDEST, room - LABEL - RANGE)
    if width < NARROWEST:
        return []
    shown = {name: np.asarray(values[:bins], np.float64) for name, values in medians.items()}
    rows = [*_rows(shown, width, len(design.workloads) > 1)]
    start = f"{design.horizon.start:%H:%M}"
    length = duration(design.horizon.duration_s).removeprefix("1 ")
    title = f"The {length} from {start}"
    head = f"{title:<{LABEL}}{'':<{width}}  least … most"
    return [click.style(head, bold=True), *rows] if rows else []


def _rows(medians: Mapping[str, FloatArray], width: int, several: bool) -> Iterator[str]:
    for column, figure in ROWS:
        values = medians.get(column, np.array([]))
        known = values[np.isfinite(values)]
        if not len(known) or known.min() == known.max():
            continue
        bars = sparkline(values, width, levels_of_stdout())
        chosen = scale(figure, float(known.max()))
        low, high = (chosen.text(float(each)) for each in (known.min(), known.max()))
        if low == high:
            continue
        most = f"{low} … {high} {chosen.unit}".rstrip()
        label = f"{figure.label}, all" if several and column in LATENCIES else figure.label
        yield f"{f'  {label}':<{LABEL}}{bars:<{width}}  {most}"
