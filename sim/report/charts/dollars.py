"""The picture of where a dollar goes: step by step, from the price lists to what is paid for what.

What everything would cost by the public price lists without any memory of prompts comes first, then
what such memories save and what is paid below the lists; what is left is paid, for work, for room,
for nothing and for nobody.
"""

import math
from dataclasses import dataclass

import altair as alt
import pandas as pd

from sim.montecarlo.result import RunResult
from sim.report.charts.axes import amount, amounts
from sim.report.charts.chart import Chart
from sim.report.charts.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    Align,
    brief_names,
    drawn,
    legend,
    names_axis,
)

STEP = 32
MOST_BACKENDS = 12  # that have a bar of their own
SEEN = 0.0005  # share of the longest bar: less would be no bar
USES = {"used": BLUE, "headroom": SKY, "idle": ORANGE, "wasted": VERMILION}
LISTED, UNCACHED, PAID = "price lists", "price lists, nothing cached", "paid"
CACHED, WRITTEN = "cached", "cache writes"  # what a memory of prompts saves, or costs more
BELOW, ABOVE = "below the lists", "above the lists"
SAVED, ADDED = dict.fromkeys((CACHED, BELOW), GREEN), dict.fromkeys((WRITTEN, ABOVE), PINK)
COLOURS = {**dict.fromkeys((LISTED, UNCACHED, PAID), GREY), **SAVED, **ADDED, **USES}
TITLE = "USD over the horizon, mean over worlds"
MEANING = (
    "Used: work for answers, at full batches; headroom: ready, not needed at that moment; idle:"
    " nothing to do, or committed and not used; wasted: work for nobody"
)


@dataclass(frozen=True, slots=True)
class Step:
    """A bar, from one amount to another, in USD."""

    name: str
    begin: float
    end: float

    @property
    def usd(self) -> float:
        """Its length: what it adds; what it takes away is below 0."""
        return self.end - self.begin


def dollars(result: RunResult, about: str) -> list[Chart]:
    """From the price lists to each use, then the uses of each backend among several.

    Nothing where all is paid by the list, and for work that is used.
    """
    steps = steps_of(
        {use: _mean_usd(result, f"cost_{use}_usd") for use in USES},
        _mean_usd(result, "cost_list_usd"),
        _mean_usd(result, "saved_by_caches_usd"),
    )
    if len([step for step in steps if step.name != PAID]) < 2:
        return []
    found = [_steps(steps, about)]
    several = len(result.design.backends) > 1
    return [*found, _backends(result, about)] if several else found


def steps_of(uses: dict[str, float], list_usd: float, saved_usd: float) -> list[Step]:
    """The steps that are worth a bar.

    >>> [(s.name, s.usd) for s in steps_of({"used": 6.0, "idle": 2.0}, 9.0, 1.0)]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('price lists, nothing cached', 10.0), ('cached', -1.0), ('below the lists', -1.0),
     ('paid', 8.0), ('used', 6.0), ('idle', 2.0)]
    """
    paid = math.fsum(uses.values())
    list_usd = list_usd if math.isfinite(list_usd) else paid
    saved_usd = saved_usd if math.isfinite(saved_usd) else 0.0
    least = SEEN * max(paid, list_usd + saved_usd)
    steps: list[Step] = []
    cached, below = abs(saved_usd) > least, abs(list_usd - paid) > least
    if cached or below:
        name = UNCACHED if cached else LISTED
        steps.append(Step(name, 0.0, list_usd + (saved_usd if cached else 0.0)))
    if cached:
        name = CACHED if saved_usd > 0 else WRITTEN
        steps.append(Step(name, list_usd + saved_usd, list_usd))
    if below:
        steps.append(Step(BELOW if paid < list_usd else ABOVE, list_usd, paid))
    if steps or len([usd for usd in uses.values() if usd > least]) > 1:
        steps.append(Step(PAID, 0.0, paid))
    begun = paid
    for use, usd in uses.items():
        if usd > least:
            steps.append(Step(use, begun - usd, begun))
            begun -= usd
    return steps


