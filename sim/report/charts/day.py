"""Pictures of the horizon as it passes: load, waiting, queue, replicas, retries, lost requests.

Of several workloads the one that is served worst is drawn where waiting and lost requests are
concerned: others that go on undisturbed would hide its outage.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.model.design import Design
from sim.montecarlo.result import RunResult
from sim.report.charts.axes import DAY, HOUR, MINUTE, amount, amounts, between
from sim.report.charts.chart import Chart
from sim.report.charts.hours import CellArray, FloatArray, Hours, bands
from sim.report.charts.style import (
    BLUE,
    GREEN,
    GREY,
    HEIGHT,
    ORANGE,
    PINK,
    VERMILION,
    Align,
    at_y,
    brief,
    drawn,
    level,
)
from sim.report.figures import Kind, duration

MOST_TICKS = 7
TICKS = (
    *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY),
)
MOST_DAYS = 62.0  # beyond, ticks are at the beginnings of months
LOST = 0.005  # share of requests without an answer, from which on they are worth a picture
RETRIED = 1.02  # attempts per request, likewise
LABELLED = 0.08  # of the width: a band as wide has its name above it
MOST_EVENTS = 12  # that are drawn


@dataclass(frozen=True, slots=True)
class Line:
    """A figure over the horizon.

    Attributes
    ----------
    name : str
        Of the files.
    column : str
        Of its data.
    question, title : str
    kind : {"usd", "seconds", "share", "count", "rate"}
    colour : str
    """

    name: str
    column: str
    question: str
    title: str
    kind: Kind
    colour: str


LOAD = Line(
    "load", "load_rps", "How many requests arrive, and when?", "requests a second", "rate", BLUE
)
WAIT = Line(
    "wait",
    "ttft_p95_s",
    "When do people wait for a first token?",
    "p95 time to first token",
    "seconds",
    VERMILION,
)
UNANSWERED = Line(
    "unanswered",
    "unanswered_share",
    "When do requests get no answer?",
    "share of requests without an answer",
    "share",
    VERMILION,
)
QUEUE = Line(
    "queue", "queue", "When do requests queue?", "requests waiting for a replica", "rate", ORANGE
)
REPLICAS = Line(
    "replicas", "ready_replicas", "How many replicas are ready?", "replicas", "rate", GREEN
)
RETRIES = Line(
    "retries",
    "attempts_per_request",
    "When are requests sent again?",
    "attempts a request",
    "rate",
    PINK,
)


def day(result: RunResult, hours: Hours, about: str) -> list[Chart]:
    """What happens over the horizon, each figure that changes with its band over worlds."""
    if not len(hours):
        return []
    horizon = _Horizon(result, hours, about)
    return [chart for line in horizon.lines() if (chart := horizon.chart(*line)) is not None]


@dataclass(frozen=True, slots=True)
class _Horizon:
    """A run, as it is drawn over time."""

    result: RunResult
    hours: Hours
    about: str

    def lines(self) -> Iterator[tuple[Line, CellArray, str]]:
        """Each line that is worth a picture, its values (worlds, n), and whose they are."""
        prefix, whose = self._worst()
        columns = self.hours.timelines.columns
        yield LOAD, self.hours.values("load_rps"), ""
        yield WAIT, self.hours.wait_s(prefix), whose
        lost = self.hours.unanswered_share(prefix)
        if _most(lost) > LOST:
            yield UNANSWERED, lost, whose
        if "queue" in columns and _most(queue := self.hours.values("queue")) >= 1.0:
            yield QUEUE, queue, ""
        if "ready_replicas" in columns:
            yield REPLICAS, self.hours.values("ready_replicas"), ""
        attempts = self.hours.values(f"{prefix}attempts_per_request")
        if _most(attempts) > RETRIED:
            yield RETRIES, attempts, whose

    def _worst(self) -> tuple[str, str]:
        worst, *others = self.result.summary["worst_workloads"]
        if not others:
            return "", ""
        return f"workloads.{worst['name']}.", f"{brief(worst['name'])}, the worst served"

    def chart(self, line: Line, values: CellArray, whose: str) -> Chart | None:
        """The median over worlds and the band from p5 to p95; None where nothing ever changes."""
        found = bands(values)
        p5, p95 = found["p5"], found["p95"]
        is_flat = np.isfinite(p5[0]) and (p95 == p5[0]).all()
        if is_flat or np.isnan(found["p50"]).all():
            return None
        frame = self._frame(line, found)
        limit = self._limit() if line is WAIT else math.nan
        ends = [*frame["low"], *frame["high"], *frame["mid"], limit]
        up = amounts(line.kind, ends, line.title, log=None if line is WAIT else False, zero=True)
        top = up["scale"].domain[1]
        layers: list[Any] = [*self._events(), *self._outages(found["p50"])]
        x = alt.X("start_s:Q", **self._across())
        base = alt.Chart(frame.dropna(subset=["mid"]).fillna({"high": top}))
        y, detail = alt.Y("mid:Q", **up), alt.Detail("piece:N")
        shape: Any = "step-after" if line is REPLICAS else "linear"
        layers += [
            base.mark_area(color=line.colour, opacity=0.25, interpolate=shape).encode(
                x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), detail=detail
            ),
            base.mark_line(color=line.colour, strokeWidth=2, interpolate=shape).encode(
                x=x, y=y, detail=detail
            ),
        ]
        lone = frame[frame["alone"] & frame["mid"].notna()]
        if len(lone):
            layers.append(
                alt.Chart(lone).mark_point(color=line.colour, filled=True).encode(x=x, y=y)
            )
        if math.isfinite(limit):
            layers += level(limit, f"SLO {amount('seconds', limit)}")
        return drawn(
            f"timeline_{line.name}",
            self._data(line, found),
            alt.layer(*layers),
            line.question,
            self._notes(line, whose, found),
            self._alt(line, whose, found, limit),
        )

    def _frame(self, line: Line, found: dict[str, FloatArray]) -> pd.DataFrame:
        """What is drawn: pieces between outages, each a line of its own."""
        low, mid, high = (found[name].copy() for name in ("p5", "p50", "p95"))
        is_gap = ~np.isfinite(mid)
        mid[is_gap] = np.nan
        piece = np.cumsum(is_gap)
        size = pd.Series(~is_gap).groupby(piece).transform("sum").to_numpy()
        frame = pd.DataFrame(
            {
                "start_s": self.hours.start_s,
                "low": np.where(np.isfinite(low), low, np.nan),
                "mid": mid,
                "high": np.where(np.isfinite(high), high, np.nan),
                "piece": piece,
                "alone": (size == 1) & ~is_gap,
            }
        )
        if line is REPLICAS and len(frame):  # the last step ends where the horizon does
            last = frame.tail(1).assign(start_s=self.hours.span_s, alone=False)
            frame = pd.concat([frame, last], ignore_index=True)
        return frame.round(6)

    def _data(self, line: Line, found: dict[str, FloatArray]) -> pd.DataFrame:
        """The data behind it, for a spreadsheet."""
        moments = [self._moment(start_s) for start_s in self.hours.start_s]
        columns = {f"{line.column}_{name}": cells for name, cells in found.items()}
        return pd.DataFrame({"time": [each.isoformat() for each in moments], **columns})

    def _moment(self, start_s: float) -> datetime:
        return self.result.start + timedelta(seconds=float(start_s))

    def _limit(self) -> float:
        """The SLO on the first token of whom is drawn."""
        worst = self.result.summary["worst_workloads"][0]["name"]
        return next(w.slo.ttft_s for w in self.result.design.workloads if w.name == worst)

    def _across(self) -> dict[str, Any]:
        """The axis of time."""
        start = self.result.start
        ticks = time_ticks(start, self.hours.span_s)
        zero_ms = int((start - datetime(1970, 1, 1)).total_seconds() * 1000)
        moment = f"datum.value * 1000 + {zero_ms}"
        clock, date = f"utcFormat({moment}, '%H:%M')", f"utcFormat({moment}, '%a %-d %b')"
        if self.hours.span_s > MOST_DAYS * DAY:
            label = f"utcFormat({moment}, '%b %Y')"
        elif self.hours.span_s > DAY:
            label = f"{clock} == '00:00' ? {date} : {clock}"
        else:
            label = clock
        return {
            "title": f"{start:%a} {start.day} {start:%b %Y}, clock of the day's shape"
            if self.hours.span_s <= DAY
            else "clock of the day's shape",
            "scale": alt.Scale(domain=[0.0, self.hours.span_s], nice=False),
            "axis": alt.Axis(values=ticks, labelExpr=label, labelOverlap=True, grid=False),
        }

    def _events(self) -> list[alt.Chart]:
        """Bands of what is planned: spikes, outages, with their names."""
        found = [e for e in events(self.result.design) if e[0] < self.hours.span_s][:MOST_EVENTS]
        return _bands(found, self.hours.span_s, GREY)

    def _outages(self, median: FloatArray) -> list[alt.Chart]:
        """Bands where nobody gets an answer in at least half of the worlds."""
        dead = np.isposinf(median)
        if not dead.any():
            return []
        edges = np.flatnonzero(np.diff(np.concatenate([[0], dead.astype(int), [0]])))
        spans = [
            (float(self.hours.start_s[first]), float(self.hours.end_s[last - 1]), "no answers")
            for first, last in edges.reshape(-1, 2)
        ]
        return _bands(spans, self.hours.span_s, VERMILION, at=HEIGHT / 2)

    def _notes(self, line: Line, whose: str, found: dict[str, FloatArray]) -> list[str]:
        worlds = len(self.result.sample)
        notes = [self.about, whose]
        if worlds > 1:
            notes.append("line: median over worlds, band: p5 to p95")
        if self.hours.is_coarse:
            what = "the longest" if line is WAIT else "the mean"
            notes.append(f"{what} of each {_each(self.hours.step_s)}")
        if events(self.result.design):
            notes.append("grey: what is planned")
        if np.isposinf(found["p50"]).any():
            half = "at least half of the worlds" if worlds > 1 else "this world"
            notes.append(f"red: nobody gets an answer in {half}")
        return ["; ".join(note for note in notes if note)]

    def _alt(self, line: Line, whose: str, found: dict[str, FloatArray], limit: float) -> str:
        """What it shows in words."""
        mid = found["p50"]
        known = np.isfinite(mid)
        what = f"{line.title} of {whose}" if whose else line.title
        span = duration(self.hours.span_s)
        if not known.any():
            return f"Over {span} nobody gets an answer in at least half of the worlds: no {what}."
        top = int(np.argmax(np.where(known, mid, -np.inf)))
        ends = between(line.kind, float(mid[known].min()), float(mid[known].max()))
        text = (
            f"Line with a band: {what} over {span} from {self._moment(0.0):%Y-%m-%d %H:%M}. The"
            f" median over worlds is {ends}, most at"
            f" {self._moment(self.hours.start_s[top]):%a %H:%M}."
        )
        high = found["p95"][np.isfinite(found["p95"])]
        if len(high) and len(self.result.sample) > 1:
            text += f" The 95th percentile over worlds reaches {amount(line.kind, high.max())}."
        if math.isfinite(limit):
            above = float((mid > limit).sum() / max((~np.isnan(mid)).sum(), 1))
            text += (
                f" It is above the SLO of {amount('seconds', limit)} for"
                f" {amount('share', above)} of the time."
            )
        dead = np.isposinf(mid)
        if dead.any():
            gone = duration(float((self.hours.end_s - self.hours.start_s)[dead].sum()))
            begin = self._moment(self.hours.start_s[int(np.argmax(dead))])
            text += f" For {gone}, first at {begin:%a %H:%M}, nobody gets an answer."
        return text


def events(design: Design) -> list[tuple[float, float, str]]:
    """What is planned: beginning and end in seconds, and its name; each once, in order."""
    found = [(*spike, "spike") for each in design.workloads for spike in each.spikes]
    for api in design.managed:
        if api.outages is not None:
            found += [(*span, f"outage of {brief(api.name, 24)}") for span in api.outages.planned]
    for pool in design.pools:
        if pool.failures.zones is not None:
            planned = pool.failures.zones.planned
            found += [(start, end, f"zone {brief(zone, 16)} out") for zone, start, end in planned]
    return sorted(dict.fromkeys(found))


def time_ticks(start: datetime, span_s: float) -> list[float]:
    """Moments to be written at the axis, in seconds from the start: round ones of the clock.

    >>> time_ticks(datetime(2026, 11, 23, 9, 10), 3 * 3600.0)
    [1200.0, 3000.0, 4800.0, 6600.0, 8400.0, 10200.0]
    """
    if span_s > MOST_DAYS * DAY:
        return _months(start, span_s)
    step = next((each for each in TICKS if span_s / each <= MOST_TICKS), TICKS[-1])
    midnight = datetime(start.year, start.month, start.day)
    since = (start - midnight).total_seconds()
    first = math.ceil(since / step - 1e-9)
    count = math.floor((since + span_s) / step + 1e-9) - first + 1
    return [(first + n) * step - since for n in range(count)]


def _months(start: datetime, span_s: float) -> list[float]:
    """Beginnings of months, as few as there is room for."""
    months = span_s / (30.4 * DAY)
    every = next((n for n in (1, 2, 3, 6) if months / n <= MOST_TICKS), 12)
    ticks = []
    for number in range(int(months) + 3):
        year, month = divmod(start.month - 1 + number, 12)
        moment = (datetime(start.year + year, month + 1, 1) - start).total_seconds()
        if month % every == 0 and 0.0 <= moment <= span_s:
            ticks.append(moment)
    return ticks


def _bands(
    spans: list[tuple[float, float, str]], span_s: float, colour: str, at: float = 2.0
) -> list[alt.Chart]:
    """Upright bands, each with its name where there is room for one."""
    if not spans:
        return []
    frame = pd.DataFrame(spans, columns=["start_s", "end_s", "label"])
    frame["end_s"] = frame["end_s"].clip(upper=span_s)
    frame["start_s"] = frame["start_s"].clip(lower=0.0)
    frame["middle_s"] = (frame["start_s"] + frame["end_s"]) / 2
    rects = alt.Chart(frame).mark_rect(color=colour, opacity=0.18)
    layers = [rects.encode(x=alt.X("start_s:Q"), x2=alt.X2("end_s:Q"))]
    named = frame.drop_duplicates("label")
    sides: tuple[tuple[Align, pd.DataFrame], ...] = (
        ("left", named[named["middle_s"] < 0.3 * span_s]),
        ("right", named[named["middle_s"] >= 0.3 * span_s]),
    )
    for align, part in sides:
        if len(part):
            where = "end_s:Q" if align == "right" else "start_s:Q"
            text = alt.Chart(part).mark_text(align=align, baseline="top", dx=0)
            layers.append(text.encode(x=where, y=at_y(at), text=alt.Text("label:N")))
    return layers


def _most(values: CellArray) -> float:
    """The greatest p95 over worlds of any step; 0 where there is none."""
    high = bands(values)["p95"]
    known = high[~np.isnan(high)]
    return float(known.max()) if len(known) else 0.0


def _each(step_s: float) -> str:
    """A step, after "each".

    >>> _each(14_400.0), _each(86_400.0)
    ('4 hours', 'day')
    """
    return duration(step_s).removeprefix("1 ")
