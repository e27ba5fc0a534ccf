"""The finished runs of all designs, and what follows from them."""

import math
from dataclasses import asdict, fields, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.model.uncertain import UncertainInput
from sim.montecarlo.controls import Controls
from sim.montecarlo.estimates import estimate
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share, share_interval
from sim.montecarlo.undrawn import Undrawn
from sim.studies.compare.answer import Award, Overview
from sim.studies.compare.paired import Paired, order, paired
from sim.studies.held import Held, held
from sim.studies.measure import Measure
from sim.studies.worst import worst_served

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

VERDICTS = {-1: "lower", 0: "cannot tell", 1: "higher"}


class Field:
    """The finished runs of all designs.

    Parameters
    ----------
    labels : list of str
    results : list of RunResult
        A run of each.
    worlds : int
        The first so many of each are compared.
    equal_within : float
        Share of a figure below which a difference is of no use; of shares in points.
    """

    def __init__(
        self, labels: list[str], results: list[RunResult], worlds: int, equal_within: float = 0.0
    ) -> None:
        self.labels = labels
        self._results = results
        self._worlds = worlds
        self._equal_within = equal_within
        self._controls = controls_of(results, worlds)

    @property
    def undrawn(self) -> tuple[Undrawn, ...]:
        """Rare branches of any design's inputs that are in none of the worlds."""
        return self._controls.undrawn

    def values(self, place: int, measure: Measure) -> FloatArray:
        """A measure of a design in each world."""
        return measure.of(self._results[place])[: self._worlds]

    def bounds(self, place: int, measure: Measure) -> BoolArray:
        """Where it is a lower bound."""
        return measure.lower_bound(self._results[place])[: self._worlds]

    def order(self, one: int, other: int, measure: Measure) -> FloatArray:
        """In each world -1 where one design is below the other, 0, 1; NaN where unknown."""
        return order(
            self.values(one, measure),
            self.values(other, measure),
            (self.bounds(one, measure), self.bounds(other, measure)),
        )

    def paired(self, one: int, other: int, measure: Measure, confidence: float) -> Paired:
        """One design less the other."""
        return paired(
            self.values(one, measure),
            self.values(other, measure),
            (self.bounds(one, measure), self.bounds(other, measure)),
            confidence,
            self._controls,
        )

    def award(self, measure: Measure, confidence: float) -> Award:
        """The design with the lowest figure, and the one that comes nearest."""
        order = sorted(range(len(self.labels)), key=lambda place: self._rank(place, measure))
        best, *others = order
        against = {place: self.paired(best, place, measure, confidence) for place in others}
        # The verdict holds only if it holds against each of them, and is that of the weakest.
        rival = min(others, key=lambda place: _told(against[place]))
        lead = against[rival]
        equal = self.are_equal(rival, measure, lead)
        return Award(measure, self.labels[best], self.labels[rival], lead, equal)

    def are_equal(self, other: int, measure: Measure, found: Paired) -> bool:
        """Whether a difference to another design is surely too small to be of use, and not 0."""
        if measure.kind == "share":
            reach = self._equal_within
        else:
            reach = self._equal_within * abs(estimate(self.values(other, measure)).p50)
        return self._equal_within > 0.0 and not found.alike and found.within(reach)

    def _rank(self, place: int, measure: Measure) -> tuple[float, float]:
        """Mean of a figure; of one with lower bounds the median, a bound counting as infinite."""
        values, bounded = self.values(place, measure), self.bounds(place, measure)
        anywhere = any(self.bounds(other, measure).any() for other in range(len(self.labels)))
        mean = estimate(values, controls=self._controls).mean
        middle = estimate(np.where(bounded, np.inf, values)).p50 if anywhere else mean
        # What is undefined everywhere comes last.
        return math.inf if math.isnan(middle) else middle, math.inf if math.isnan(mean) else mean

    def overview(self, place: int, cost: Measure, latency: Measure, slo: list[Measure]) -> Overview:
        """A design by itself."""
        return Overview(
            label=self.labels[place],
            cost=estimate(self.values(place, cost), controls=self._controls),
            latency=estimate(
                self.values(place, latency), self.bounds(place, latency), self._controls
            ),
            slo_met=Share.of(self.values(place, slo[0]) > 0.0) if slo else None,
            overloaded=Share.of(self._results[place].sample.overloaded()[: self._worlds]),
            worst=worst_served(self._results[place]),
        )

    def figures(self, measures: list[Measure]) -> pd.DataFrame:
        """Each design's own figures, a row per measure and design."""
        rows = []
        for measure in measures:
            for place, label in enumerate(self.labels):
                values, bounds = self.values(place, measure), self.bounds(place, measure)
                found = estimate(values, bounds, self._controls, measure.decision)
                share = Share.of(values[~np.isnan(values)] > 0.0)
                low, high = share.interval if measure.decision else found.p50_ci
                rows.append(
                    {
                        "metric": measure.name,
                        "design": label,
                        "mean": found.mean,
                        "p5": found.p5,
                        "p50": share.value if measure.decision else found.p50,
                        "p50_low": low,
                        "p50_high": high,
                        "p95": found.p95,
                        "worlds": found.n,
                        "at_least": "p50" in found.at_least,
                    }
                )
        return pd.DataFrame(rows)

    def differences(
        self, measures: list[Measure], confidence: float, pairs: list[tuple[int, int]]
    ) -> pd.DataFrame:
        """One design less the other, a row per pair and measure; undefined ones left out."""
        rows = []
        for one, other in pairs:
            for measure in measures:
                found = self.paired(one, other, measure, confidence)
                if found.n or found.decided:
                    names = {"design": self.labels[one], "against": self.labels[other]}
                    equal = self.are_equal(other, measure, found)
                    rows.append({**names, "metric": measure.name, **_row(found), "equal": equal})
        return pd.DataFrame(rows)

    def joint(self, cost: Measure, latency: Measure, pairs: list[tuple[int, int]]) -> pd.DataFrame:
        """Probabilities that a design is cheaper than the other of its pair, faster, and both."""
        rows = []
        for one, other in pairs:
            orders = [self.order(one, other, each) for each in (cost, latency)]
            cheaper, faster = (each < 0 for each in orders)
            row: dict[str, object] = {"design": self.labels[one], "against": self.labels[other]}
            for name, holds in (
                ("cheaper", cheaper),
                ("faster", faster),
                ("both", cheaper & faster),
            ):
                low, high = share_interval(int(holds.sum()), self._worlds)
                row |= {name: float(holds.mean()), f"{name}_low": low, f"{name}_high": high}
            row["unknown"] = float(np.mean(np.isnan(orders).any(axis=0)))
            rows.append(row)
        return pd.DataFrame(rows)

    def held(self) -> pd.DataFrame:
        """What autoscalers held, a row per design and pool that has one."""
        return pd.DataFrame(
            [
                {"design": label, **asdict(each)}
                for label, result in zip(self.labels, self._results, strict=True)
                for each in held(result)
            ],
            columns=["design", *(each.name for each in fields(Held))],
        )

    def by_world(self, cost: Measure, latency: Measure) -> pd.DataFrame:
        """Cost and latency of every design in every world."""
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "design": label,
                        "world": np.arange(self._worlds),
                        "cost": self.values(place, cost),
                        "latency": self.values(place, latency),
                        "overloaded": self._results[place].sample.overloaded()[: self._worlds],
                    }
                )
                for place, label in enumerate(self.labels)
            ],
            ignore_index=True,
        )


