"""The simulated days of a plan, and the fleets that serve them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.model.design import Design, GpuPool
from sim.montecarlo.cause import Cause, main_cause
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.result import RunResult
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.plan.contracts import Contract, contracts
from sim.studies.plan.days import PEAK, Counts, World, busiest, day, key_of, kinds_of, own_of
from sim.studies.plan.months import interpolated
from sim.studies.plan.outlook import Outlook
from sim.studies.resize import smallest
from sim.studies.stress.verdict import Judge

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Needs = dict[str, FloatArray]  # replicas by pool, each (worlds,)

# Replicas over the fluid estimate of the peak, from what is bare to where more is of no help.
MARGINS = (1.0, 1.1, 1.2, 1.35, 1.5, 1.7, 2.0, 2.5, 3.0, 4.0, 6.0)
HOURS = 24
START = 3  # the margin that is tried first
FIRST_LOOK = 4  # worlds, before all of them
COLUMNS = ("ready_replicas", "starting_replicas", "draining_replicas")


@dataclass(frozen=True, slots=True)
class Month:
    """One simulated month.

    Attributes
    ----------
    month : int
    margin : float
        Replicas over the fluid estimate of the busiest day's need; NaN where the fleet scales
        itself, or no margin suffices (then the largest is used).
    needs, replicas : dict of str to (worlds,) float64
        Replicas that the busiest day fills by that estimate, not rounded, and those that it is
        given, whole ones with the margin, of each pool that does not scale by itself.
    held : int
        Worlds that hold on all kinds of days.
    cause : Cause or None
        Of missed SLOs, where more worlds miss them than may.
    days : dict of str to RunResult
        By kind of day.
    gpus : dict of str to (worlds, kinds, 24) float64
        In use by the hour, of each pool, by kind of day in the order of ``days``.
    """

    month: int
    margin: float
    needs: Needs
    replicas: Needs
    held: int
    cause: Cause | None
    days: dict[str, RunResult]
    gpus: dict[str, FloatArray]


@dataclass
class Simulations:
    """Simulates the months of a plan.

    Attributes
    ----------
    case : Case
    bench : Bench
    outlook : Outlook
    worlds, seed : int
    judge : Judge
    design : Design
        A typical one, for what does not change.
    values : list of dict
        What is drawn in each world.
    terms : mapping of str to Contract
        Of the APIs, what is counted by the month.
    """

    case: Case
    bench: Bench
    outlook: Outlook
    worlds: int
    seed: int
    judge: Judge
    design: Design
    values: list[dict[str, float]] = field(init=False)
    terms: Mapping[str, Contract] = field(init=False)
    _keys: list[World] = field(init=False)

    def __post_init__(self) -> None:
        draws = draw_worlds(self._day(0, busiest(self.outlook)).inputs, self.seed, self.worlds)
        self.values = [
            {path: float(own[world]) for path, own in draws.items()} for world in range(self.worlds)
        ]
        self._keys = [key_of(each) for each in self.values]
        scenario = self.case.load()
        self.terms = contracts([scenario.design(own_of(each)) for each in self.values])

    @property
    def fixed(self) -> list[GpuPool]:
        """Pools that do not scale by themselves."""
        return [pool for pool in self.design.pools if pool.autoscaler is None]

    def month(self, month: int, beside: tuple[Month, ...] = ()) -> Month:
        """A month with the fleet that it takes.

        Parameters
        ----------
        month : int
        beside : tuple of Month
            Simulated ones on the same hardware: from one it is known about what margin it takes,
            from one on either side what is needed, which is then not measured again.
        """
        self.bench.told(f"month {month + 1}")
        needs, margin = self._needs(month, beside), math.nan
        if self.fixed:
            margin = self._margin(month, needs, beside)
        used = MARGINS[-1] if math.isnan(margin) else margin
        counts = self._counts(needs, used)
        days = {
            kind: self._run(self._day(month, kind, counts), f"month {month + 1}, {kind}")
            for kind in kinds_of(self.outlook)
        }
        held = {kind: self.held(result) for kind, result in days.items()}
        holding = int(np.logical_and.reduce(list(held.values())).sum())
        why = None
        if not self.enough(holding):
            kind = min(held, key=lambda each: int(held[each].sum()))
            why = self.cause(days[kind])
        return Month(
            month=month,
            margin=margin,
            needs=needs,
            replicas={
                pool.name: np.array([float(whole(used * own, pool)) for own in needs[pool.name]])
                for pool in self.fixed
            },
            held=holding,
            cause=why,
            days=days,
            gpus={
                pool.name: np.stack([self._gpus(each, pool) for each in days.values()], axis=1)
                for pool in self.design.pools
            },
        )

    def kept(self, month: int) -> RunResult:
        """The busiest day of a month, with today's fleet on today's hardware."""
        self.bench.told(f"today's fleet in month {month + 1}")
        outlook = self.outlook.unrefreshed() if self.outlook.changes else self.outlook
        about = f"today's fleet in month {month + 1}"
        return self._run(day(self.case, outlook, month, busiest(outlook)), about)

    def held(self, result: RunResult) -> BoolArray:
        """Whether each world of a day holds: (worlds,) bool."""
        return self.judge.held(result)[: self.worlds]

    def enough(self, held: int) -> bool:
        """Whether so many worlds hold as are asked for."""
        return held >= self.judge.probability * self.worlds

    def cause(self, result: RunResult) -> Cause | None:
        """The most frequent cause in the worlds that miss their SLO; None if none does."""
        missing = np.flatnonzero(~self.held(result))
        causes = [result.cause(int(world)) for world in missing]
        return main_cause(causes) if causes else None

    def _day(self, month: int, kind: str, counts: Counts | None = None) -> Scenario:
        return day(self.case, self.outlook, month, kind, counts)

    def _run(self, scenario: Scenario, about: str, worlds: int | None = None) -> RunResult:
        return self.bench.run(scenario, worlds or self.worlds, self.seed, about=about)

    def _counts(self, needs: Needs, margin: float) -> Counts | None:
        """Whole replicas, so many times what is needed."""
        if not self.fixed:
            return None
        counts: dict[World, dict[str, int]] = {}
        for world, key in enumerate(self._keys):
            counts[key] = {
                pool.name: whole(margin * float(needs[pool.name][world]), pool)
                for pool in self.fixed
            }
        return counts

    def _margin(self, month: int, needs: Needs, beside: tuple[Month, ...]) -> float:
        """The smallest margin over each world's need that holds on the busiest day, or NaN."""

        def holds(index: int) -> bool:
            counts = self._counts(needs, MARGINS[index])
            scenario = self._day(month, busiest(self.outlook), counts)
            allowed = self.judge.allowed(self.worlds)
            first = min(FIRST_LOOK, self.worlds)
            about = f"month {month + 1}, sizing, margin {MARGINS[index]:g}"
            looked = self.judge.held(self._run(scenario, about, first))[:first]
            if int((~looked).sum()) > allowed:
                return False
            return int((~self.held(self._run(scenario, about))).sum()) <= allowed

        known = [each.margin for each in beside if each.margin in MARGINS]
        start = MARGINS.index(known[0]) if known else START
        found = smallest(holds, start=start, most=len(MARGINS) - 1, least=0)
        return math.nan if found is None else MARGINS[found]

    def _needs(self, month: int, beside: tuple[Month, ...]) -> Needs:
        """Replicas that the busiest bin of the busiest day fills, by a fluid estimate.

        Measured in a day whose fleet has grown in proportion to the tokens, or, between two months
        in which it was, interpolated.
        """
        if not self.fixed:
            return {}
        if len(beside) == 2:
            at = [each.month for each in beside]
            volume = self.volume().T
            return {
                pool.name: interpolated(
                    at,
                    np.stack([each.needs[pool.name] for each in beside]),
                    np.array([float(month)]),
                    volume,
                )[0]
                for pool in self.fixed
            }
        tokens = np.array([self._tokens(month, values) for values in self.values])
        guess = {pool.name: pool.replicas * tokens for pool in self.fixed}
        counts = self._counts(guess, 1.0)
        looked = self._day(month, busiest(self.outlook), counts)
        sample = self._run(looked, f"month {month + 1}, how much work").sample
        found = {}
        for pool in self.fixed:
            load = sample.values(f"backends.{pool.name}.offered_load_peak")[: self.worlds]
            size = np.array([whole(own, pool) for own in guess[pool.name]])
            found[pool.name] = self._shared(size * np.where(np.isfinite(load), load, 1.0))
        return found

    def _shared(self, needs: FloatArray) -> FloatArray:
        """The largest need of all worlds with the same draws, which get the same fleet."""
        most: dict[World, float] = {}
        for key, need in zip(self._keys, needs, strict=True):
            most[key] = max(most.get(key, 0.0), float(need))
        return np.array([most[key] for key in self._keys])

    def volume(self) -> FloatArray:
        """Multiples of today's volume: (worlds, months)."""
        every = range(self.outlook.months)
        return np.array([[self.outlook.volume(m, each) for m in every] for each in self.values])

    def _tokens(self, month: int, values: dict[str, float]) -> float:
        outlook = self.outlook
        growth = outlook.volume(month, values) * outlook.prompt(month, values)
        factor = outlook.peak_factor if busiest(outlook) == PEAK else 1.0
        return factor * growth / outlook.hardware(month).speed

    def _gpus(self, result: RunResult, pool: GpuPool) -> FloatArray:
        """GPUs that a pool has in each hour of a day, not those it waits for: (worlds, 24)."""
        timelines = result.sample.timelines
        prefix = f"backends.{pool.name}." if len(self.design.pools) > 1 else ""
        rows = []
        for world in range(self.worlds):
            columns = timelines.timeline(world)
            replicas = sum(columns[prefix + name].astype(np.float64) for name in COLUMNS)
            replicas = replicas - columns[f"{prefix}pending_replicas"].astype(np.float64)
            rows.append(np.asarray(replicas).reshape(HOURS, -1).mean(axis=1))
        return in_gpus(pool, np.stack(rows))


def in_gpus(pool: GpuPool, replicas: FloatArray) -> FloatArray:
    """GPUs that are paid for so many replicas, in whole nodes where they are bought so."""
    if pool.node_gpus is None:
        return replicas * pool.gpus_per_replica
    nodes: FloatArray = np.ceil(replicas / pool.unit_replicas - 1e-9)
    return nodes * pool.unit_gpus


def whole(replicas: float, pool: GpuPool) -> int:
    """So many replicas or the next more, at least one, and no more than there is capacity for."""
    most = max(pool.lifecycle.most_serving, 1)
    return int(min(max(1, math.ceil(replicas - 1e-6)), most))
