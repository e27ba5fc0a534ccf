"""The answer of the study, as frames and as a sentence."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.montecarlo.estimates import Estimate
from sim.montecarlo.shares import Share
from sim.montecarlo.summary import as_json as estimate_as_json
from sim.montecarlo.summary import share_as_json
from sim.montecarlo.undrawn import Undrawn, means_rest_on
from sim.studies.measure import Measure
from sim.studies.sweep.axes import Axis
from sim.studies.sweep.front import BEHIND, FRONT, SAME_AS, UNTOLD, Gap

COST = "cost_usd_per_month"


@dataclass(frozen=True, slots=True)
class Point:
    """A design by itself.

    Attributes
    ----------
    label : str
    values : tuple of str
        Of each key, as they were written.
    cost, latency : Estimate
    slo_met : Share or None
        Worlds that meet the SLO; None where there is none.
    overloaded : Share
    status : str
        ``front``, ``the same``, ``dominated``, ``cannot tell`` or ``falls behind``.
    by : int
        The design of the front that it is the same as, or that dominates it; -1 of none.
    """

    label: str
    values: tuple[str, ...]
    cost: Estimate
    latency: Estimate
    slo_met: Share | None
    overloaded: Share
    status: str
    by: int


@dataclass(frozen=True, slots=True)
class Step:
    """A design of the front, against the next cheaper one of it.

    Attributes
    ----------
    at : int
        The design.
    cost, latency : Gap or None
        It less the cheaper one; None of the cheapest.
    """

    at: int
    cost: Gap | None
    latency: Gap | None

    @property
    def is_told(self) -> bool:
        """Whether the worlds tell the two apart, in one figure at least."""
        return bool((self.cost and self.cost.sign) or (self.latency and self.latency.sign))

    @property
    def is_same(self) -> bool:
        """Whether both figures are the same in all worlds, as far as they tell."""
        return bool(self.cost and self.cost.none and self.latency and self.latency.none)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A design space, and its front.

    Attributes
    ----------
    axes : tuple of Axis
        What was varied.
    drawn : int or None
        Designs that were asked of a Latin hypercube; None of a grid.
    worlds, seed : int
    probability : float
        Share of worlds in which the SLO is to be met.
    cost, latency : Measure
        What the front is of.
    points : tuple of Point
        Every design.
    steps : tuple of Step
        The front, in the order of cost.
    designs : pandas.DataFrame
        A row per design.
    by_world : pandas.DataFrame or None
        A row per design and world, where that was asked for.
    unmoved : tuple of str
        Keys that move no figure in any world.
    undrawn : tuple of Undrawn
        Rare branches of inputs that are in none of the worlds.
    confidence : float
        Of the interval of each difference, so that all pairs together have 95 %.
    equal_within : float
        Share of a figure below which a difference is of no use.
    limit_s : float
        The SLO's threshold on the latency; NaN where there is none, or designs differ in it.
    more_is_better : bool
        Whether what stands in place of the latency is better where it is larger.
    """

    axes: tuple[Axis, ...]
    drawn: int | None
    worlds: int
    seed: int
    probability: float
    cost: Measure
    latency: Measure
    points: tuple[Point, ...]
    steps: tuple[Step, ...]
    designs: pd.DataFrame
    by_world: pd.DataFrame | None
    unmoved: tuple[str, ...]
    undrawn: tuple[Undrawn, ...]
    confidence: float
    equal_within: float
    limit_s: float = math.nan
    more_is_better: bool = False

    @property
    def front(self) -> tuple[Point, ...]:
        """The designs of the front, in the order of cost."""
        return tuple(self.points[step.at] for step in self.steps)

    @property
    def sentence(self) -> str:
        """How many are worth their cost, and the cheapest that meets the SLO."""
        many = len(self.points)
        number = len(self.steps)
        are = "are" if number > 1 else "is"
        twins = self.number(SAME_AS)
        same = f", {twins:,} more {'is' if twins == 1 else 'are'} the same as one of it"
        said = f"Of {many:,} designs {number or 'none'} {are} on the front{same if twins else ''}"
        if not number:
            return f"{said}: all fall behind in the median world."
        return f"{said}; {self._choice()}."

    def _choice(self) -> str:
        stated = [point for point in self.points if point.slo_met is not None]
        if not stated:
            first, last = self.front[0], self.front[-1]
            if first is last:
                return f"'{first.label}' is the best in both, {self._figures(first)}"
            return (
                f"it goes from '{first.label}', {self._figures(first)}, to '{last.label}',"
                f" {self._figures(last)}"
            )
        asked = f"{100.0 * self.probability:g} % of worlds"
        good = self.cheapest(self.probability)
        if good is None:
            best = max(stated, key=lambda each: each.slo_met.value if each.slo_met else 0.0)
            assert best.slo_met is not None
            return (
                f"none meets the SLO in {asked}: '{best.label}' comes nearest, {self._price(best)},"
                f" and meets it in {best.slo_met.words()}"
            )
        assert good.slo_met is not None
        said = (
            f"the cheapest that meets the SLO in {asked} is '{good.label}', {self._price(good)}: it"
            f" does in {good.slo_met.words()}"
        )
        sure = self.cheapest(self.probability, sure=True)
        if sure is good:
            return said
        if sure is None:
            return f"{said}; {self.worlds:,} worlds do not make that sure of any design"
        return f"{said}; surely with '{sure.label}', {self._price(sure)}"

    def cheapest(self, probability: float, sure: bool = False) -> Point | None:
        """The cheapest design that meets the SLO in so many worlds, as far as these show or surely.

        Of equal ones the first of the front.
        """
        ranked = [*self.front, *self.points]
        kept = [
            point
            for point in ranked
            if point.slo_met is not None
            and (point.slo_met.interval[0] if sure else point.slo_met.value) >= probability
        ]
        return min(kept, key=lambda point: point.cost.p50, default=None)

    def frames(self) -> dict[str, pd.DataFrame]:
        """``designs``: a row for each."""
        return {"designs": self.designs}

    def columnar(self) -> dict[str, pd.DataFrame]:
        """What is written as Parquet: ``designs``, and ``worlds`` with a row for each of each."""
        worlds = {} if self.by_world is None else {"worlds": self.by_world}
        return {"designs": self.designs, **worlds}

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "study": "sweep",
            "sentence": self.sentence,
            "worlds": self.worlds,
            "seed": self.seed,
            "probability": self.probability,
            "confidence": self.confidence,
            "equal_within": self.equal_within,
            "over": [{"path": axis.path, "values": list(axis.ends())} for axis in self.axes],
            "latin_hypercube": self.drawn,
            "cost": self.cost.name,
            "latency": self.latency.name,
            "designs": [self._design(point) for point in self.points],
            "front": [self._step(step) for step in self.steps],
            "figures": [_plain_row(row) for row in self.designs.to_dict("records")],
            "unmoved": list(self.unmoved),
            **means_rest_on(self.worlds, self.undrawn),
        }

    def untold(self) -> Iterator[tuple[Point, Point]]:
        """Pairs that the worlds do not tell apart: of the front, and with one of the front."""
        for before, step in zip(self.steps, self.steps[1:], strict=False):
            if not step.is_told and not step.is_same:
                yield self.points[step.at], self.points[before.at]
        for point in self.points:
            if point.status == UNTOLD:
                yield point, self.points[point.by]

    def number(self, status: str) -> int:
        """How many designs are so."""
        return sum(point.status == status for point in self.points)

    @property
    def behind(self) -> int:
        """How many fall behind in the median world."""
        return self.number(BEHIND)

    def _price(self, point: Point) -> str:
        """What a design costs in the median world, with its interval."""
        found = point.cost
        (middle, low, high), unit = self.cost.scaled(found.p50, *found.p50_ci)
        interval = f" ({low} … {high})".replace("–", "?") if low != high else ""
        what = " a month" if self.cost.name == COST else f" of {self.cost.words()}"
        return f"at {middle} {unit}{what}{interval}".replace("  ", " ")

    def _figures(self, point: Point) -> str:
        """What a design costs and has for it."""
        return (
            f"{self._price(point)} and {self.latency.amount(point.latency.p50)} of"
            f" {self.latency.words()}"
        )

    def _design(self, point: Point) -> dict[str, Any]:
        return {
            "design": point.label,
            "values": list(point.values),
            "status": point.status,
            "by": self.points[point.by].label if point.by >= 0 else None,
            "cost": estimate_as_json(point.cost),
            "latency": estimate_as_json(point.latency),
            **share_as_json("slo_met_share", point.slo_met),
            **share_as_json("overloaded_share", point.overloaded),
        }

    def _step(self, step: Step) -> dict[str, Any]:
        point = self.points[step.at]
        assert point.status == FRONT
        return {
            "design": point.label,
            "cost_more": _gap(step.cost),
            "latency_more": _gap(step.latency),
            "told_apart": step.is_told if step.cost else None,
        }


def _gap(found: Gap | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {key: _plain(getattr(found, key)) for key in ("median", "low", "high")}


def _plain_row(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(key): _plain(value) for key, value in row.items()}


def _plain(value: Any) -> Any:
    """A cell as JSON has it."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