def controls_of(results: list[RunResult], worlds: int) -> Controls:
    """The uncertain inputs of all designs; one that several share is the same in all of them."""
    found = [result.sample.controls().first(worlds) for result in results]
    drawn = [pair for each in found for pair in each.drawn]
    first: dict[str, tuple[UncertainInput, FloatArray]] = {}
    for each, values in drawn:
        first.setdefault(each.path, (each, values))
    draws = {path: values for path, (_, values) in first.items()}
    return replace(Controls.of([each for each, _ in first.values()], draws), drawn=tuple(drawn))


def _told(lead: Paired) -> int:
    """How surely a design beats another: 0 not at all, 1 in every world, 2 on average."""
    return 2 if lead.sign < 0 else 1 if lead.throughout < 0 else 0


def _verdict(found: Paired) -> str:
    """What these worlds tell of a difference."""
    if found.alike:
        return "the same"
    if found.sign == 0 and found.most:
        return f"{VERDICTS[found.most]} in {'every world' if found.throughout else 'most worlds'}"
    return VERDICTS[found.sign]


def _row(found: Paired) -> dict[str, object]:
    """A paired difference as a row of a table."""
    low, high = share_interval(found.lower, found.decided)
    return {
        "mean_difference": found.mean,
        "mean_low": found.mean_ci[0],
        "mean_high": found.mean_ci[1],
        "median_difference": found.median,
        "median_low": found.median_ci[0],
        "median_high": found.median_ci[1],
        "worlds": found.n,
        "bounded": found.bounded,
        "by_median": found.by_median,
        "lower_in": found.lower,
        "higher_in": found.higher,
        "same_in": found.same,
        "unknown_in": found.unknown,
        "lower_share": found.lower / found.decided if found.decided else math.nan,
        "lower_share_low": low,
        "lower_share_high": high,
        "verdict": _verdict(found),
        "worlds_needed": found.worlds_needed,
    }
