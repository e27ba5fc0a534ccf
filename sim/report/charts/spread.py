"""A distribution over worlds: how many worlds have which value.

Worlds are counted here, so that ten thousand make no larger picture than ten. A few worlds far out,
such as one that falls behind, would press all others into one bar: they are named beside the
picture. Where many are, the axis is logarithmic.
"""

import math
from dataclasses import dataclass

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.montecarlo.result import LEVELS
from sim.report.charts.axes import LEAST_SPAN, amount, amounts, between, is_wide, ticks_of
from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREY, SKY, VERMILION, Drawing, at_y, drawn, legend
from sim.report.figures import Kind

FloatArray = npt.NDArray[np.float64]

FEWEST_WORLDS = 5  # fewer make no distribution
MOST_BARS = 24
FAR = 5.0  # distances from the median to a p5 or p95, beyond which a world is far out
MANY = 0.05  # share of worlds far out, from which on they are no exception
ALIKE = 1e-4  # of the values: less is no difference
APART = 0.07  # of the width, so that two labels do not cover one another
KNOWN, AT_LEAST = "so much", "at least so much"


@dataclass(frozen=True, slots=True)
class Spread:
    """What is drawn of a distribution, and how that is said.

    Attributes
    ----------
    name : str
        Of the files, and of the column of values.
    question, title, about : str
        ``title`` is that of the axis, ``about`` whose worlds they are.
    kind : {"usd", "seconds", "share", "count", "rate"}
    limit : float
        A threshold to be held against; NaN for none.
    """

    name: str
    metric: str
    question: str
    title: str
    about: str
    kind: Kind
    limit: float = math.nan

    def chart(self, values: FloatArray, is_bound: npt.NDArray[np.bool_] | None) -> Chart | None:
        """Worlds by their value; None where there are too few, or all have the same.

        Parameters
        ----------
        values : (worlds,) float64
            NaN where a world has none.
        is_bound : (worlds,) bool, optional
            Where the value is a lower bound.
        """
        known = np.isfinite(values)
        seen = values[known]
        if len(seen) < FEWEST_WORLDS or np.ptp(seen) <= ALIKE * abs(seen).max():
            return None
        bound = np.zeros(len(seen), np.bool_) if is_bound is None else is_bound[known]
        levels = dict(zip(LEVELS, np.quantile(seen, list(LEVELS.values())).tolist(), strict=True))
        near, far = near_and_far(seen, *levels.values())
        if len(far) > MANY * len(seen) and is_wide(seen):
            near, far = seen, seen[:0]
        is_log = is_wide(near)
        edges = _edges(self.kind, near, is_log, self.limit)
        bars = _counts(seen, bound, edges)
        notes = [self.about, *self._notes(levels, far, int(bound.sum()), int((~known).sum()))]
        return drawn(
            self.name,
            pd.DataFrame({"world": np.flatnonzero(known), self.metric: seen}),
            self._layers(bars, levels, edges, is_log),
            self.question,
            ["; ".join(note for note in notes if note)],
            self._alt(levels, far, seen, int(bound.sum())),
        )

    def _layers(
        self, bars: pd.DataFrame, levels: dict[str, float], edges: FloatArray, is_log: bool
    ) -> Drawing:
        title = self.title + (" (log scale)" if is_log else "")
        across = amounts(self.kind, edges[[0, -1]], title, zero=False, log=is_log)
        if not is_log:
            across["scale"] = alt.Scale(domain=edges[[0, -1]].tolist(), nice=False, zero=False)
        else:
            across["scale"].domain = edges[[0, -1]].tolist()
        up = amounts("count", [0.0, float(bars["to"].max())], "worlds")
        kinds = [kind for kind in (KNOWN, AT_LEAST) if kind in set(bars["value"])]
        shown = legend(kinds) if len(kinds) > 1 else None
        colours = alt.Scale(domain=kinds, range=[{KNOWN: BLUE, AT_LEAST: SKY}[k] for k in kinds])
        layers: list[alt.Chart] = [
            alt.Chart(bars)
            .mark_rect(x2Offset=-1)
            .encode(
                x=alt.X("low:Q", **across),
                x2=alt.X2("high:Q"),
                y=alt.Y("from:Q", **up),
                y2=alt.Y2("to:Q"),
                color=alt.Color("value:N", scale=colours, legend=shown),
            )
        ]
        marks = pd.DataFrame({"at": list(levels.values()), "level": list(levels)})
        base = alt.Chart(marks).encode(x=alt.X("at:Q"))
        layers.append(base.mark_rule(color=VERMILION, strokeWidth=2))
        places = _places(marks["at"].to_numpy(), edges, is_log)
        apart = np.diff(places).min() > APART
        named = alt.Chart(marks if apart else marks.iloc[[1]])
        top = named.mark_text(baseline="bottom", fontWeight="bold")
        layers.append(top.encode(x=alt.X("at:Q"), y=at_y(-3), text=alt.Text("level:N")))
        if edges[0] <= self.limit <= edges[-1]:
            layers += self._limit()
        return alt.layer(*layers)

    def _limit(self) -> list[alt.Chart]:
        data = pd.DataFrame({"limit": [self.limit], "label": ["SLO"]})
        base = alt.Chart(data).encode(x=alt.X("limit:Q"))
        name = base.mark_text(align="right", baseline="top", dx=-4)
        rule = base.mark_rule(color=GREY, strokeDash=[6, 4], strokeWidth=2)
        return [rule, name.encode(y=at_y(4), text=alt.Text("label:N"))]

    def _notes(
        self, levels: dict[str, float], far: FloatArray, bounds: int, without: int
    ) -> list[str]:
        median = amount(self.kind, levels["p50"])
        return [
            f"median {median}, p5 to p95 {between(self.kind, levels['p5'], levels['p95'])}",
            far_out(self.kind, far),
            f"in {bounds:,} at least so much" if bounds else "",
            f"{without:,} without an answer" if without and self.kind == "seconds" else "",
            self._against(levels),
        ]

    def _against(self, levels: dict[str, float]) -> str:
        if not math.isfinite(self.limit):
            return ""
        return f"SLO {amount(self.kind, self.limit)}"

    def _alt(self, levels: dict[str, float], far: FloatArray, seen: FloatArray, bounds: int) -> str:
        """What it shows in words."""
        whole = (
            f"Histogram of {self.title} in {len(seen):,} worlds: median"
            f" {amount(self.kind, levels['p50'])}, 5 % below {amount(self.kind, levels['p5'])},"
            f" 5 % above {amount(self.kind, levels['p95'])}; the least is"
            f" {amount(self.kind, float(seen.min()))}, the most"
            f" {amount(self.kind, float(seen.max()))}."
        )
        if math.isfinite(self.limit):
            within = int((seen <= self.limit).sum())
            limit = amount(self.kind, self.limit)
            whole += f" {within:,} of {len(seen):,} are within the SLO of {limit}."
        if len(far):
            whole += f" Not drawn: {far_out(self.kind, far)}."
        return whole + (f" In {bounds:,} it is at least so much." if bounds else "")


