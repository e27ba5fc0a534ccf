"""The answer of the study, as frames and as a sentence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.montecarlo.shares import Share
from sim.montecarlo.summary import share_as_json
from sim.studies.measure import Measure

CHANCE = "chance within a world"
ALIKE_ROWS = 2**16  # beyond, two inputs move the answer alike for all practical purposes
FEWEST_OF_EACH = 8  # worlds in which a decision holds, in which it fails, rows that turn it
ROUGH = 64  # rows below which the whole study is
MATTERS = 0.1  # a first-order index from which on it is worth while to learn an input


@dataclass(frozen=True, slots=True)
class Influence:
    """What moves one measure.

    Attributes
    ----------
    measure : Measure
    varies : bool
        Whether it differs between worlds at all.
    rows, undefined : int
        Rows used; rows left out because the measure is undefined in a world of theirs.
    mean, p5, p50, p95 : float
        Over all worlds of A and B.
    at_medians : float
        Mean over the tornado's worlds with every input at its median.
    lower_bound_share : float
        Share of worlds in which the measure is a lower bound.
    ranked : bool
        Whether the indices are those of its rank among the worlds, because some values are lower
        bounds, or because a few worlds hold more than half of the variance.
    rarer : float
        Worlds of A and B in which a decision goes the way that it goes more rarely; infinite for a
        metric.
    held : Share or None
        Worlds of A and B in which a decision holds; None for a metric.
    factors : pandas.DataFrame
        A row per factor, the greatest total first, and one for chance: ``factor``; the indices
        ``first`` and ``total`` with ``_low`` and ``_high``; ``width_known``, what p5 to p95 would
        be wide on average once it is known; ``input_p10``, ``input_p90`` (NaN of inputs that are
        learned together), the measure ``at_p10`` and ``at_p90`` with all others at their medians,
        and ``swing`` between with ``_low`` and ``_high``.
    leader, rival : str
        The inputs of greatest and second greatest first-order index; empty where there is none.
    told : bool
        Whether the rows suffice to tell the two apart.
    rows_needed : float
        About as many would; infinite beyond 65,536.
    """

    measure: Measure
    varies: bool
    rows: int
    undefined: int
    mean: float
    p5: float
    p50: float
    p95: float
    at_medians: float
    lower_bound_share: float
    ranked: bool
    rarer: float
    held: Share | None
    factors: pd.DataFrame
    leader: str
    rival: str
    told: bool
    rows_needed: float

    @property
    def led(self) -> bool:
        """Whether there is an input that is worth learning first."""
        return self.varies and self.told and self.share(self.leader) >= MATTERS

    def share(self, factor: str, index: str = "first") -> float:
        """An index of a factor."""
        return float(self.factors.loc[self.factors["factor"] == factor, index].iloc[0])

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "metric": self.measure.name,
            **({} if self.held is None else share_as_json("probability", self.held)),
            **{
                name: _plain(getattr(self, name))
                for name in (
                    "varies", "rows", "undefined", "mean", "p5", "p50", "p95", "at_medians",
                    "lower_bound_share", "ranked", "leader", "rival", "told", "rows_needed",
                )
            },
            "factors": [
                {key: _plain(value) for key, value in row.items()}
                for row in self.factors.to_dict("records")
            ],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Which uncertain inputs move which measures.

    Attributes
    ----------
    scenario : str
    seed, rows : int
        Rows of each matrix.
    worlds : int
        Simulated in all.
    overloaded_share : float
        Of the worlds of A and B.
    fixed : tuple of str
        Inputs that are written as a distribution and never vary.
    influences : tuple of Influence
        One of each measure, in the order asked for.
    notes : tuple of str
        What figures of a month rest on, and which latencies are of all workloads together.
    """

    scenario: str
    seed: int
    rows: int
    worlds: int
    overloaded_share: float
    fixed: tuple[str, ...]
    influences: tuple[Influence, ...]
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What to measure first."""
        rough = f" (rough: {self.rows} rows)" if self.rough else ""
        return f"{self.scenario}{rough}: {'; '.join(self._clauses())}."

    @property
    def rough(self) -> bool:
        """Whether the rows are so few that shares of the variance may be far off."""
        return self.rows < ROUGH

    def frames(self) -> dict[str, pd.DataFrame]:
        """``factors``: the rows of every measure."""
        frames = [
            each.factors.assign(metric=each.measure.name).set_index("metric").reset_index()
            for each in self.influences
        ]
        return {"factors": pd.concat(frames, ignore_index=True)}

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "study": "sensitivity",
            "scenario": self.scenario,
            "sentence": self.sentence,
            "seed": self.seed,
            "rows": self.rows,
            "rough": self.rough,
            "worlds": self.worlds,
            "overloaded_share": self.overloaded_share,
            "never_vary": list(self.fixed),
            "metrics": [each.as_json() for each in self.influences],
            "notes": list(self.notes),
        }

    def _clauses(self) -> list[str]:
        names = short_names([path for each in self.influences for path in each.factors["factor"]])
        led: dict[str, list[str]] = {}
        others: list[str] = []
        for each in self.influences:
            if each.led:
                share = percent(each.share(each.leader))
                led.setdefault(each.leader, []).append(f"{share} of the variance of {_of(each)}")
            else:
                others.append(unled(each, names))
        known = [
            f"to know {names[leader]} would take away {_listed(shares)}"
            for leader, shares in led.items()
        ]
        return known + others


def unled(each: Influence, names: dict[str, str]) -> str:
    """Why there is no input to be learned first."""
    about = _of(each)
    if not each.varies:
        if math.isnan(each.mean):
            return f"{about} is undefined in too many worlds"
        always = f"is {each.measure.amount(each.mean)} in every world"
        if each.held is not None:
            always = f"holds in {each.held.words()}"
        return f"{about} {always}, whatever the inputs"
    if each.rarer >= FEWEST_OF_EACH and each.share(CHANCE, "total") > 0.5:
        return (
            f"{about} is chance within a world above all"
            f" ({percent(each.share(CHANCE, 'total'))} of the variance), whatever the inputs"
        )
    more = (
        f"about {each.rows_needed:,.0f} would do"
        if math.isfinite(each.rows_needed)
        else f"nor would {ALIKE_ROWS:,} be enough: in practice there is no difference"
    )
    if each.told:
        return (
            f"to know any one input would hardly narrow {about} (at most by"
            f" {percent(each.share(each.leader))} of the variance)"
        )
    if each.held is not None and each.rarer < FEWEST_OF_EACH:
        return (
            f"cannot tell at {each.rows} rows what moves {about}, which holds in"
            f" {each.held.words()}; {more}"
        )
    if not each.rival:
        subject = f"whether {names[each.leader]} moves {about} at all"
    else:
        shares = (percent(each.share(path)) for path in (each.leader, each.rival))
        subject = (
            f"whether {names[each.leader]} or {names[each.rival]} moves {about} most"
            f" ({' and '.join(shares)} of the variance)"
        )
    return f"cannot tell at {each.rows} rows {subject}; {more}"


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Paths without what all of a kind begin with.

    >>> list(short_names(["workloads.chat.arrivals.users", "backends.large.replicas"]).values())
    ['chat.arrivals.users', 'large.replicas']
    """
    short = {}
    for path in paths:
        first, _, rest = path.partition(".")
        short[path] = rest if first in ("workloads", "backends") and rest else path
    if len(set(short.values())) < len(short):  # a workload and a backend of one name
        return {path: path for path in paths}
    return short


def percent(share: float) -> str:
    """A share of the variance: between none and all, whatever chance makes of its estimate.

    >>> percent(0.934), percent(-0.02), percent(1.01), percent(0.004)
    ('93 %', '0 %', '100 %', '0.4 %')
    """
    if math.isnan(share):
        return "–"
    share = min(max(share, 0.0), 1.0)
    small = 0.0005 <= share < 0.01
    return f"{100 * share:.{1 if small else 0}f} %"


def _of(each: Influence) -> str:
    words = each.measure.words()
    return f"'{words}'" if each.measure.decision else words


def _listed(items: list[str]) -> str:
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