def _steps(steps: list[Step], about: str) -> Chart:
    """A bar for each step, that begins where the one before ends."""
    paid = next(step.usd for step in steps if step.name == PAID)
    frame = pd.DataFrame(
        {"step": [s.name for s in steps], "from": [s.begin for s in steps],
         "to": [s.end for s in steps], "usd": [s.usd for s in steps]}
    )  # fmt: skip
    shares = [amount("share", abs(usd) / paid) if paid > 0 else "" for usd in frame["usd"]]
    frame["label"] = [
        f"{'−' if usd < 0 else ''}{amount('usd', abs(usd))}"
        + (f" ({share})" if name in USES else "")
        for name, usd, share in zip(frame["step"], frame["usd"], shares, strict=True)
    ]
    across = amounts("usd", [*frame["from"], *frame["to"]], TITLE, beside_names=True)
    top = across["scale"].domain[1]
    y = alt.Y("step:N", sort=list(frame["step"]), axis=names_axis(domain=False, ticks=False))
    colours = alt.Scale(domain=list(frame["step"]), range=[COLOURS[n] for n in frame["step"]])
    colour = alt.Color("step:N", scale=colours, legend=None)
    base = alt.Chart(frame)
    layers = [
        base.mark_bar(height={"band": 0.66}).encode(
            x=alt.X("from:Q", **across), x2=alt.X2("to:Q"), y=y, color=colour
        )
    ]
    for part, field, align, dx in _labels(frame, top):
        if align == "center":  # on a bar, not on the page
            text = alt.Chart(part).mark_text(align=align, fontSize=10, color="white")
        else:
            text = alt.Chart(part).mark_text(align=align, dx=dx, fontSize=10)
        layers.append(text.encode(x=alt.X(f"{field}:Q"), y=y, text=alt.Text("label:N")))
    told = "; ".join(f"{row.step} {row.label}" for row in frame.itertuples())
    return drawn(
        "dollars",
        frame.drop(columns="label"),
        alt.layer(*layers),
        "Where does a dollar go?",
        [about, MEANING],
        f"Steps over the horizon, mean over worlds: {told}.",
        height=alt.Step(STEP),
    )


def _labels(frame: pd.DataFrame, top: float) -> list[tuple[pd.DataFrame, str, Align, int]]:
    """Where a bar's figure has room: after it, before it, else in its middle."""
    left, right = frame[["from", "to"]].min(axis=1), frame[["from", "to"]].max(axis=1)
    placed = frame.assign(left=left, right=right, middle=(left + right) / 2)
    after, before = right < 0.6 * top, left > 0.4 * top
    places: list[tuple[pd.DataFrame, str, Align, int]] = [
        (placed[after], "right", "left", 4),
        (placed[~after & before], "left", "right", -4),
        (placed[~after & ~before], "middle", "center", 0),
    ]
    return [place for place in places if len(place[0])]


def _backends(result: RunResult, about: str) -> Chart:
    """What each backend costs, by its use; the cheapest of many together."""
    uses = list(USES)
    usd = {
        backend.name: [_mean_usd(result, f"backends.{backend.name}.cost_{u}_usd") for u in uses]
        for backend in result.design.backends
    }
    order = sorted(usd, key=lambda name: -sum(usd[name])) if len(usd) > MOST_BACKENDS else list(usd)
    if len(order) > MOST_BACKENDS:
        rest = order[MOST_BACKENDS - 1 :]
        others = f"{len(rest)} others"
        usd[others] = [sum(usd[name][n] for name in rest) for n in range(len(uses))]
        order = [*order[: MOST_BACKENDS - 1], others]
    names = brief_names(order)
    frame = pd.DataFrame(
        {"backend": names[name], "use": use, "usd": usd[name][n], "order": n}
        for name in order
        for n, use in enumerate(uses)
    )
    totals = {name: math.fsum(usd[name]) for name in order}
    colours = alt.Scale(domain=uses, range=list(USES.values()))
    key = legend(uses, beside_names=True)
    bars = (
        alt.Chart(frame)
        .mark_bar(height={"band": 0.66})
        .encode(
            x=alt.X("usd:Q", **amounts("usd", totals.values(), TITLE, beside_names=True)),
            y=alt.Y("backend:N", sort=list(names.values()), axis=names_axis()),
            color=alt.Color("use:N", scale=colours, sort=uses, legend=key),
            order=alt.Order("order:Q"),
        )
    )
    told = "; ".join(f"{names[name]} {amount('usd', usd)}" for name, usd in totals.items())
    return drawn(
        "dollars_by_backend",
        frame,
        bars,
        "What does each backend cost, and what for?",
        about,
        f"Bars by use, mean over worlds: {told}.",
        height=alt.Step(STEP),
    )


def _mean_usd(result: RunResult, metric: str) -> float:
    return float(result.sample.values(metric).mean())