def near_and_far(
    values: FloatArray, p5: float, p50: float, p95: float
) -> tuple[FloatArray, FloatArray]:
    """The values of worlds that are drawn, and of those that are far out.

    >>> near, far = near_and_far(np.array([1.0, 2.0, 3.0, 90.0]), 1.0, 2.0, 4.0)
    >>> near.tolist(), far.tolist()
    ([1.0, 2.0, 3.0], [90.0])
    """
    is_near = (values >= p50 - FAR * (p50 - p5)) & (values <= p50 + FAR * (p95 - p50))
    near = values[is_near]
    if near.size == 0 or near.min() == near.max():  # the others are all that there is to see
        return values, values[:0]
    return near, values[~is_near]


def far_out(kind: Kind, values: FloatArray) -> str:
    """The worlds that are not drawn, in words.

    >>> far_out("seconds", np.array([])), far_out("seconds", np.array([938.0]))
    ('', '1 far out, at 15.6 min')
    >>> far_out("usd", np.array([1031.2, 52.0]))
    '2 far out, at 52 to 1,031 USD'
    """
    if len(values) == 0:
        return ""
    return f"{len(values):,} far out, at {between(kind, float(values.min()), float(values.max()))}"


def _edges(kind: Kind, near: FloatArray, is_log: bool, limit: float) -> FloatArray:
    """Edges of the bars: round figures, few where there are few worlds."""
    low, high = float(near.min()), float(near.max())
    most = int(np.clip(2 * math.ceil(math.sqrt(len(near))), 6, MOST_BARS))
    if high < limit <= 1.5 * high:
        high = limit
    if is_log:
        return np.geomspace(low / 1.001, high * 1.001, most + 1)
    least = LEAST_SPAN * abs(low + high) / 2
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    return np.array(ticks_of("rate" if kind == "count" else kind, low, high, most + 1)[0])


def _counts(values: FloatArray, bound: npt.NDArray[np.bool_], edges: FloatArray) -> pd.DataFrame:
    """Bars: worlds between two edges, those with a lower bound apart."""
    rows, below = [], np.zeros(len(edges) - 1, np.int64)
    for label, chosen in ((KNOWN, ~bound), (AT_LEAST, bound)):
        counts, _ = np.histogram(values[chosen], edges)
        some = np.flatnonzero(counts)
        part = {"low": edges[some], "high": edges[some + 1], "from": below[some]}
        rows.append(pd.DataFrame({**part, "to": (below + counts)[some], "value": label}))
        below = below + counts
    return pd.concat(rows, ignore_index=True)


def _places(at: FloatArray, edges: FloatArray, is_log: bool) -> FloatArray:
    """Where on the axis values are, from 0 to 1."""
    if is_log:
        at, edges = np.log(at), np.log(edges)
    places: FloatArray = (at - edges[0]) / (edges[-1] - edges[0])
    return places
